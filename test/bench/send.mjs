// make bench-send: 2,000 batches that stand ready in PostgreSQL, until every one is mined and its receipt is stored; side by side and in
// turns, on a chain that makes a block whenever it has accepted 100 transactions more (or none came for a moment):
//
//   limit      the same transactions, signed before: one connection sends them, a hundred a request, another reads the receipts
//   Fairlead   the release build of the submitter, from the commit that makes the batches ready to the commit of the last verdict;
//              with one sender, and with four and as many processes
//   ethers     send_worker.mjs: jobs in PostgreSQL, ethers, 64 in flight, a row in PostgreSQL for each receipt
//   BullMQ     the same with BullMQ's queue in Redis
//
// Every transaction is one call of Sink.put with one number and 100,000 gas; none waits for another. Every contender has a chain of its
// own, whose contract counts what was put once and what twice: a wrong count fails the bench. Ratios are taken of the medians of all
// rounds. CPU is what the kernel's scheduler counted (schedstat). Beside them: what of a transaction's CPU is bare signing (bare.c:
// signed alone; and beside it, each signature verified by itself), how many JSON-RPC methods a transaction takes (through proxy.mjs,
// not timed), and how long a lane stands still when its holder is killed or leaves.
//
// BENCH_ROUNDS (5), BENCH_BATCHES (2000), BENCH_ONLY=send, rpc, lane, or fee. On a machine that does other things: chrt -f 20 make bench-send
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { makeWorld } from "../lib/world.mjs";
import * as servers from "../../deploy/run/servers.mjs";
import { bench, need, root } from "../../deploy/run/npm.mjs";
import { until } from "../../deploy/run/proc.mjs";
import { blockReceipts, bodies, line, makeReady, presigned, sealed, secrets, senders, yaml } from "./send_world.mjs";

const { Client } = need("pg");
const rounds = Number(process.env.BENCH_ROUNDS ?? 5), total = Number(process.env.BENCH_BATCHES ?? 2000), only = process.env.BENCH_ONLY;
const dir = join(root, ".run/bench-send");
const figures = [];
const figure = (name, value, digits = 3) => figures.push([name, String(Number(value.toFixed(digits)))]);
const say = (text) => console.log(text);
const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const ms = (s) => `${(s * 1000).toFixed(0)} ms`;
const now = () => Date.now() / 1000; // the clock that PostgreSQL stamps commits with
const wants = (what) => !only || only === what;

rmSync(dir, { recursive: true, force: true });
mkdirSync(dir, { recursive: true });
const pg = await servers.postgres(join(dir, "pg"), { log: join(dir, "postgresql.log"), settings: { track_commit_timestamp: "on", max_wal_size: "4GB", shared_buffers: "256MB" } });

// ── what a process has used, in seconds: all its threads ──

function cpuOf(pid) {
	let ns = 0;
	try {
		for (const t of readdirSync(`/proc/${pid}/task`)) ns += Number(readFileSync(`/proc/${pid}/task/${t}/schedstat`, "utf8").split(" ")[0]);
	} catch {
		// it has just ended
	}
	return ns / 1e9;
}
const childrenOf = (pid) => readdirSync("/proc").filter((p) => /^\d+$/.test(p)).filter((p) => {
	try {
		return Number(readFileSync(`/proc/${p}/stat`, "utf8").split(") ")[1].split(" ")[1]) === pid;
	} catch {
		return false;
	}
});
const cpuOfPg = () => childrenOf(pg.process.pid).reduce((s, p) => s + cpuOf(p), cpuOf(pg.process.pid));
const rssMib = (pid) => Number(readFileSync(`/proc/${pid}/status`, "utf8").match(/^VmRSS:\s+(\d+)/m)[1]) / 1024;

async function on(database, fn) {
	const c = new Client({ host: pg.dir, user: servers.dbUser, database });
	c.on("error", () => {});
	await c.connect();
	try {
		return await fn(c);
	} finally {
		await c.end();
	}
}
const committed = async (c, table) => Number((await c.query(`SELECT max(extract(epoch FROM pg_xact_commit_timestamp(x::xid))) AS at FROM (SELECT DISTINCT xmin::text AS x FROM ${table}) y`)).rows[0].at);
const one = async (c, text, params) => (await c.query(text, params)).rows[0];

