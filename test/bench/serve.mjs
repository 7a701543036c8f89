// make bench-serve: the front door beside what limits it, side by side and in turns, over one million revocations:
//
//   limit      pgbench -M prepared -j2 with the SELECT of the route, 64 clients on PostgreSQL's unix socket. It says no HTTP
//   Fairlead   the release build of the reconciler, asked by wrk on 64 connections
//   fastify    fastify with pg (fastify.mjs), the same SELECT as a named statement on the same socket, asked by the same wrk
//   nginx      a file of the size of a cached answer, for the ratio of a cached route; left out where it is not installed
//
// All of them share the machine with whoever asks. Ratios are taken within a round and the median round counts. Every contender's
// answer is compared with what stands in the table before it is measured. Half load: as many connections, each with a pause, so that
// half of what the round reached is asked for.
//
// BENCH_ROUNDS (3), BENCH_SECONDS (5), BENCH_ROWS (1000000); BENCH_ONLY=routes or topics runs one half.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { makeWorld } from "../lib/world.mjs";
import { socket } from "../lib/topics.mjs";
import { publishes } from "../scenario/T-01-topics.mjs";
import * as servers from "../../deploy/run/servers.mjs";
import { root } from "../../deploy/run/npm.mjs";
import { run, start, stop, until } from "../../deploy/run/proc.mjs";

const rounds = Number(process.env.BENCH_ROUNDS ?? 3), seconds = Number(process.env.BENCH_SECONDS ?? 5), rows = Number(process.env.BENCH_ROWS ?? 1000000);
const only = process.env.BENCH_ONLY, connections = 64, locks = Math.max(1, Math.floor(rows / 1000)), clients = 1000;
const dir = join(root, ".run/bench-serve");
const figures = [];
const figure = (name, value, digits = 3) => figures.push([name, String(Number(value.toFixed(digits)))]);
const say = (text) => console.log(text);
const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const percentile = (list, p) => [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * p))];
const rate = (n) => `${Math.round(n).toLocaleString("en")}/s`;
const must = (r, what) => {
	if (r.code) throw new Error(`${what}: ${r.text.trim().slice(-2000)}`);
	return r.stdout;
};

rmSync(dir, { recursive: true, force: true });
mkdirSync(dir, { recursive: true });
const pg = await servers.postgres(join(dir, "pg"), { log: join(dir, "postgresql.log"), settings: { shared_buffers: "512MB", max_wal_size: "4GB", max_connections: "150" } });

// Row n of lock n % locks; its hash is a digest that whoever asks can know.
const fill = `INSERT INTO revoked_signatures (id, lock_id, signature_hash, signature, revoked_by, transaction_hash, block_number, revoked_at)
	SELECT lock || '-' || hash, lock, hash, hash, substr(hash, 1, 42), hash, n, to_timestamp(1700000000 + n)
	FROM (SELECT n, (n % ${locks})::text AS lock, '0x' || encode(sha256(n::text::bytea), 'hex') AS hash FROM generate_series(1, ${rows}) n) x`;

async function worldOf(id) {
	const t = { id, dir: join(dir, id), ends: [], shared: { pg: { dir: pg.dir, user: servers.dbUser } }, note: say };
	mkdirSync(t.dir, { recursive: true });
	const cached = `
  GET /bench/cached:
    cache: 1h
    one: SELECT 'kept' AS answer, repeat('x', 200) AS filler
`;
	const w = await makeWorld(t, {
		app: "vcel", chain: "none", fleet: ["reconciler"],
		yaml: (text) => publishes(text).replace(/^routes:\n/m, (line) => line + cached.slice(1)),
		env: { SEPOLIA_RPC_URL: "http://127.0.0.1:9", SEPOLIA_CONTRACT_ADDRESS: "0x5FbDB2315678afecb367f032d93F642f64180aa3", LOG_LEVEL: "odd" },
	});
	return { t, w };
}

// ── who asks ──

