// Random worlds. A seed makes a chain, reorgs, moods of endpoints, crashes and restarts of the listener and the batcher; at the end
// the tables of events, what the rules wrote and the items are those of the final chain, computed by app.mjs from its logs.
//
//   node test/worlds/run.mjs                 seeds 1 to 200          SEEDS=10000 FROM=1 node test/worlds/run.mjs    as many as you like
//   SEED=123 node test/worlds/run.mjs        one of them (or several: "12 34"); its logs stay in .run/worlds/123.   PLAN=1: prints the plan
//
// AT_ONCE worlds run side by side (8). REINDEX=n: each n-th world is read once more, cleanly, by the fleet itself, and compared (8; of a
// single SEED always). KEEP=1 keeps all logs. The script of a world is the seed's; how the processes interleave is the machine's: a seed that
// failed once may need several tries (SEEDS=20 SEED=123 runs it twenty times).
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { need, root } from "../../deploy/run/npm.mjs";
import { killAll } from "../../deploy/run/proc.mjs";
import * as servers from "../../deploy/run/servers.mjs";
import { bins } from "../lib/world.mjs";
import * as app from "./app.mjs";
import { planOf } from "./plan.mjs";
import { environment, runWorld } from "./world.mjs";

const { Client, types } = need("pg");
types.setTypeParser(20, Number);
const asked = (process.env.SEED ?? "").split(/[\s,]+/).filter(Boolean).map(Number);
const one = asked.length === 1;
const from = asked[0] ?? Number(process.env.FROM || 1);
const count = Number(process.env.SEEDS || asked.length || 200);
const seeds = Array.from({ length: count }, (_, i) => (asked.length ? asked[i % asked.length] : from + i));
const every = Number(process.env.REINDEX ?? 8);
const dir = process.env.WORLDS_DIR ?? join(root, `.run/worlds${one ? "" : "-many"}`);

if (process.env.PLAN) {
	console.log(JSON.stringify(planOf(from), null, 1));
	process.exit(0);
}

async function makeSlot(pg, i) {
	const home = join(dir, `slot${i}`);
	mkdirSync(home, { recursive: true });
	const client = async (database) => {
		const c = new Client({ host: pg.dir, user: servers.dbUser, database });
		c.on("error", () => {});
		await c.connect();
		return c;
	};
	return { pg, client, admin: await client("postgres"), redis: await servers.redis(home, { log: join(home, "redis.log") }), sockets: servers.socketDir(home, "s") };
}

// A database in which the application stands, for each set of rules: made once by a listener, copied for each world.
async function makeTemplate(slot, rules) {
	const name = `template_${rules}`;
	const home = join(dir, name);
	mkdirSync(home, { recursive: true });
	const plan = { ...planOf(1), rules, start: 1, endpoints: [{ ws: false }] };
	writeFileSync(join(home, "app.sql"), app.sql);
	writeFileSync(join(home, "fairlead.yaml"), app.yaml(plan, [{ http: "http://127.0.0.1:1" }]));
	await slot.admin.query(`CREATE DATABASE ${name}`);
	const { start } = await import("../../deploy/run/proc.mjs");
	const log = join(home, "listener.log");
	const p = start(join(bins("release"), "fairlead-listener"), { name: "listener", args: ["fairlead.yaml"], cwd: home, log, env: { ...environment(slot, name), FAIRLEAD_HEALTH: `unix:${join(slot.sockets, "t.sock")}` } });
	const c = await slot.client(name);
	const installed = async () => (await c.query("SELECT count(*)::int AS n FROM fairlead.application").catch(() => ({ rows: [{ n: 0 }] }))).rows[0].n === 1;
	const { until, stop, isAlive, tail } = await import("../../deploy/run/proc.mjs");
	await until(async () => (await installed()) || !isAlive(p), "the application to be installed", 30000);
	if (!(await installed())) throw new Error(`the application was not installed:\n${tail(log)}`);
	await stop(p, { with: "SIGTERM" });
	// the reading of this world is not the next one's
	for (const t of ["UPDATE fairlead.lane SET at = 0, epoch = 0, holder = NULL", "VACUUM ANALYZE"]) await c.query(t).catch(() => {});
	await c.end();
	return name;
}

async function main() {
	const t0 = Date.now();
	rmSync(dir, { recursive: true, force: true });
	mkdirSync(dir, { recursive: true });
	const pg = await servers.postgres(join(dir, "pg"), { log: join(dir, "postgresql.log"), memory: true, settings: { synchronous_commit: "off", full_page_writes: "off", autovacuum: "off", max_wal_size: "2GB", wal_level: "minimal", max_wal_senders: "0" } });
	const slots = await Promise.all(Array.from({ length: Math.min(Number(process.env.AT_ONCE || 8), seeds.length) }, (_, i) => makeSlot(pg, i)));
	const templates = {};
	for (const rules of Object.keys(app.ruleSets)) templates[rules] = await makeTemplate(slots[0], rules);
	const sum = { worlds: 0, events: 0, reorgs: 0, retracted: 0, starts: 0, blocks: 0, again: 0 };
	const failed = [];
	const queue = seeds.map((seed, i) => ({ seed, i }));
	await Promise.all(slots.map(async (slot, k) => {
		for (let x; (x = queue.shift()); ) {
			const plan = planOf(x.seed);
			const home = join(dir, `${x.seed}${count > asked.length && asked.length ? `-${x.i}` : ""}`);
			const reindex = one ? true : every > 0 && x.i % every === 0;
			const from = Date.now();
			const r = await runWorld({ ...plan, database: `w${k}` }, { dir: home, sockets: slot.sockets, slot, template: templates[plan.rules], reindex });
			sum.worlds++;
			sum.again += reindex;
			for (const n of Object.keys(r.stats)) if (n in sum) sum[n] += r.stats[n];
			if (process.env.V) console.log(`${r.ok ? "ok" : "not ok"} ${x.seed} ${Date.now() - from} ms ${JSON.stringify(r.stats)}`);
			if (r.ok) continue;
			failed.push(x.seed);
			console.log(`not ok: seed ${x.seed}, logs in ${home}\n${r.problems.join("\n").replace(/^/gm, "    ")}\n  again: SEED=${x.seed} node test/worlds/run.mjs`);
			if (failed.length >= Number(process.env.MOST_FAILED || 10)) queue.length = 0;
		}
	}));
	for (const s of slots) {
		await s.admin.end();
		await s.redis.stop();
	}
	await pg.stop("immediate");
	servers.removeOutside();
	console.log(`${sum.worlds} worlds in ${((Date.now() - t0) / 1000).toFixed(0)} s: ${sum.events} events, ${sum.reorgs} reorgs, ${sum.retracted} retractions, ${sum.starts} starts of programs, ${sum.again} read again; ${failed.length} failed${failed.length ? `: ${failed.join(" ")}` : ""}`);
	process.exit(failed.length ? 1 : 0);
}

for (const s of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(s, () => {
	killAll();
	servers.removeOutside();
	process.exit(130);
});
await main().catch((e) => {
	console.error(e.stack);
	killAll();
	servers.removeOutside();
	process.exit(1);
});
