// make bench-ingest: 100,000 logs of one anvil, cold, to rows in PostgreSQL, side by side and in turns:
//
//   floor      curl of the logs AND COPY of a prepared binary file of the same rows, at the same time; until both have ended
//   Fairlead   the release build from the start of its process until the last row is committed. Its tables stand and are empty, as
//              the floor's do; what their installation costs is measured once and printed
//   with rule  listener and batcher together, until one upsert rule has had every event
//   viem       a tuned script (viem_ingest.mjs), from its start until its last row is committed
//
// then Fairlead and viem once more with 50 ms between them and the node (proxy.mjs), and realtime.mjs. The floor's table is the
// one that the listener makes, with its indexes. The end of a run is the commit time that PostgreSQL noted for the last row
// (track_commit_timestamp), the same for all; nothing looks on often enough to be in the way. Ratios are taken of runs behind each
// other and their median counts; the first three run three times a round, for a machine changes its speed from second to second.
// Every run's rows are counted, summed and compared: a wrong one fails the bench.
//
// BENCH_ROUNDS (3), BENCH_EVENTS (300 single events); BENCH_ONLY=ingest or realtime runs one half.
import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { makeWorld } from "../lib/world.mjs";
import * as servers from "../../deploy/run/servers.mjs";
import { need, root } from "../../deploy/run/npm.mjs";
import { run, until } from "../../deploy/run/proc.mjs";
import { burstOn, yaml } from "./burst.mjs";
import { realtime } from "./realtime.mjs";

const { Client } = need("pg");
const rounds = Number(process.env.BENCH_ROUNDS ?? 3), only = process.env.BENCH_ONLY;
const triples = 3, total = 100000, blocks = 400, perBlock = total / blocks, perCall = 50, holders = 20000;
const dir = join(root, ".run/bench-ingest");
const figures = [];
const figure = (name, value, digits = 3) => figures.push([name, String(Number(value.toFixed(digits)))]);
const say = (text) => console.log(text);
const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const sum = (list) => list.reduce((a, b) => a + b, 0);
const ms = (s) => `${(s * 1000).toFixed(0)} ms`;
const now = () => Date.now() / 1000; // the clock that PostgreSQL stamps commits with

rmSync(dir, { recursive: true, force: true });
mkdirSync(dir, { recursive: true });
const pg = await servers.postgres(join(dir, "pg"), { log: join(dir, "postgresql.log"), settings: { track_commit_timestamp: "on", max_wal_size: "4GB", shared_buffers: "256MB" } });

// ── what a process has used ──

function stat(pid) {
	const f = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ").map(Number);
	return { parent: f[1], own: (f[11] + f[12]) / 100, ended: (f[13] + f[14]) / 100 };
}
// With its living children and those that have ended.
function cpuOf(pid) {
	let s = 0;
	for (const p of readdirSync("/proc").filter((n) => /^\d+$/.test(n))) {
		try {
			const t = stat(p);
			if (Number(p) === pid || t.parent === pid) s += t.own + (Number(p) === pid ? t.ended : 0);
		} catch {
			// it has just ended: its parent counts it
		}
	}
	return s;
}
const peakMib = (pid) => Number(readFileSync(`/proc/${pid}/status`, "utf8").match(/^VmHWM:\s+(\d+)/m)[1]) / 1024;

// ── the chain: 400 blocks of 250 transfers, and empty ones on top, so that all of it lies below the window ──

async function history() {
	const t0 = performance.now();
	const chain = await servers.anvil(dir, { mining: "manual", gasLimit: 1000000000 });
	const burst = await burstOn(chain, holders);
	let first = 1;
	for (let b = 0; b < blocks; b++) {
		await Promise.all(Array.from({ length: perBlock / perCall }, (_, i) => burst.send(first + i * perCall, perCall)));
		first += perBlock;
		await chain.rpc("evm_mine");
	}
	const last = Number(await chain.rpc("eth_blockNumber"));
	await chain.rpc("anvil_mine", "0x18");
	say(`chain: ${total} transfers in ${blocks} blocks, built in ${((performance.now() - t0) / 1000).toFixed(1)} s`);
	return { ...chain, ...burst, first: burst.block + 1, last };
}