// ── the limit ──

let worlds = 0;
async function limit(raws) {
	const chain = await sealed(join(dir, `limit${++worlds}`));
	try {
		const sends = line(chain.port), reads = line(chain.port), list = bodies(raws);
		let stored = 0, from = chain.block, reading = false, over;
		const all = new Promise((done) => (over = done));
		const read = async () => {
			if (reading) return;
			for (reading = true; from < chain.block + chain.made(); ) {
				const text = (await reads.ask(blockReceipts(++from))).toString("latin1");
				stored += text.split('"status":"0x1"').length - 1;
			}
			reading = false;
			if (stored >= raws.length) over(now());
		};
		chain.seal(raws.length, read);
		const t0 = now(), node = cpuOf(chain.process.pid), mine = process.cpuUsage();
		for (const body of list) {
			const text = (await sends.post(body)).toString("latin1");
			if (text.includes('"error"')) throw new Error(`the node refused a transaction: ${text.slice(0, 300)}`);
		}
		const sent = now(), end = await all;
		const used = process.cpuUsage(mine);
		const node1 = cpuOf(chain.process.pid);
		await chain.check(raws.length, "limit");
		sends.close();
		reads.close();
		return { s: end - t0, sent: sent - t0, node: node1 - node, driver: (used.user + used.system) / 1e6, blocks: chain.made() };
	} finally {
		await chain.end();
	}
}

// ── Fairlead ──

const templates = {};
// A database in which the file is declared and the chain is known; made by the programs themselves.
async function templateOf(key, options) {
	if (templates[key]) return templates[key];
	const chain = await sealed(join(dir, `template_${key}`));
	const w = await worldOn(`template_${key}`, chain, options);
	try {
		await w.start("listener", { wait: false });
		await w.start("batcher", { wait: false });
		await w.start("submitter", { wait: "ready" });
		await until(async () => (await w.one("SELECT network IS NOT NULL AND done >= 1 AS known, (SELECT count(*) FROM fairlead.batch_decl) AS n FROM fairlead.chain")).known, "the chain to be known");
		await w.stopAll();
		await w.sql("TRUNCATE fairlead.account");
		await w.sql("UPDATE fairlead.lane SET at = 0 WHERE name LIKE 'send:%'");
		const name = `template_of_${key}`;
		await until(() => on("postgres", (c) => c.query(`CREATE DATABASE ${name} TEMPLATE ${w.database}`)), "the database to be free", 10000);
		return (templates[key] = name);
	} finally {
		await w.over();
		await chain.end();
	}
}

async function worldOn(id, chain, { template, count = 1, fixed = true, url = chain.http, ws = chain.ws } = {}) {
	const t = { id, dir: join(dir, id), ends: [], shared: { pg: { dir: pg.dir, user: servers.dbUser } }, note: say };
	mkdirSync(t.dir, { recursive: true });
	const w = await makeWorld(t, { template, chain: "none", mapping: {}, yaml: yaml({ count, fixed }), env: { RPC_URL: url, WS_URL: ws, CONTRACT_ADDRESS: chain.address, DEPLOYMENT_BLOCK: null, OWNER_PRIVATE_KEY: null, ...secrets, ...(process.env.BENCH_LOG ? { FAIRLEAD_LOG: process.env.BENCH_LOG } : {}) } });
	w.over = async () => {
		for (const end of t.ends.reverse()) await end();
		if (w.problems.length) throw new Error(`${id}: ${w.problems.join("; ")}`);
	};
	return w;
}

const ring = (w, id) => w.redis("XADD", "bench:sends:s", `${id}-*`, "to", id, "n", 1);