const number = (text) => {
	const m = text.match(/^([\d.]+)(us|ms|s|m)$/);
	return Number(m[1]) * { us: 0.001, ms: 1, s: 1000, m: 60000 }[m[2]];
};
// paths: a Lua table of them in a file. pause: milliseconds on average between two requests of a connection.
function script(name, paths, pause = 0) {
	const file = join(dir, `${name}.lua`);
	writeFileSync(file, `local paths = {\n${paths.map((p) => `"${p}",`).join("\n")}\n}
local at = 0
request = function()
  at = at % #paths + 1
  return wrk.format("GET", paths[at])
end
${pause ? `delay = function() return math.random(0, ${Math.round(2 * pause)}) end` : ""}
`);
	return file;
}
async function wrk(url, lua, { c = connections, s = seconds } = {}) {
	const out = must(await run("wrk", ["-t1", `-c${c}`, `-d${s}s`, "--latency", "--timeout", "30s", "-s", lua, url]), "wrk");
	if (/Non-2xx|Socket errors: .*[1-9]/.test(out)) throw new Error(`wrk: ${out}`);
	const pick = (p) => number(out.match(new RegExp(`^ +${p}% +(\\S+)`, "m"))[1]);
	return { rps: Number(out.match(/Requests\/sec: +([\d.]+)/)[1]), p50: pick(50), p99: pick(99) };
}

// ── routes ──

const select = (lock, hash) => `SELECT ${lock} AS "lockId", ${hash} AS signature, EXISTS (SELECT FROM revoked_signatures WHERE lock_id = ${lock} AND signature_hash = ${hash}) AS "isRevoked", now() AS timestamp`;

// pgbench knows no texts but those it was given: a hundred scripts, each with its own row, taken at random.
async function limit(database, some) {
	const files = some.slice(0, 100).map((r, i) => {
		const file = join(dir, `limit${i}.sql`);
		writeFileSync(file, `${select(`:l${i}`, `:h${i}`)};\n`);
		return ["-f", file, "-D", `l${i}=${r.lock}`, "-D", `h${i}=${r.hash}`];
	}).flat();
	const out = must(await run(join(pg.bin, "pgbench"), ["-n", "-M", "prepared", "-j2", `-c${connections}`, `-T${seconds}`, "-h", pg.dir, "-U", servers.dbUser, ...files, database]), "pgbench");
	return Number(out.match(/tps = ([\d.]+)/)[1]);
}

async function fastify(database) {
	const log = join(dir, "fastify.log");
	const p = start(process.execPath, { name: "fastify", args: [join(root, "test/bench/fastify.mjs")], log, env: { ...process.env, PGHOST: pg.dir, PGUSER: servers.dbUser, PGDATABASE: database, SELECT: select("$1::text", "$2::text"), NODE_ENV: "production" } });
	const url = await until(() => existsSync(log) && readFileSync(log, "utf8").match(/listening on (\S+)/)?.[1], "fastify to listen", 30000);
	return { url, end: () => stop(p) };
}

async function nginx(size) {
	if (!existsSync("/usr/sbin/nginx")) return null;
	const home = join(dir, "nginx");
	mkdirSync(home);
	writeFileSync(join(home, "answer.json"), "x".repeat(size));
	const conf = join(home, "nginx.conf");
	const port = 20000 + (process.pid % 20000);
	writeFileSync(conf, `daemon off; worker_processes 1; error_log ${home}/error.log; pid ${home}/pid;
events { worker_connections 512; }
http { access_log off; default_type application/json; keepalive_requests 1000000000; open_file_cache max=10; sendfile on; client_body_temp_path ${home}; proxy_temp_path ${home}; fastcgi_temp_path ${home}; uwsgi_temp_path ${home}; scgi_temp_path ${home};
  server { listen 127.0.0.1:${port}; root ${home}; } }
`);
	const p = start("/usr/sbin/nginx", { name: "nginx", args: ["-c", conf, "-p", home], log: join(home, "log") });
	const url = `http://127.0.0.1:${port}`;
	await until(async () => (await fetch(`${url}/answer.json`)).ok, "nginx to answer", 30000);
	return { url, end: () => stop(p) };
}

async function answers(url, path, want) {
	const r = await fetch(url + path);
	const got = await r.json();
	for (const [k, v] of Object.entries(want)) if (JSON.stringify(got[k]) !== JSON.stringify(v)) throw new Error(`${url}${path}: ${k} is ${JSON.stringify(got[k])}, not ${JSON.stringify(v)}`);
	return r;
}