// What must stand in the table of whoever has read it: number i is worth i.
async function checkRows(c, name, { table, block, log, tx, value, distinct }) {
	const [r] = (await c.query(`SELECT count(*)::int AS n, sum(${value})::text AS sum, count(DISTINCT ${distinct})::int AS ids,
		count(DISTINCT ${tx})::int AS txs, min(${block})::int AS lo, max(${block})::int AS hi, count(DISTINCT (${block}, ${log}))::int AS places FROM ${table}`)).rows;
	const want = { n: total, sum: String((BigInt(total) * BigInt(total + 1)) / 2n), ids: total, txs: total / perCall, lo: chain.first, hi: chain.last, places: total };
	for (const k of Object.keys(want)) if (r[k] !== want[k]) throw new Error(`${name}: ${k} of the rows is ${r[k]}, not ${want[k]}`);
}
const ours = { table: "token.transfer", block: "_block", log: "_log", tx: "_tx", value: "value", distinct: "_id" };
async function checkOrder(c, name) {
	const [r] = (await c.query("SELECT count(*)::int AS n FROM (SELECT _seq, lag((_block, _log)) OVER (ORDER BY _seq) AS before, (_block, _log) AS me FROM token.transfer) x WHERE before >= me")).rows;
	if (r.n) throw new Error(`${name}: ${r.n} rows do not stand in chain order`);
}
// When the last of the rows was committed.
const committed = async (c, table) => Number((await c.query(`SELECT max(extract(epoch FROM pg_xact_commit_timestamp(x::xid))) AS at FROM (SELECT DISTINCT xmin::text AS x FROM ${table}) y`)).rows[0].at);

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

// ── the contenders ──

let worlds = 0;
const upsert = `sql: sql/holders.sql
rules:
  - on: Token.Transfer
    sql: |
      INSERT INTO holder (address, received, transfers, last_block) VALUES (:to, :value, 1, :block.number)
      ON CONFLICT (address) DO UPDATE SET received = holder.received + EXCLUDED.received, transfers = holder.transfers + 1, last_block = EXCLUDED.last_block
`;
const holdersSql = "CREATE TABLE holder (address text PRIMARY KEY, received numeric NOT NULL, transfers int NOT NULL, last_block bigint NOT NULL);\n";

// keep: called with the world before its end.
async function fairlead({ rule = false, url = chain.http, template, keep } = {}) {
	const id = `fairlead${++worlds}`;
	const t = { id, dir: join(dir, id), ends: [], shared: { pg: { dir: pg.dir, user: servers.dbUser } }, note: say };
	mkdirSync(t.dir, { recursive: true });
	const w = await makeWorld(t, { template, chain: "none", mapping: {}, yaml: yaml({ rule: rule ? upsert : "" }), env: { RPC_URL: url, CONTRACT_ADDRESS: chain.address, WS_URL: null, DEPLOYMENT_BLOCK: null } });
	if (rule) writeFileSync(join(w.dir, "sql/holders.sql"), holdersSql);
	try {
		const before = { node: cpuOf(chain.process.pid), pg: cpuOf(pg.process.pid) };
		const t0 = now();
		const listener = await w.start("listener", { wait: false });
		const batcher = rule && (await w.start("batcher", { wait: false }));
		const position = rule ? "SELECT at >= $1 AS over FROM fairlead.lane WHERE name = 'apply:main'" : "SELECT done >= $1 AS over FROM fairlead.chain WHERE name = 'main'";
		const over = await on(w.database, async (c) => {
			const done = async () => {
				if (!listener.running || (batcher && !batcher.running)) throw Object.assign(new Error(`a program ended: ${w.log("listener").slice(-2000)}`), { final: true });
				return (await c.query(position, [rule ? total : chain.last])).rows[0]?.over;
			};
			await until(done, `${id} to have read everything`, 120000, 25);
			const usage = { cpu: cpuOf(listener.pid), rss: peakMib(listener.pid), batcher: batcher ? cpuOf(batcher.pid) : 0, node: cpuOf(chain.process.pid) - before.node, pg: cpuOf(pg.process.pid) - before.pg };
			await checkRows(c, id, ours);
			await checkOrder(c, id);
			if (rule) await checkHolders(c, id);
			return { ...usage, s: (await committed(c, rule ? "holder" : ours.table)) - t0 };
		});
		const began = Date.parse(w.lines("listener", "lease.gain")[0].t) / 1000;
		const spent = w.lines("listener", "fill.done").at(-1)?.raw;
		await w.stopAll();
		await keep?.(w);
		return { ...over, began: began - t0, spent };
	} finally {
		for (const end of t.ends.reverse()) await end();
		if (w.problems.length) throw new Error(`${id}: ${w.problems.join("; ")}`);
	}
}