// processes: how many submitters; count: how many senders share the batches.
async function fairlead({ count = 1, processes = count, fixed = true, through } = {}) {
	const key = `${count}_${fixed ? "fixed" : "both"}`;
	const template = await templateOf(key, { count, fixed });
	const id = `fairlead${++worlds}`;
	const chain = await sealed(join(dir, id));
	const proxy = through && (await counting(chain.port));
	const w = await worldOn(id, chain, { template, count, fixed, url: proxy?.url });
	try {
		const all = [];
		for (let i = 0; i < processes; i++) all.push(await w.start("submitter", { name: `submitter${i || ""}`, wait: "ready" }));
		await until(async () => {
			const r = await w.one("SELECT count(*)::int AS lanes, count(DISTINCT holder)::int AS holders FROM fairlead.lane WHERE name LIKE 'send:%' AND holder IS NOT NULL");
			return r.lanes === count && r.holders === Math.min(processes, count) && all.flatMap((p) => p.lines("lane.open")).length >= count;
		}, "the lanes to be spread", 60000);
		await until(() => all.flatMap((p) => p.lines("lane.open")).length >= count, "the lanes to be open");
		return await on(w.database, async (c) => {
			await c.query("BEGIN");
			await makeReady(c, total);
			if (process.env.BENCH_HOOK) await new Promise((r) => spawn("sh", ["-c", `${process.env.BENCH_HOOK} &`], { env: { ...process.env, PID: String(all[0].pid) }, stdio: "inherit" }).on("exit", r));
			if (proxy) await fetch(`${proxy.url}/counts`);
			chain.seal(total);
			const before = { us: all.map((p) => cpuOf(p.pid)), pg: cpuOfPg(), node: cpuOf(chain.process.pid), driver: process.cpuUsage(), redis: cpuOf(w.redisServer.process.pid) };
			const t0 = now();
			await c.query("COMMIT");
			await ring(w, total);
			await until(async () => (await one(c, "SELECT count(*)::int AS n FROM fairlead.verdict WHERE ok")).n >= total, () => `${id}: every verdict`, 120000, 20);
			const s = (await committed(c, "fairlead.verdict")) - t0;
			const driver = process.cpuUsage(before.driver);
			const used = { us: all.map((p, i) => cpuOf(p.pid) - before.us[i]), pg: cpuOfPg() - before.pg, node: cpuOf(chain.process.pid) - before.node, driver: (driver.user + driver.system) / 1e6, redis: cpuOf(w.redisServer.process.pid) - before.redis };
			const calls = proxy && (await (await fetch(`${proxy.url}/counts`)).json());
			const at = await one(c, `SELECT (SELECT min(extract(epoch FROM at)) FROM fairlead.attempt) - $1::float8 AS signed, (SELECT max(extract(epoch FROM at)) FROM fairlead.attempt) - $1::float8 AS last_signed,
				(SELECT min(extract(epoch FROM at)) FROM fairlead.sending) - $1::float8 AS accepted, (SELECT max(extract(epoch FROM at)) FROM fairlead.sending) - $1::float8 AS last_accepted,
				(SELECT count(*)::int FROM fairlead.attempt) AS attempts, (SELECT count(DISTINCT tableoid::text || xmin::text)::int FROM fairlead.attempt) AS commits`, [t0]);
			if (at.attempts < total) throw new Error(`${id}: ${at.attempts} attempts for ${total} batches`);
			await chain.check(total, id);
			return { s, used, at, calls, blocks: chain.made(), rss: Math.max(...all.map((p) => rssMib(p.pid))), cpu: used.us.reduce((a, b) => a + b, 0) };
		});
	} finally {
		proxy?.stop();
		await w.over();
		await chain.end();
	}
}

// ── the others ──