async function routes() {
	const { t, w } = await worldOf("routes");
	const ends = [];
	try {
		const t0 = performance.now();
		await w.sql(fill);
		await w.sql("VACUUM ANALYZE revoked_signatures");
		const some = await w.sql("SELECT lock_id AS lock, signature_hash AS hash FROM revoked_signatures WHERE block_number % $1 = 0 ORDER BY md5(id)", [Math.max(1, Math.floor(rows / 20000))]);
		say(`${rows} revocations of ${locks} locks stand after ${((performance.now() - t0) / 1000).toFixed(0)} s; ${cpus().length} cores, load ${loadavg()[0].toFixed(1)}`);
		const path = (r) => `/api/v1/monitor/lock/${r.lock}/signature/${r.hash}/revoked`;
		const url = w.door(), fast = await fastify(w.database);
		ends.push(fast.end);
		for (const u of [url, fast.url]) {
			await answers(u, path(some[0]), { lockId: some[0].lock, signature: some[0].hash, isRevoked: true });
			await answers(u, path({ lock: "1", hash: `0x${"0".repeat(64)}` }), { isRevoked: false });
		}
		const lua = script("revoked", some.map(path));
		const seen = { limit: [], ours: [], fast: [], p99: [], half: [] };
		for (let i = 0; i < rounds; i++) {
			const l = await limit(w.database, some), o = await wrk(url, lua), f = await wrk(fast.url, lua);
			const pause = (connections / (o.rps / 2)) * 1000;
			const h = await wrk(url, script("half", some.map(path), pause));
			say(`round ${i + 1}: pgbench ${rate(l)}, Fairlead ${rate(o.rps)} (p99 ${o.p99} ms), fastify ${rate(f.rps)}; at ${rate(h.rps)} p50 ${h.p50} ms`);
			seen.limit.push(o.rps / l);
			seen.fast.push(o.rps / f.rps);
			seen.p99.push(h.p99);
			seen.half.push(h.p50);
		}
		figure("serve_ratio_limit", median(seen.limit));
		figure("serve_ratio_fastify", median(seen.fast));
		figure("is_revoked_p50_ms", median(seen.half));
		figure("is_revoked_p99_ms", median(seen.p99));
		const list = await answers(url, "/api/v1/monitor/lock/7/revocations", { lockId: "7", total: rows / locks });
		if (!list.ok) throw new Error("no list");
		const lists = await wrk(url, script("lists", Array.from({ length: 50 }, (_, i) => `/api/v1/monitor/lock/${(i * 37) % locks}/revocations`)), { c: 1 });
		figure("revocations_p50_ms", lists.p50);
		await cached(url, ends);
	} finally {
		for (const end of ends.reverse()) await end();
		for (const end of t.ends.reverse()) await end();
	}
}

async function cached(url, ends) {
	const answer = await answers(url, "/bench/cached", { answer: "kept" });
	const size = Number(answer.headers.get("content-length") ?? 233), other = await nginx(size);
	if (!other) {
		say("nginx is not installed (deploy/setup --bench): no cached_rps_ratio");
		return;
	}
	ends.push(other.end);
	const ratios = [];
	for (let i = 0; i < rounds; i++) {
		const n = await wrk(other.url, script("file", ["/answer.json"])), o = await wrk(url, script("cached", ["/bench/cached"]));
		say(`round ${i + 1}: nginx ${rate(n.rps)}, a cached route ${rate(o.rps)}`);
		ratios.push(o.rps / n.rps);
	}
	figure("cached_rps_ratio", median(ratios));
}

// ── topics ──

async function topics() {
	const { t, w } = await worldOf("topics");
	try {
		const crowd = [];
		for (let i = 0; i < clients; i += 100) crowd.push(...(await Promise.all(Array.from({ length: 100 }, () => socket(w)))));
		await Promise.all(crowd.map(async (s) => {
			s.say({ subscribe: "revoked" });
			await s.next((f) => f.subscribed, "the confirmation");
		}));
		const rss = Number(readFileSync(`/proc/${w.programs.reconciler.pid}/status`, "utf8").match(/VmRSS:\s+(\d+)/)[1]) / 1024;
		figure("serve_rss_mib", rss, 1);
		const p99 = [];
		for (let i = 0; i < 10 * rounds; i++) {
			const took = crowd.map((s) => new Promise((done) => s.line.once("message", () => done(performance.now()))));
			const t0 = performance.now();
			await w.sql("INSERT INTO fairlead.message (topic, data) VALUES ('revoked', '{\"lockId\": \"7\"}')");
			await w.redis("XADD", "vcel:published", "*", "n", "1"); // as a batcher rings behind its commit
			p99.push(percentile(await Promise.all(took), 0.99) - t0);
		}
		figure("ws_fanout_ms", median(p99));
		for (const s of crowd) s.close();
	} finally {
		for (const end of t.ends.reverse()) await end();
	}
}

try {
	if (only !== "topics") await routes();
	if (only !== "routes") await topics();
} finally {
	await pg.stop("immediate");
	servers.removeOutside();
}
for (const [name, value] of figures) say(`figure ${name} ${value}`);
