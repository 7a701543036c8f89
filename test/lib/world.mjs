// The scenario library. A scenario is a file test/scenario/<ID>-<words>.mjs:
//
//   export const name = "…";          // optional: one line of what it shows
//   export const limit = 120;         // optional: seconds it may take in all (default 120)
//   export default async function (t) {
//       const w = await t.world({ fleet: "all" });
//       await w.batchReveal([1, 2, 3]);
//       await w.waitFor(() => w.codesSet([1, 2, 3]), "three codes on the chain");
//   }
//
// It fails when it throws, and also when a program logged level=bug, was ended by a signal it should survive, exited 134,
// wrote a sanitizer report, could not drain at the end, or left a process alive. A failure prints the logs' tails; all logs of a failed
// scenario stay in .run/test/<ID>/. `make test ONLY=K-05` runs one; ONLY=K-0 all whose id begins so; ONLY="K-05 K-11" several.
//
// t     t.id t.dir (its directory) t.note("37 in 4 txs") (printed behind ok) t.assert (node:assert/strict) t.skip("why")
//       t.world(options): may be called several times; everything is ended behind the test
//
// options of t.world (all optional)
//   app       "ktty" (default) | "vcel": the application, deploy/apps/<app>; what its world has more stands on top of lib/vcel.mjs
//   chain     "anvil" (default) | "hardhat" | "scripted" (no chain behind w.node: answer with w.node.on) | "none"
//             "node" (the scripted node in C, test/lib/scripted.mjs: w.scripted; options of it in node: { endpoints: 2, … }; w.mine(n))
//   mining    1 (seconds a block, default) | any other number | "auto" (a block a transaction) | "manual" (only w.mine)
//   fleet     "all" | ["listener", …] (started, waited until ready) | [] (default: start yourself)
//   env       { NAME: "value", OTHER: null } over the defaults below; null unsets
//   yaml      text, or (text of deploy/apps/<app>/fairlead.yaml) => text
//   mapping   { id: code } or number n (codes of 1..n; default 5000), or text of tokenMapping.json (may be broken)
//   supply    tokens that exist (default 10000);  gasLimit  of a block
//   pg        "shared" (default: a database of its own in the run's PostgreSQL) | "own" (a server of its own: w.pg.stop/start)
//   template  of a shared one: what it is a copy of; by default the run's database with the engine's schema and nothing else
//             (so that a world costs no migrations); "template1": an empty one, which the first program installs
//   build     "release" (default) | "asan" | "valgrind";  proxy  false: the fleet talks to the chain directly
//             (chain "node": directly by default; proxy: "js" puts w.node in front of its first endpoint)
//
// Environment of a program: CONTRACT_ADDRESS DEPLOYMENT_BLOCK OWNER_PRIVATE_KEY RPC_URL WS_URL (of w.node) DATABASE_URL REDIS_URL
//   TOKEN_MAPPING_FILE_PATH PORT=0 FAIRLEAD_HEALTH=unix:<its socket> SEND_WINDOW=64. Unset WS_URL with env: { WS_URL: null }: polling.
//
// chain     w.address w.block (of deployment) w.contract (ethers, straight to the chain) w.iface w.owner (its address)
//           w.chain.rpc("evm_…", …) straight to it, w.chain.http;  w.node: the playable node in between (node.mjs)
//           await w.reveal(ids)        one revealToken transaction a token, sent together: TokenRevealed each
//           await w.revealEach(ids)    TokenRevealed each, in few transactions (400 a transaction)
//           await w.batchReveal(ids)   one batchRevealTokens: TokensRevealed only
//           await w.act("burn", 7)     any function, as the minting account (announce burn unburn preset setPaused seize mint)
//             All of these mine a block when mining is "manual", wait for the receipts and return them; { wait: false } as the
//             last argument: returns the hashes at once. await w.mine(n = 1): n more blocks (any mode). await w.head(): block number
//           await w.code(id), w.writes(id)      getTokenCode, codeWrites;  await w.codesSet(ids): true when each equals w.codes[id]
//           await w.bulks()            every mined setBulkTokenCodes of the owner: [{ hash, block, nonce, ids, codes, ok }], in order
//           w.codes                    the mapping as an object; w.writeMapping(object or text): replaces the file by rename
// fleet     p = await w.start("listener", { name, env, args, wait })   wait: "ready" (default), "alive" (its health socket answers), false
//           p: name pid log exited (promise of p) code signal socket running
//           await p.stop("SIGTERM") → exit code; await p.kill9(); p.freeze(); p.thaw(); p.text(); p.lines(filter) (as w.lines)
//           w.programs[name]; w.stop(name), w.kill9(name); await w.stopAll()
//           w.supervise("batcher", options)   start, and start again whenever it dies, until w.calm() or the end; .deaths counts
//           await w.run("listener", ["--check"], { env, file })   to its end: { code, signal, out, err, text }
// look      w.log(name) text · w.lines(name, "ev" or /re/ or fn) parsed lines [{ level, ev, msg, …, raw }]
//           await w.heard(name, filter, n = 1) the same, once there are n: a program's lines leave at the end of its turn, behind
//             the answer or the row that they tell of
//           await w.health(name, "/readyz") → { status, body, json };  w.metric(name, "fairlead_x", "label part") → number
//           await w.http("/health", { method, headers, body, json, name: "reconciler" }) the front door → { status, headers, body, json };
//             json: the body as JSON. w.door(name) its address, "http://127.0.0.1:41873"
//           await w.sql("SELECT … $1", [p]) rows (int8 as numbers, numeric as strings) · await w.one(…) first row · await w.redis("XLEN", k)
//           await w.waitFor(fn, what, ms = 30000)   a condition: fn returns something true (throwing is "not yet")
//           await w.never(fn, what, while)          fails if fn() becomes true before while() (a condition) does
import assert from "node:assert/strict";
import { closeSync, cpSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { spawn } from "node:child_process";
import { request } from "node:http";
import { join } from "node:path";
import { need, root } from "../../deploy/run/npm.mjs";
import * as proc from "../../deploy/run/proc.mjs";
import * as servers from "../../deploy/run/servers.mjs";
import { ktty } from "./ktty.mjs";
import { playNode } from "./node.mjs";
import { scriptedNode } from "./scripted.mjs";
import { command } from "./redis.mjs";
import { vcel } from "./vcel.mjs";

export { RpcError, Http, CUT, NEVER, playNode } from "./node.mjs";
export { keys } from "../../deploy/run/servers.mjs";
export { chainWords, soon } from "./vcel.mjs";
export const programs = ["listener", "batcher", "submitter", "reconciler"];
const apps = { ktty, vcel };
const { ethers } = need("ethers");
const { Client, Pool, types } = need("pg");
types.setTypeParser(20, Number);

export const bins = (build) => ({ release: process.env.FAIRLEAD_BIN ?? join(root, "build/release/bin"), asan: process.env.FAIRLEAD_BIN_ASAN ?? join(root, "build/asan/bin"), valgrind: process.env.FAIRLEAD_BIN ?? join(root, "build/release/bin") })[build];
const sanitizer = { ASAN_OPTIONS: "exitcode=99:abort_on_error=0:detect_leaks=1", UBSAN_OPTIONS: "halt_on_error=1:print_stacktrace=1", LSAN_OPTIONS: "exitcode=99" };
const deadly = new Set(["SIGSEGV", "SIGABRT", "SIGBUS", "SIGILL", "SIGFPE", "SIGSYS", "SIGTRAP"]);

// One logfmt or JSON line as an object; raw keeps the text.
export function parseLine(raw) {
	const o = { raw };
	if (raw.startsWith("{")) {
		try {
			return Object.assign(o, JSON.parse(raw));
		} catch {
			return o;
		}
	}
	for (const m of raw.matchAll(/([A-Za-z_][\w.]*)=("(?:[^"\\]|\\.)*"|\S*)/g)) o[m[1]] = m[2].startsWith('"') ? m[2].slice(1, -1).replace(/\\(.)/g, (_, c) => ({ n: "\n", t: "\t" })[c] ?? c) : m[2];
	return o;
}

let worlds = 0;

// shared: { pg: { dir, user } } of the runner; ends: list of async functions run behind the test, last first
export async function makeWorld(t, options = {}) {
	const app = apps[options.app ?? "ktty"];
	const o = { app: "ktty", chain: "anvil", mining: 1, fleet: [], env: {}, ...app.defaults, pg: "shared", build: "release", proxy: true, ...options };
	const n = ++worlds;
	const dir = n === 1 ? t.dir : join(t.dir, `world${n}`);
	mkdirSync(dir, { recursive: true });
	const w = { t, dir, options: o, programs: {}, all: [], problems: [], waitFor: (fn, what, ms = 30000) => proc.until(fn, what, ms) };
	const logOf = (name) => join(dir, `${name}.log`);
	const ends = [];
	t.ends.push(() => finish(w, ends));

	// PostgreSQL
	const db = `t${process.pid}_${n}`;
	if (o.pg === "own") {
		w.pg = await servers.postgres(join(dir, "pg"), { log: logOf("postgresql"), memory: true });
		await w.pg.createdb(db);
		ends.push(() => proc.isAlive(w.pg.process) && w.pg.stop("fast"));
	} else {
		const url = (database) => `postgresql:///${database}?host=${encodeURIComponent(t.shared.pg.dir)}&user=${encodeURIComponent(servers.dbUser)}`;
		w.pg = { ...t.shared.pg, url };
		await asAdmin(w.pg, `CREATE DATABASE ${db} TEMPLATE ${o.template ?? t.shared.pg.engine ?? "template1"}`);
		ends.push(() => asAdmin(w.pg, `DROP DATABASE IF EXISTS ${db} WITH (FORCE)`));
	}
	w.database = db;
	w.databaseUrl = w.pg.url(db);
	const pool = new Pool({ host: w.pg.dir, user: servers.dbUser, database: db, max: 3, idleTimeoutMillis: 1000 });
	pool.on("error", () => {});
	ends.push(() => pool.end());
	w.sql = async (text, params = []) => (await pool.query(text, params)).rows;
	w.one = async (text, params = []) => (await w.sql(text, params))[0];

	// Redis
	const sockets = servers.socketDir(dir, "sock");
	w.redisServer = await servers.redis(dir, { log: logOf("redis"), socket: join(sockets, "redis.sock") });
	ends.push(() => w.redisServer.stop());
	w.redis = (...args) => command(w.redisServer.socket, ...args);

	// the chain, and the node in front of it
	await chainOf(w, app, o, dir, ends);

	// the application
	app.files?.(w, o, dir);
	const folder = join(root, "deploy/apps", o.app);
	const text = readFileSync(join(folder, "fairlead.yaml"), "utf8");
	cpSync(join(folder, "sql"), join(dir, "sql"), { recursive: true });
	w.yaml = join(dir, "fairlead.yaml");
	writeFileSync(w.yaml, typeof o.yaml === "function" ? o.yaml(text) : (o.yaml ?? text));
	const [http, ws] = w.node && o.proxy ? [w.node.http, w.node.ws] : [w.chain?.http, w.chain?.ws];
	w.env = { ...app.env(w, http, ws), DATABASE_URL: w.databaseUrl, REDIS_URL: w.redisServer.url, PORT: "0", ...sanitizer, ...o.env };
	fleetOf(w, o, dir, sockets, logOf);
	w.never = async (fn, what, during) => {
		for (;;) {
			const over = await during();
			if (await fn()) throw new Error(`${what}: it happened`);
			if (over) return;
			await new Promise((r) => setTimeout(r, 30));
		}
	};
	for (const name of o.fleet === "all" ? programs : o.fleet) await w.start(name, { wait: false });
	await Promise.all(w.all.map((p) => w.ready(p)));
	return w;
}

export async function asAdmin(pg, sql, database = "postgres") {
	const c = new Client({ host: pg.dir, user: servers.dbUser, database });
	await c.connect();
	try {
		await c.query(sql);
	} finally {
		await c.end();
	}
}

async function chainOf(w, app, o, dir, ends) {
	w.iface = new ethers.Interface(app.artifact().abi);
	w.owner = new ethers.Wallet(servers.keys[0]).address;
	app.looks?.(w);
	if (o.chain === "none") return;
	if (o.chain === "scripted") {
		w.node = await playNode(null);
		ends.push(() => w.node.close());
		w.address = "0x5FbDB2315678afecb367f032d93F642f64180aa3";
		w.block = 1;
		return;
	}
	if (o.chain === "node") {
		w.scripted = await scriptedNode(o.node);
		ends.push(() => w.scripted.close());
		w.chain = { kind: "node", http: w.scripted.http, ws: w.scripted.ws, rpc: w.scripted.rpc };
		if (o.proxy === "js") {
			w.node = await playNode(w.chain);
			ends.push(() => w.node.close());
		}
		w.address = "0x5FbDB2315678afecb367f032d93F642f64180aa3";
		w.block = 1;
		w.mine = (n = 1) => w.scripted.mine(n);
		w.head = () => w.scripted.head();
		return;
	}
	const later = o.chain === "anvil" && Number.isInteger(o.mining); // blocks at intervals begin behind the deployment, which need not wait for one
	w.chain = await servers[o.chain](dir, { mining: later ? "auto" : o.mining, ...(o.gasLimit ? { gasLimit: o.gasLimit } : {}), ...(o.args ? { args: o.args } : {}) });
	ends.push(() => w.chain.stop());
	w.node = await playNode(w.chain, w.iface);
	ends.push(() => w.node.close());
	w.head = async () => Number(await w.chain.rpc("eth_blockNumber"));
	w.mine = async (n = 1) => {
		if (w.chain.kind === "anvil") await w.chain.rpc("anvil_mine", ethers.toQuantity(n));
		else await w.chain.rpc("hardhat_mine", ethers.toQuantity(n));
		return w.head();
	};
	const mine = async () => { if (o.mining === "manual") await w.mine(); };
	Object.assign(w, await app.deploy(w.chain.http, o, mine));
	if (later) await w.chain.rpc("evm_setIntervalMining", o.mining);
	const provider = new ethers.JsonRpcProvider(w.chain.http, 31337, { staticNetwork: true, cacheTimeout: -1, batchMaxCount: 100 });
	ends.push(() => provider.destroy());
	w.provider = provider;
	w.contract = new ethers.Contract(w.address, w.iface, provider);

	const minting = new ethers.Wallet(servers.keys[1]);
	w.minting = minting.address;
	let nonce = Number(await w.chain.rpc("eth_getTransactionCount", minting.address, "latest"));
	let turn = Promise.resolve(); // one sender at a time: nonces leave in order
	const send = (list) => {
		const mineOnes = turn.then(async () => {
			const hashes = [];
			for (const { name, args, gas } of list) {
				const raw = await minting.signTransaction({ type: 2, chainId: 31337, to: w.address, data: w.iface.encodeFunctionData(name, args), nonce: nonce++, gasLimit: gas, maxFeePerGas: 500n * 10n ** 9n, maxPriorityFeePerGas: 10n ** 9n });
				hashes.push(await w.chain.rpc("eth_sendRawTransaction", raw));
			}
			return hashes;
		});
		turn = mineOnes.catch(() => {});
		return mineOnes;
	};
	const act = async (list, { wait = true } = {}) => {
		const hashes = await send(list);
		if (!wait) return hashes;
		await mine();
		const receipts = [];
		for (const hash of hashes) receipts.push(await proc.until(() => w.chain.rpc("eth_getTransactionReceipt", hash), `transaction ${hash} to be mined`, 30000));
		for (const r of receipts) if (r.status !== "0x1") throw new Error(`a transaction of the test reverted: ${list[0].name}`);
		return receipts.map((r) => ({ ...r, block: Number(r.blockNumber) }));
	};
	w.act = (name, ...args) => {
		const how = args.length && typeof args.at(-1) === "object" && !Array.isArray(args.at(-1)) ? args.pop() : undefined;
		return act([{ name, args, gas: 400000 }], how);
	};
	app.verbs(w, act, mine);
}

function cleanEnv(...layers) {
	const env = Object.assign({}, ...layers);
	for (const k of Object.keys(env)) if (env[k] === null || env[k] === undefined) delete env[k];
	return env;
}

function fleetOf(w, o, dir, sockets, logOf) {
	const inherited = ["PATH", "HOME", "LANG", "TERM", "FAIRLEAD_TEST"];
	const baseEnv = () => Object.fromEntries(inherited.filter((k) => process.env[k] !== undefined).map((k) => [k, process.env[k]]));
	const command = (program, build = o.build) => {
		const bin = join(bins(build), `fairlead-${program}`);
		return build === "valgrind" ? ["valgrind", ["-q", "--error-exitcode=99", "--leak-check=full", "--show-leak-kinds=definite,indirect", bin]] : [bin, []];
	};
	w.start = async (program, { name = program, env = {}, args = [], wait = "ready", build, file = w.yaml } = {}) => {
		const [bin, before] = command(program, build);
		if (!existsSync(before.at(-1) ?? bin)) throw new Error(`${before.at(-1) ?? bin} is not built`);
		const socket = join(sockets, `${name}.sock`);
		const p = { name, program, log: logOf(name), socket };
		const out = openSync(p.log, "a");
		const child = spawn("setpriv", ["--pdeathsig", "KILL", "--", bin, ...before, ...args, file], { cwd: dir, detached: true, stdio: ["ignore", out, out], env: cleanEnv(baseEnv(), { FAIRLEAD_HEALTH: `unix:${socket}` }, w.env, env) });
		closeSync(out);
		p.pid = child.pid;
		p.running = true;
		p.exited = new Promise((done) => child.once("exit", (code, signal) => {
			Object.assign(p, { code, signal, running: false });
			if ((deadly.has(signal) && p.asked !== signal) || code === 134 || code === 99) w.problems.push(`${name} ended by itself: ${proc.ending(p)}`);
			done(p);
		}));
		p.signal9 = (s) => {
			p.asked = s;
			if (p.running) process.kill(p.pid, s);
		};
		p.stop = async (s = "SIGTERM") => {
			if (p.running && p.frozen) p.thaw();
			p.signal9(s);
			await w.waitFor(() => !p.running, `${name} to end after ${s}`, o.build === "valgrind" ? 60000 : 20000);
			return p.code;
		};
		p.kill9 = async () => {
			p.signal9("SIGKILL");
			await p.exited;
		};
		p.freeze = () => {
			p.frozen = true;
			process.kill(p.pid, "SIGSTOP");
		};
		p.thaw = () => {
			p.frozen = false;
			process.kill(p.pid, "SIGCONT");
		};
		p.text = () => w.log(name);
		p.lines = (f) => w.lines(name, f);
		w.programs[name] = p;
		w.all.push(p);
		if (wait) await w.ready(p, wait);
		return p;
	};
	w.ready = (p, how = "ready") => w.waitFor(async () => {
		if (!p.running) throw Object.assign(new Error(`${p.name} ended (${proc.ending(p)})\n${proc.tail(p.log, 12)}`), { final: true });
		const r = await w.health(p.name, how === "ready" ? "/readyz" : "/livez");
		if (r.status !== 200) throw new Error(`${r.status} ${r.body}`);
		return true;
	}, `${p.name} to be ${how}`, o.build === "valgrind" ? 60000 : 30000);
	w.stop = (name, s) => w.programs[name].stop(s);
	w.kill9 = (name) => w.programs[name].kill9();
	w.stopAll = async (s) => {
		w.calm();
		await Promise.all(w.all.filter((p) => p.running).map((p) => p.stop(s)));
	};
	const watchers = new Set();
	w.calm = () => {
		for (const s of watchers) s.on = false;
	};
	w.supervise = async (program, options = {}) => {
		const s = { on: true, deaths: 0, codes: [] };
		watchers.add(s);
		s.now = await w.start(program, options);
		s.over = (async () => {
			while (s.on) {
				await s.now.exited;
				if (!s.on) break;
				s.deaths++;
				s.codes.push(s.now.signal ?? s.now.code);
				await new Promise((r) => setTimeout(r, 20));
				if (!s.on) break;
				s.now = await w.start(program, { ...options, env: { ...options.env, ...options.again }, wait: false });
			}
		})();
		return s;
	};
	w.run = async (program, args = ["--check"], { env = {}, file = w.yaml, build, input } = {}) => {
		const [bin, before] = command(program, build);
		const child = spawn(bin, [...before, ...args, ...(file ? [file] : [])], { cwd: dir, stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"], env: cleanEnv(baseEnv(), w.env, env) });
		let out = "", err = "";
		child.stdout.on("data", (d) => (out += d));
		child.stderr.on("data", (d) => (err += d));
		if (input !== undefined) child.stdin.end(input);
		const timer = setTimeout(() => child.kill("SIGKILL"), 30000);
		return new Promise((done) => child.once("close", (code, signal) => {
			clearTimeout(timer);
			done({ code, signal, out, err, text: out + err });
		}));
	};
	w.log = (name) => (existsSync(logOf(name)) ? readFileSync(logOf(name), "utf8") : "");
	w.lines = (name, filter) => {
		const all = w.log(name).split("\n").filter(Boolean).map(parseLine);
		if (!filter) return all;
		if (typeof filter === "function") return all.filter(filter);
		return all.filter((l) => (filter instanceof RegExp ? filter.test(l.raw) : l.ev === filter));
	};
	w.heard = async (name, filter, n = 1) => {
		await w.waitFor(() => w.lines(name, filter).length >= n, `${n} line(s) ${typeof filter === "function" ? "" : filter} of ${name}`);
		return w.lines(name, filter);
	};
	w.health = (name, path = "/readyz", { method = "GET", headers = {} } = {}) => new Promise((done, fail) => {
		const q = request({ socketPath: w.programs[name]?.socket ?? join(sockets, `${name}.sock`), path, method, headers, timeout: 5000 }, (a) => {
			let body = "";
			a.on("data", (d) => (body += d));
			a.on("end", () => {
				let json;
				try {
					json = JSON.parse(body);
				} catch {
					// not JSON: body says it all
				}
				done({ status: a.statusCode, headers: a.headers, body, json });
			});
		});
		q.on("timeout", () => q.destroy(new Error("no answer within 5 s")));
		q.on("error", fail);
		q.end();
	});
	w.door = (name = "reconciler") => `http://127.0.0.1:${w.lines(name, "serve").at(-1)?.port}`;
	w.http = async (path, { method = "GET", headers = {}, body, json, name } = {}) => {
		if (json !== undefined) [body, headers] = [JSON.stringify(json), { "content-type": "application/json", ...headers }];
		const r = await fetch(w.door(name) + path, { method, headers, body, redirect: "manual", signal: AbortSignal.timeout(30000) });
		const a = { status: r.status, headers: Object.fromEntries(r.headers), body: await r.text() };
		if (a.body && /json/.test(a.headers["content-type"])) a.json = JSON.parse(a.body);
		return a;
	};
	w.metric = async (name, metric, label = "") => {
		const { body } = await w.health(name, "/metrics");
		const line = body.split("\n").find((l) => (l.startsWith(`${metric} `) || l.startsWith(`${metric}{`)) && l.includes(label));
		return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(" ") + 1));
	};
}

// Ends everything; what was wrong stands in w.problems.
async function finish(w, ends) {
	w.calm?.();
	for (const p of w.all) {
		if (!p.running) continue;
		try {
			await p.stop("SIGTERM");
			if (p.code !== 0 && p.code !== 75) w.problems.push(`${p.name} did not drain at the end: ${proc.ending(p)}`);
		} catch (e) {
			w.problems.push(e.message);
			p.signal9("SIGKILL");
			await p.exited;
		}
	}
	for (const name of new Set(w.all.map((p) => p.name))) {
		const text = w.log(name);
		const bug = text.match(/^.*(?:\blevel=bug\b|"level":"bug").*$/m);
		if (bug) w.problems.push(`${name} logged a bug: ${bug[0]}`);
		const report = text.match(/^.*(?:ERROR: (?:Address|Leak|Thread)Sanitizer|runtime error:|WARNING: ThreadSanitizer|^==\d+== .*(?:Invalid|uninitialised|definitely lost)).*$/m);
		if (report) w.problems.push(`${name}: ${report[0]}`);
	}
	for (const end of ends.reverse()) {
		try {
			await end();
		} catch (e) {
			w.problems.push(`while ending: ${e.message}`);
		}
	}
	return w;
}

export { assert };