// A database in which the schema stands, made by the programs themselves on a chain that does not answer.
async function installed(name, rule) {
	const t = { id: name, dir: join(dir, name), ends: [], shared: { pg: { dir: pg.dir, user: servers.dbUser } }, note: say };
	mkdirSync(t.dir, { recursive: true });
	const w = await makeWorld(t, { chain: "none", mapping: {}, yaml: yaml({ rule: rule ? upsert : "" }), env: { RPC_URL: "http://127.0.0.1:1", CONTRACT_ADDRESS: chain.address, WS_URL: null, DEPLOYMENT_BLOCK: null } });
	try {
		if (rule) writeFileSync(join(w.dir, "sql/holders.sql"), holdersSql);
		const t0 = now();
		await w.start("listener", { wait: false });
		const gained = await until(() => w.lines("listener", "lease.gain")[0], "the schema to be installed");
		await w.stopAll();
		await until(() => on("postgres", (c) => c.query(`CREATE DATABASE ${name} TEMPLATE ${w.database}`)), "the database to be free", 10000);
		return Date.parse(gained.t) / 1000 - t0;
	} finally {
		for (const end of t.ends.reverse()) await end();
	}
}

async function checkHolders(c, name) {
	const [r] = (await c.query("SELECT count(*)::int AS n, sum(received)::text AS sum, sum(transfers)::int AS transfers, max(transfers)::int AS most FROM holder")).rows;
	const want = { n: holders, sum: String((BigInt(total) * BigInt(total + 1)) / 2n), transfers: total, most: total / holders };
	for (const k of Object.keys(want)) if (r[k] !== want[k]) throw new Error(`${name}: ${k} of the rule's table is ${r[k]}, not ${want[k]}`);
}

async function viem({ url = chain.http, env = {} } = {}) {
	const database = `viem${++worlds}`;
	await pg.createdb(database);
	try {
		const where = { host: pg.dir, user: servers.dbUser, database };
		const t0 = now();
		const p = spawn(process.execPath, [join(root, "test/bench/viem_ingest.mjs")], { env: { ...process.env, RPC_URL: url, CONTRACT_ADDRESS: chain.address, VIEM_PG: JSON.stringify(where), VIEM_FROM: "0", VIEM_TO: String(chain.last), ...env }, stdio: ["ignore", "pipe", "inherit"] });
		let out = "", cpu = 0;
		p.stdout.on("data", (d) => {
			out += d;
			cpu ||= stat(p.pid).own;
		});
		const code = await new Promise((done) => p.once("exit", done));
		if (code !== 0 || !out.startsWith("done")) throw new Error(`viem_ingest.mjs ended with ${code}`);
		return await on(database, async (c) => {
			await checkRows(c, database, { table: "transfer", block: "block", log: "log", tx: "tx", value: "value", distinct: "(tx, log)" });
			return { s: (await committed(c, "transfer")) - t0, cpu, rss: Number(out.split(" ")[1]) / 1024 };
		});
	} finally {
		await pg.dropdb(database);
	}
}

// ── the floor ──

const rowsFile = join(dir, "rows.bin");
const floorTemplate = "floor_template";

// The listener's own rows as a file, and its database without them: the same layout, whatever that is.
async function prepareFloor(w) {
	await on(w.database, async (c) => {
		const columns = (await c.query("SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) AS list FROM pg_attribute WHERE attrelid = 'token.transfer'::regclass AND attnum > 0 AND NOT attisdropped")).rows[0].list;
		const out = openSync(rowsFile, "w");
		const p = spawn(join(pg.bin, "psql"), ["-X", "-q", "-h", pg.dir, "-U", servers.dbUser, "-d", w.database, "-c", `COPY (SELECT ${columns} FROM token.transfer ORDER BY _seq) TO STDOUT (FORMAT binary)`], { stdio: ["ignore", out, "inherit"] });
		const code = await new Promise((done) => p.once("exit", done));
		closeSync(out);
		if (code !== 0) throw new Error("the rows of the floor could not be written");
		await c.query("TRUNCATE token.transfer");
	});
	await until(() => on("postgres", (c) => c.query(`CREATE DATABASE ${floorTemplate} TEMPLATE ${w.database}`)), "the floor's database", 10000);
}

