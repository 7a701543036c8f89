// make run, after the packages are there (deploy/up): build, private servers, a chain with the contract, the four
// programs, traffic, the live screen; or ONCE=1: 37 tokens, a ledger, a verdict; or CONFIG=FILE: the fleet on your file.
// Everything it starts ends with it (proc.mjs); what stays is under .run: logs, caches, npm packages.
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { basename, dirname, join, resolve } from "node:path";
import { cpus } from "node:os";
import { root } from "./npm.mjs";
import * as proc from "./proc.mjs";
import * as servers from "./servers.mjs";
import { Fleet } from "./fleet.mjs";
import { StepError, mark, step, tty } from "./steps.mjs";

process.chdir(root);
const once = Boolean(process.env.ONCE);
const config = process.env.CONFIG && resolve(process.env.CONFIG);
const tokens = 10000;
const run = join(root, ".run");
const log = (name) => join(run, "log", name);
const bin = resolve(process.env.BUILD || "build/release", "bin");
const state = { ends: [], over: false };
const quiet = once;

if (once && config) {
	console.error("ONCE=1 shows the demo's own 37 tokens; with CONFIG there is nothing it could read back. Use one of them.");
	process.exit(64);
}

// A terminal that was closed under us takes no more words; what was started still ends in order.
for (const out of [process.stdout, process.stderr]) out.on("error", () => (state.deaf = true));