async function worker(kind) {
	const id = `${kind}${++worlds}`;
	const chain = await sealed(join(dir, id));
	await pg.createdb(id);
	let redis, p, queue;
	try {
		return await on(id, async (c) => {
			await c.query("CREATE TABLE job (id bigint PRIMARY KEY, ids bigint[] NOT NULL, tx text, block bigint, ok bool)");
			await c.query("INSERT INTO job (id, ids) SELECT i, ARRAY[i] FROM generate_series(1, $1::int) i", [total]);
			if (kind === "bullmq") {
				redis = await servers.redis(join(dir, `${id}_redis`), { log: join(dir, `${id}_redis.log`) });
				const { Queue } = bench("bullmq");
				queue = new Queue("send", { connection: { path: redis.socket } });
				await queue.pause();
				await queue.addBulk(Array.from({ length: total }, (_, i) => ({ name: "send", data: { id: i + 1, ids: [i + 1] }, opts: { removeOnComplete: true } })));
			}
			p = spawn("setpriv", ["--pdeathsig", "KILL", "--", process.execPath, join(root, "test/bench/send_worker.mjs"), kind], { env: { ...process.env, RPC_URL: chain.http, CONTRACT_ADDRESS: chain.address, OWNER_PRIVATE_KEY: senders[0].privateKey, WORKER_PG: JSON.stringify({ host: pg.dir, user: servers.dbUser, database: id }), WORKER_REDIS: redis?.socket }, stdio: ["pipe", "pipe", "inherit"] });
			await new Promise((done, fail) => {
				p.stdout.on("data", (d) => String(d).includes("listening") && done());
				p.once("exit", (code) => fail(new Error(`send_worker.mjs ${kind} ended with ${code}`)));
			});
			chain.seal(total);
			const cpu = cpuOf(p.pid), pgCpu = cpuOfPg(), node = cpuOf(chain.process.pid), t0 = now();
			if (queue) await queue.resume();
			else p.stdin.write("go\n");
			await until(async () => (await one(c, "SELECT count(*)::int AS n FROM job WHERE block IS NOT NULL AND ok")).n === total, `${kind} to end`, 45000, 20);
			const s = (await committed(c, "job")) - t0;
			const r = { s, cpu: cpuOf(p.pid) - cpu, pg: cpuOfPg() - pgCpu, node: cpuOf(chain.process.pid) - node, rss: rssMib(p.pid), blocks: chain.made() };
			await chain.check(total, kind);
			return r;
		});
	} finally {
		p?.removeAllListeners("exit");
		p?.kill("SIGKILL");
		await queue?.close().catch(() => {});
		await redis?.stop();
		await chain.end();
		await pg.dropdb(id);
	}
}

// They hand in transactions out of order, and then this node sometimes keeps what came early in its queue for ever: another try.
async function again(kind) {
	for (let tries = 1; ; tries++) {
		try {
			return await worker(kind);
		} catch (e) {
			if (tries === 4) throw e;
			say(`  ${kind} did not end (${e.message}); once more`);
		}
	}
}

function counting(port) {
	const p = spawn("setpriv", ["--pdeathsig", "KILL", "--", process.execPath, join(root, "test/bench/proxy.mjs"), "count", String(port)], { stdio: ["ignore", "pipe", "inherit"] });
	return new Promise((done, fail) => {
		p.once("exit", () => fail(new Error("the proxy ended")));
		p.stdout.once("data", (d) => done({ url: `http://127.0.0.1:${String(d).trim().split(" ")[1]}`, stop: () => (p.removeAllListeners("exit"), p.kill()) }));
	});
}

// ── the measurement ──

const row = (name, x, rest = "") => say(`  ${name.padEnd(12)} ${ms(x.s).padStart(8)}  ${Math.round(total / x.s).toString().padStart(6)}/s${rest}`);
const us = (s) => `${((s * 1e6) / total).toFixed(0)}`;
function told(x) {
	const u = x.used;
	return `  CPU µs a transaction: submitter ${u.us.map(us).join("+")} PostgreSQL ${us(u.pg)} anvil ${us(u.node)} Redis ${us(u.redis)} who mines and looks on ${us(u.driver)}; first signed after ${ms(x.at.signed)}, accepted ${ms(x.at.accepted)}, last signed ${ms(x.at.last_signed)}, accepted ${ms(x.at.last_accepted)}; ${x.at.attempts - total ? `${x.at.attempts - total} replaced, ` : ""}${x.at.commits} commits, ${x.blocks} blocks, ${x.rss.toFixed(1)} MiB`;
}