// One curl for all the logs: ranges of `range` blocks, `flight` of them at once.
function curlFile(range) {
	const file = join(dir, `curl-${range}`), hex = (n) => `0x${n.toString(16)}`;
	const parts = [];
	for (let from = 0; from <= chain.last; from += range) {
		const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "eth_getLogs", params: [{ fromBlock: hex(from), toBlock: hex(Math.min(chain.last, from + range - 1)), address: chain.address }] });
		parts.push(`url = "${chain.http}"\nheader = "content-type: application/json"\ndata = ${JSON.stringify(body)}\noutput = "/dev/null"\n`);
	}
	writeFileSync(file, `${parts.join("next\n")}`);
	return file;
}
const curl = (range, flight) => spawn("curl", ["-s", "-S", "-f", ...(flight > 1 ? ["-Z", "--parallel-max", String(flight)] : []), "-K", curlFile(range)], { stdio: "ignore" });
const ended = (p, what) => new Promise((done, fail) => p.once("exit", (code) => (code === 0 ? done(now()) : fail(new Error(`${what} ended with ${code}`)))));

// By hand one would try a few sizes and keep the best.
async function bestRange() {
	const tried = [];
	for (const [range, flight] of [[2, 1], [4, 1], [10, 1], [40, 1], [4, 2], [10, 2], [40, 2]]) {
		const times = [];
		for (let i = 0; i < 2; i++) {
			const t0 = now();
			times.push((await ended(curl(range, flight), "curl")) - t0);
		}
		tried.push({ range, flight, s: Math.min(...times) });
	}
	tried.sort((a, b) => a.s - b.s);
	say(`curl alone: ${tried.map((t) => `${t.range}×${t.flight} ${ms(t.s)}`).join(", ")} (blocks a reply × at once)`);
	return tried[0];
}