// Ends in the reverse order of starting, at most once; says what did not end well.
async function end() {
	if (state.over) return state.ended;
	state.over = true;
	state.ended = (async () => {
		const bad = [];
		for (const fn of state.ends.reverse()) {
			try {
				bad.push(...((await fn()) ?? []));
			} catch (e) {
				bad.push(e.message);
			}
		}
		proc.killAll();
		servers.removeOutside();
		return bad;
	})();
	return state.ended;
}
async function leave(code) {
	if (tty && !once) process.stdout.write(`\r\x1b[K ${mark.more} ends what it started\r`);
	const bad = await end();
	if (tty && !once) process.stdout.write("\r\x1b[K");
	for (const b of bad) console.error(` ${b}`);
	if (!once && code === 0) console.log(" Ended: nothing runs any more. Logs are in .run/log.");
	if (state.deaf) process.kill(process.pid, "SIGKILL"); // process.exit aborts when it can't give the terminal back
	process.exit(bad.length && !code ? 1 : code);
}
for (const s of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(s, () => {
	if (state.over) return;
	state.interrupted = true;
	leave(once ? 130 : 0);
});
process.on("exit", () => proc.killAll());
// Whoever started us (make) may be killed without a word: then nobody wants us any more.
const parent = process.ppid;
setInterval(() => process.ppid !== parent && !state.over && leave(1), 1000).unref();

async function build(say) {
	say(`four programs ${mark.more}`);
	mkdirSync(join(run, "log"), { recursive: true });
	const r = await proc.run("make", ["--no-print-directory", `-j${Math.min(cpus().length, 4)}`, "all"], { cwd: root, env: { MAKEFLAGS: "", CONFIG: "", ONCE: "" } });
	writeFileSync(log("build"), r.text);
	if (r.code) throw new Error(r.text.match(/^\S+:\d+:.*(?:error|fatal).*$/m)?.[0] ?? r.text.match(/^.*(?:error|undefined reference|No rule).*$/mi)?.[0] ?? `make ended with ${r.code}`);
	const warnings = (r.text.match(/\bwarning:/g) ?? []).length;
	const made = /\bfairlead-(listener|batcher|submitter|reconciler)\b/.test(r.text);
	say(`four programs, ${warnings ? `${warnings} warning${warnings > 1 ? "s" : ""}` : made ? "no warning" : "nothing to do"}`);
}

// Sockets of the demo are .run/<name>; where that is too long for a socket address, a short directory stands behind it.
function socketsUnder() {
	const short = Buffer.byteLength(run) <= 80 ? run : servers.outside();
	return { dir: short, shown: (name) => (short === run ? `.run/${name}` : `${short}/${name}`) };
}

async function postgres(sockets, say) {
	say(`private ${mark.more}`);
	const dir = join(sockets.dir, "pg");
	const pg = await servers.postgres(dir, { log: log("postgresql") });
	state.ends.push(async () => {
		await pg.stop("fast");
		rmSync(pg.dir, { recursive: true, force: true });
		rmSync(dir, { recursive: true, force: true });
	});
	say(`private, socket in ${pg.dir === join(run, "pg") ? ".run/pg" : pg.dir}`);
	return pg;
}

async function redis(sockets, say) {
	say(`private ${mark.more}`);
	const r = await servers.redis(sockets.dir, { log: log("redis") });
	state.ends.push(async () => {
		await r.stop();
		rmSync(r.socket, { force: true });
	});
	say(`private, ${sockets.shown("redis.sock")}`);
	return r;
}

async function chain(say) {
	say(`anvil ${mark.more}`);
	const { deploy } = await import("./companions.mjs");
	const dir = join(run, "chain");
	const node = await servers.anvil(dir, { log: log("anvil"), mining: 1 });
	state.ends.push(async () => {
		await node.stop();
		rmSync(dir, { recursive: true, force: true });
	});
	say(`anvil, a block a second; Companions goes in ${mark.more}`);
	const at = await deploy(node.http, { supply: tokens });
	say(`anvil, a block a second; Companions at ${at.address}`);
	return { node, at };
}

async function fleet(sockets, file, env, cwd, say) {
	const f = new Fleet({ bin, file, env, dir: sockets.dir, log: join(run, "log"), cwd, ok: mark.ok, more: mark.more });
	state.ends.push(async () => {
		const bad = await f.stop();
		for (const p of Object.keys(f.members)) rmSync(f.socket(p), { force: true });
		return bad;
	});
	await f.start(say);
	return f;
}

// The page keeps its address when the reconciler is started again, so the port is chosen once.
const freePort = () => new Promise((done) => {
	const s = createServer().listen(0, "127.0.0.1", () => {
		const { port } = s.address();
		s.close(() => done(port));
	});
});

function feet({ sockets, pg, redis, database, traffic, port }) {
	const dir = pg && (pg.dir === join(run, "pg") ? "$PWD/.run/pg" : pg.dir);
	const rows = pg ? `psql -h ${dir} ${database}` : "psql (the database of your environment)";
	const rings = redis ? `redis-cli -s ${sockets.shown("redis.sock")}` : "redis-cli (the Redis of your environment)";
	return [
		...(port ? [` page    http://127.0.0.1:${port}/`] : []),
		` rows    ${rows.padEnd(34)} rings   ${rings}`,
		` health  curl --unix-socket ${sockets.shown("listener.sock")} x/readyz`,
		` traffic ${traffic.padEnd(34)} Ctrl-C ends all that was started`,
	];
}

// Keeps the live screen in front until it is left; where there is none, lines.
async function screen(file, env, foot, f, watch) {
	const lines = () => {
		for (const l of foot) console.log(l);
		f.said = (text) => console.log(` ! ${text}`);
		watch?.onBatch((t, w) => console.log(` batch   ${String(t.ids.length).padStart(2)} tokens (${t.ids.length > 4 ? `${t.ids.slice(0, 3).join(" ")} ${mark.more} ${t.ids.at(-1)}` : t.ids.join(" ")})  ${t.ok ? "mined" : "FAILED"} in block ${t.block}, nonce ${t.nonce}, ${t.hash.slice(0, 6)}${mark.more}${t.hash.slice(-4)}${t.ok ? `, ${w.ms(t.ids[0])} ms from event to mined` : ""}`));
	};
	if (tty && process.stdin.isTTY) {
		const notes = [];
		f.said = (text) => notes.push(text);
		const from = Date.now();
		const top = spawn(join(bin, "fairlead-reconciler"), ["--top", file], { stdio: "inherit", env: { ...process.env, ...env, FAIRLEAD_TOP_FOOT: foot.join("\n") } });
		state.ends.push(() => {
			if (top.exitCode === null && top.signalCode === null) top.kill("SIGTERM");
		});
		const code = await new Promise((done) => top.once("exit", (c, s) => done(s ? 0 : c)));
		if (state.over) return state.ended.then(() => new Promise(() => {}));
		for (const n of notes) console.log(` ! ${n}`);
		if (code === 0 || Date.now() - from > 2000) return;
	}
	lines();
	await new Promise(() => {});
}

async function demo() {
	await step("build", build, { quiet, log: ".run/log/build" });
	const sockets = socketsUnder();
	const pg = await step("PostgreSQL", (say) => postgres(sockets, say), { quiet, log: ".run/log/postgresql" });
	await pg.createdb("ktty");
	const rd = await step("Redis", (say) => redis(sockets, say), { quiet, log: ".run/log/redis" });
	const { node, at } = await step("chain", chain, { quiet, log: ".run/log/anvil" });
	const { mapping } = await import("../apps/ktty/mapping.mjs");
	const codes = mapping(tokens);
	const mappingFile = join(run, "tokenMapping.json");
	writeFileSync(mappingFile, JSON.stringify(codes));
	state.ends.push(() => rmSync(mappingFile, { force: true }));
	const file = join(root, "deploy/apps/ktty/fairlead.yaml");
	const port = await freePort();
	const env = {
		CONTRACT_ADDRESS: at.address, RPC_URL: node.http, WS_URL: node.ws, OWNER_PRIVATE_KEY: servers.keys[0], DEPLOYMENT_BLOCK: String(at.block),
		DATABASE_URL: pg.url("ktty"), REDIS_URL: rd.url, TOKEN_MAPPING_FILE_PATH: mappingFile, PORT: String(port), SEND_WINDOW: "64",
	};
	const { Watch } = await import("./watch.mjs");
	const { Traffic } = await import("./traffic.mjs");
	const { need } = await import("./npm.mjs");
	const watch = new Watch(node, at, new (need("ethers").ethers.Wallet)(servers.keys[0]).address);
	await watch.start();
	state.ends.push(() => watch.close());
	const f = await step("fleet", (say) => fleet(sockets, file, env, dirname(file), say), { quiet });
	const traffic = new Traffic(node, at, tokens);
	if (once) return leave(await reveal37({ f, pg, watch, traffic, codes }));
	traffic.every(3000);
	state.ends.push(() => traffic.stop());
	await screen(file, env, feet({ sockets, pg, redis: rd, database: "ktty", traffic: "reveals 1 to 12 tokens every 3 s", port }), f, watch);
	await leave(0);
}

async function reveal37({ f, pg, watch, traffic, codes }) {
	const { need } = await import("./npm.mjs");
	const { faults, ledger, verdict } = await import("./ledger.mjs");
	const { Client } = need("pg");
	const ids = Array.from({ length: 37 }, (_, i) => i + 1);
	const db = new Client({ host: pg.dir, user: servers.dbUser, database: "ktty" });
	db.on("error", () => {});
	await db.connect();
	state.ends.push(() => db.end());
	const died = [];
	f.said = (text) => {
		died.push(text);
		console.log(` ! ${text}`);
	};
	const rowsNow = async () => new Map((await db.query("SELECT key, batch, state, reason FROM fairlead.item WHERE batch_of = 'reveal'")).rows.map((r) => [Number(r.key), { batch: r.batch === null ? null : Number(r.batch), state: r.state, reason: r.reason }]));
	await traffic.reveal(ids.slice(0, 12), "one");
	await traffic.reveal(ids.slice(12), "batch");
	let rows = new Map(), late;
	try {
		await proc.until(async () => {
			rows = await rowsNow();
			return ids.every((id) => watch.tokens.has(id)) && ids.every((id) => rows.get(id)?.state === "done");
		}, "all tokens to be mined and final", 120000, 50);
	} catch (e) {
		late = e.message;
	}
	const usage = f.usage();
	await watch.look();
	const back = await watch.readBack(ids);
	const known = new Set((await db.query("SELECT '0x' || encode(hash, 'hex') AS hash FROM fairlead.attempt")).rows.map((r) => r.hash));
	const replaced = Number((await db.query("SELECT count(*) AS n FROM fairlead.attempt WHERE n > 1")).rows[0].n);
	const attempts = { replaced, stray: watch.transactions.filter((t) => !known.has(t.hash)).length };
	for (const line of ledger(watch, ids, rows)) console.log(line);
	for (const line of verdict(watch, ids, rows, codes, back, attempts, usage)) console.log(line);
	const wrong = faults(watch, ids, rows, codes, back, attempts);
	if (died.length) wrong.push(`${died.length === 1 ? "a program" : `${died.length} programs`} died on the way: ${died[0]}`);
	if (late && !wrong.length) wrong.push(late);
	wrong.push(...(await end()));
	if (wrong.length) {
		console.log(` FAIL   ${wrong[0]}${wrong.length > 1 ? `, and ${wrong.length - 1} more` : ""}`);
		return 1;
	}
	console.log(" PASS   every token has its code, once. Nothing runs, nothing lies outside .run.");
	return 0;
}

async function own() {
	if (!existsSync(config)) {
		console.error(` ${config} is not there: CONFIG names your fairlead.yaml`);
		return leave(78);
	}
	await step("build", build, { log: ".run/log/build" });
	const sockets = socketsUnder();
	const set = (...names) => names.some((n) => process.env[n]);
	const env = {};
	let pg, rd;
	if (!set("DATABASE_URL", "DB_HOST", "PGHOST", "PGSERVICE")) {
		pg = await step("PostgreSQL", (say) => postgres(sockets, say), { log: ".run/log/postgresql" });
		await pg.createdb("fairlead");
		env.DATABASE_URL = pg.url("fairlead");
	}
	if (!set("REDIS_URL")) {
		rd = await step("Redis", (say) => redis(sockets, say), { log: ".run/log/redis" });
		env.REDIS_URL = rd.url;
	}
	await step("file", async (say) => {
		const r = await proc.run(join(bin, "fairlead-reconciler"), ["--check", config], { env, cwd: dirname(config) });
		if (r.code) throw new Error(`${basename(config)} has mistakes\n${r.text.trim()}`);
		say(basename(config));
	});
	const f = await step("fleet", (say) => fleet(sockets, config, env, dirname(config), say));
	await screen(config, env, feet({ sockets, pg, redis: rd, database: "fairlead", traffic: "whatever your chain brings" }), f);
	await leave(0);
}

try {
	servers.removeForgotten();
	await (config ? own() : demo());
} catch (e) {
	if (!(e instanceof StepError)) console.error(e.stack ?? e);
	if (!state.over) await leave(1);
}