async function send() {
	const bare = () => execFileSync(join(root, process.env.BUILD ?? "build/release", "test/bare"), { encoding: "utf8" }).trim().split(" ").map(Number);
	const probe = await sealed(join(dir, "probe"));
	const raws = { 1: await presigned(total, 1, probe.address), 4: await presigned(total, 4, probe.address) };
	await probe.end();
	const all = { limit: [], one: [], limit4: [], four: [], ethers: [], bullmq: [], bare: [] };
	for (let i = 0; i < rounds; i++) {
		say(`round ${i + 1}`);
		const l = await limit(raws[1]), f = await fairlead(), b = bare();
		row("limit", l, `  CPU µs a transaction: anvil ${us(l.node)}, who sends, mines and reads ${us(l.driver)}; sent after ${ms(l.sent)}, ${l.blocks} blocks`);
		row("Fairlead", f, told(f));
		say(`  bare         ${b[0].toFixed(1)} µs CPU to sign, hash and write a line, ${b[1].toFixed(1)} with the signature verified; the submitter ${us(f.cpu)}`);
		for (const [k, x] of Object.entries({ limit: l, one: f, bare: b })) all[k].push(x);
		if (process.env.BENCH_SHORT) continue;
		const l4 = await limit(raws[4]), f4 = await fairlead({ count: 4 });
		row("limit, 4", l4, `  anvil ${us(l4.node)}`);
		row("Fairlead, 4", f4, told(f4));
		const e = await again("ethers"), m = await again("bullmq");
		for (const [name, x] of [["ethers", e], ["BullMQ", m]]) row(name, x, `  CPU µs a transaction: worker ${us(x.cpu)} PostgreSQL ${us(x.pg)} anvil ${us(x.node)}; ${x.blocks} blocks, ${x.rss.toFixed(0)} MiB`);
		for (const [k, x] of Object.entries({ limit4: l4, four: f4, ethers: e, bullmq: m })) all[k].push(x);
	}
	const s = (k) => median(all[k].map((x) => x.s)), cpu = (k) => median(all[k].map((x) => x.cpu));
	figure("send_ratio", s("limit") / s("one"));
	figure("cpu_per_tx_ratio", (cpu("one") * 1e6) / total / median(all.bare.map((b) => b[0])), 2);
	figure("cpu_per_tx_ratio_verified", (cpu("one") * 1e6) / total / median(all.bare.map((b) => b[1])), 2);
	figure("cpu_per_tx_us", (cpu("one") * 1e6) / total, 1);
	figure("send_rss_mib", Math.max(...all.one.map((x) => x.rss)), 1);
	if (all.four.length) {
		figure("send_ratio_4", s("limit4") / s("four"));
		figure("send_vs_ethers", s("ethers") / s("one"), 2);
		figure("send_vs_bullmq", s("bullmq") / s("one"), 2);
	}
}

async function methods() {
	for (const [name, fixed] of [["rpc_per_tx", true], ["rpc_per_tx_estimated_skipped", false]]) {
		const x = await fairlead({ fixed, through: true });
		const n = Object.values(x.calls.calls).reduce((a, b) => a + b, 0);
		say(`${fixed ? "fixed gas, no skip" : "estimated, with skip"}: ${(n / total).toFixed(3)} methods a transaction in ${x.calls.requests} requests: ${Object.entries(x.calls.calls).map(([k, v]) => `${k} ${v}`).join(", ")}`);
		figure(name, n / total);
	}
}

try {
	const busy = loadavg()[0];
	say(`${cpus().length} cores, ${busy > 0.5 ? `and others are at work on them (load ${busy.toFixed(1)}): times are theirs too` : "nobody else at work"}`);
	if (wants("send")) await send();
	if (wants("rpc")) await methods();
	if (wants("lane")) {
		const { takeover } = await import("./send_lane.mjs");
		const t = await takeover({ on, say, sealed, worldOn, templateOf, makeReady, ring, until, dir, rounds });
		figure("lane_takeover_ms", t.killed, 0);
		figure("lane_handover_ms", t.left, 0);
	}
	if (wants("fee") && existsSync(join(root, "test/bench/price.mjs"))) {
		const { price } = await import("./price.mjs");
		for (const [name, value] of await price({ say })) figures.push([name, value]);
	}
	for (const [name, value] of figures) console.log(`figure ${name} ${value}`);
} finally {
	await pg.stop("fast");
}
process.exit(0);