async function copyRows(database) {
	const file = openSync(rowsFile, "r");
	const p = spawn(join(pg.bin, "psql"), ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", pg.dir, "-U", servers.dbUser, "-d", database, "-c", "COPY token.transfer FROM STDIN (FORMAT binary)"], { stdio: [file, "ignore", "inherit"] });
	closeSync(file);
	return ended(p, "COPY");
}

async function floor(best, { alone = false } = {}) {
	const database = `floor${++worlds}`;
	await on("postgres", (c) => c.query(`CREATE DATABASE ${database} TEMPLATE ${floorTemplate}`));
	try {
		const before = { node: cpuOf(chain.process.pid), pg: cpuOf(pg.process.pid) };
		const t0 = now();
		const ends = alone ? [await copyRows(database)] : await Promise.all([copyRows(database), ended(curl(best.range, best.flight), "curl")]);
		const s = Math.max(...ends) - t0;
		const usage = { node: cpuOf(chain.process.pid) - before.node, pg: cpuOf(pg.process.pid) - before.pg };
		await on(database, (c) => checkRows(c, database, ours));
		return { s, copy: ends[0] - t0, ...usage };
	} finally {
		await pg.dropdb(database);
	}
}

// ── the measurement ──

function proxy(what) {
	const p = spawn("setpriv", ["--pdeathsig", "KILL", "--", process.execPath, join(root, "test/bench/proxy.mjs"), what, String(chain.port)], { stdio: ["ignore", "pipe", "inherit"] });
	return new Promise((done, fail) => {
		p.once("exit", () => fail(new Error("the proxy ended")));
		p.stdout.once("data", (d) => done({ pid: p.pid, url: `http://127.0.0.1:${String(d).trim().split(" ")[1]}`, stop: () => (p.removeAllListeners("exit"), p.kill()) }));
	});
}

async function ingest() {
	const counter = await proxy("count");
	const install = await installed("empty", false);
	await installed("empty_rule", true);
	const { began } = await fairlead({ url: counter.url, template: "empty", keep: prepareFloor }); // not timed: it counts, and its rows are the floor's
	const counts = await (await fetch(`${counter.url}/counts`)).json();
	counter.stop();
	const replies = counts.logs, calls = sum(Object.values(counts.calls));
	say(`asked: ${calls} calls in ${counts.requests} requests (${Object.entries(counts.calls).map(([k, v]) => `${k} ${v}`).join(", ")}); ${replies.length} replies with logs of ${(sum(replies) / replies.length / 1e6).toFixed(2)} MB on average, ${(median(replies) / 1e6).toFixed(2)} median, ${(Math.max(...replies) / 1e6).toFixed(2)} at most`);
	say(`start of the listener until it holds its lane: ${ms(began)}, with the installation of the schema ${ms(install)}`);
	const best = await bestRange();
	say(`COPY alone: ${ms((await floor(best, { alone: true })).s)}, ${(statSync(rowsFile).size / 1e6).toFixed(1)} MB`);

	const all = { floor: [], plain: [], rule: [], viem: [], wan: [], wanViem: [] };
	const row = (name, x, rest = "") => say(`  ${name.padEnd(14)} ${ms(x.s).padStart(8)}  ${Math.round(total / x.s).toString().padStart(7)}/s${rest}`);
	const cost = (x) => `  CPU listener ${x.cpu.toFixed(2)}${x.batcher ? ` batcher ${x.batcher.toFixed(2)}` : ""} PostgreSQL ${x.pg.toFixed(2)} anvil ${x.node.toFixed(2)} s, listener at most ${x.rss.toFixed(1)} MiB, it holds its lane after ${ms(x.began)}`;
	const line = await proxy("delay");
	for (let i = 0; i < rounds; i++) {
		say(`round ${i + 1}`);
		for (let k = 0; k < triples; k++) {
			const f = await floor(best), p = await fairlead({ template: "empty" }), r = await fairlead({ rule: true, template: "empty_rule" });
			row("floor", f, `  COPY ended after ${ms(f.copy)}; CPU PostgreSQL ${f.pg.toFixed(2)} anvil ${f.node.toFixed(2)} s`);
			row("Fairlead", p, cost(p));
			if (p.spent) say(`    ${p.spent}`);
			row("with rule", r, cost(r));
			for (const [name, x] of Object.entries({ floor: f, plain: p, rule: r })) all[name].push(x);
		}
		const v = await viem(), idle = stat(line.pid).own;
		const wp = await fairlead({ url: line.url, template: "empty" });
		const carried = stat(line.pid).own - idle, wv = await viem({ url: line.url, env: { VIEM_FLIGHT: "16" } });
		row("viem", v, `  CPU ${v.cpu.toFixed(2)} s, at most ${v.rss.toFixed(0)} MiB`);
		row("over 50 ms", wp, `${cost(wp)}; the proxy ${carried.toFixed(2)} s CPU`);
		if (wp.spent) say(`    ${wp.spent}`);
		row("viem, 50 ms", wv, `  CPU ${wv.cpu.toFixed(2)} s`);
		for (const [name, x] of Object.entries({ viem: v, wan: wp, wanViem: wv })) all[name].push(x);
	}
	line.stop();
	const ratio = (a, b) => median(all[a].map((x, i) => x.s / all[b][i].s));
	figure("ingest_ratio", ratio("floor", "plain"));
	figure("ingest_rule_ratio", ratio("floor", "rule"));
	figure("ingest_vs_viem", median(all.viem.map((x, i) => x.s / all.plain[i * triples + triples - 1].s)), 2);
	figure("ingest_wan_vs_viem", ratio("wanViem", "wan"), 2);
	figure("ingest_rss_mib", Math.max(...all.plain.map((x) => x.rss)), 1);
	figure("ingest_cpu_s", median(all.plain.map((x) => x.cpu)), 2);
	figure("rpc_calls_per_100k", calls, 0);
}

let chain;
try {
	const busy = loadavg()[0];
	say(`${cpus().length} cores, ${busy > 0.5 ? `and others are at work on them (load ${busy.toFixed(1)}): times are theirs too` : "nobody else at work"}`);
	if (only !== "realtime") {
		chain = await history();
		await ingest();
		await chain.stop();
	}
	if (only !== "ingest") {
		const r = await realtime({ dir: join(dir, "realtime"), pg, say, events: Number(process.env.BENCH_EVENTS ?? 300) });
		figure("realtime_ratio", r.ratio);
		figure("realtime_p99_ratio", r.p99);
	}
	for (const [name, value] of figures) console.log(`figure ${name} ${value}`);
} finally {
	await pg.stop("fast");
}
process.exit(0);
