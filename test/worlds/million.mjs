// P17: a million events (EVENTS) through one listener and one batcher, as history and then at the head: memory, descriptors and
// connections are bounded, whatever was read. Prints what was measured; exit 1 when something grew.
//
//   EVENTS=1000000 node test/worlds/million.mjs
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { need, root } from "../../deploy/run/npm.mjs";
import { isAlive, killAll, start, stop, tail, until } from "../../deploy/run/proc.mjs";
import * as servers from "../../deploy/run/servers.mjs";
import { bins } from "../lib/world.mjs";
import { scriptedNode } from "../lib/scripted.mjs";
import * as app from "./app.mjs";
import { environment } from "./world.mjs";

const { Client, types } = need("pg");
types.setTypeParser(20, Number);
const total = Number(process.env.EVENTS ?? 1000000);
const perBlock = 250, blocks = Math.ceil(total / perBlock), atHead = Math.min(800, Math.ceil(blocks / 5)), rounds = 4;
const dir = process.env.WORLDS_DIR ?? join(root, ".run/million");
const most = { listener: Number(process.env.LISTENER_MIB ?? 28), batcher: Number(process.env.BATCHER_MIB ?? 16) };

const own = (pid) => Number(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8").match(/^Pss_Anon:\s+(\d+)/m)[1]) / 1024;
const peak = (pid) => Number(readFileSync(`/proc/${pid}/status`, "utf8").match(/^VmHWM:\s+(\d+)/m)[1]) / 1024;
const fds = (pid) => readdirSync(`/proc/${pid}/fd`).length;

async function main() {
	rmSync(dir, { recursive: true, force: true });
	mkdirSync(dir, { recursive: true });
	const pg = await servers.postgres(join(dir, "pg"), { log: join(dir, "postgresql.log"), settings: { max_wal_size: "4GB", synchronous_commit: "off" } });
	const redis = await servers.redis(dir, { log: join(dir, "redis.log") });
	const sockets = servers.socketDir(dir, "s");
	const node = await scriptedNode({ seed: 17 });
	await node.do([...app.shapes.map((shape) => ({ shape })), { set: { finalized: 16, safe: 8 } }]);
	const kinds = ["moved", "opened"].map((shape) => ({ shape, count: perBlock / 2, per_tx: 25 }));
	const mine = (n) => node.do({ mine: { blocks: n, logs: kinds } });
	for (let left = blocks - atHead; left > 0; left -= 500) await mine(Math.min(500, left));
	await pg.createdb("million");
	const plan = { rules: "setwise", start: 1, chain: { window: 32, final: 16, range: 1000 }, endpoints: [{ ws: true }] };
	writeFileSync(join(dir, "app.sql"), app.sql);
	writeFileSync(join(dir, "fairlead.yaml"), app.yaml(plan, node.endpoints).replace("timeout: 400ms", "timeout: 30s"));
	const db = new Client({ host: pg.dir, user: servers.dbUser, database: "million" });
	db.on("error", () => {});
	await db.connect();
	const programs = {};
	for (const name of ["listener", "batcher"]) {
		const log = join(dir, `${name}.log`);
		programs[name] = start(join(bins("release"), `fairlead-${name}`), { name, args: ["fairlead.yaml"], cwd: dir, log, env: { ...environment({ pg, redis }, "million"), FAIRLEAD_HEALTH: `unix:${join(sockets, `${name}.sock`)}` } });
	}
	const seen = { own: {}, fds: {}, connections: 0 };
	const look = async () => {
		for (const [name, p] of Object.entries(programs)) {
			if (!isAlive(p)) throw Object.assign(new Error(`${name} ended:\n${tail(p.log)}`), { final: true });
			seen.own[name] = Math.max(seen.own[name] ?? 0, own(p.pid));
			seen.fds[name] = Math.max(seen.fds[name] ?? 0, fds(p.pid));
		}
		const { n } = (await db.query("SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name LIKE 'fairlead-%'")).rows[0];
		seen.connections = Math.max(seen.connections, n);
	};
	const reached = (events) => until(async () => {
		await look();
		return (await db.query("SELECT l.at >= $1 AND a.at = l.at AS x FROM fairlead.lane l, fairlead.lane a WHERE l.name = 'listen:main' AND a.name = 'apply:main'", [events]).catch(() => ({ rows: [] }))).rows[0]?.x;
	}, `${events} events to be applied`, Math.max(60000, total), 50);
	const marks = [];
	const mark = (when) => marks.push({ when, ...Object.fromEntries(Object.entries(programs).map(([name, p]) => [name, own(p.pid)])), peak: { ...seen.own } });
	const t0 = Date.now();
	const half = Math.floor((blocks - atHead) / 2) * perBlock;
	await reached(half);
	mark(`${half} events of history`);
	await reached((blocks - atHead) * perBlock);
	mark(`${(blocks - atHead) * perBlock} events of history`);
	for (let k = 0; k < rounds; k++) {
		for (let i = 0; i < atHead / rounds; i += 10) {
			await mine(Math.min(10, atHead / rounds - i));
			await look();
		}
		await reached((blocks - atHead + Math.floor((atHead / rounds) * (k + 1))) * perBlock);
		mark(`${Math.floor((atHead / rounds) * (k + 1)) * perBlock} more at the head`);
	}
	const { n } = (await db.query("SELECT count(*)::int AS n FROM fairlead.event")).rows[0];
	const { sum } = (await db.query("SELECT sum(moves)::int AS sum FROM balance")).rows[0];
	const problems = [];
	const bound = (what, is, limit) => is > limit && problems.push(`${what} is ${is.toFixed(1)}, more than ${limit.toFixed(1)}`);
	if (n < total || sum * 2 !== n) problems.push(`${n} events stand, ${sum} of them summed by the rule; ${total} were mined`);
	for (const name of Object.keys(programs)) {
		bound(`the peak of the ${name} in MiB`, peak(programs[name].pid), most[name]);
		const head = marks.slice(2).map((m) => m[name]); // freed memory may still be there at one mark, not at all
		bound(`what the ${name} grew by at the head in MiB`, Math.min(head[2], head[3]) - Math.max(head[0], head[1]), 1);
		bound(`what the ${name}'s most grew by in the second half of the history in MiB`, marks[1].peak[name] - marks[0].peak[name], 3);
		bound(`descriptors of the ${name}`, seen.fds[name], 48);
	}
	bound("connections of both to PostgreSQL", seen.connections, 12);
	const s = (Date.now() - t0) / 1000;
	console.log(`${n} events in ${s.toFixed(0)} s: ${Object.entries(programs).map(([name, p]) => `${name} ${peak(p.pid).toFixed(1)} MiB at its peak, at most ${seen.own[name].toFixed(1)} its own, ${seen.fds[name]} descriptors`).join("; ")}; ${seen.connections} connections to PostgreSQL`);
	for (const m of marks) console.log(`  after ${m.when}: listener ${m.listener.toFixed(1)}, batcher ${m.batcher.toFixed(1)} MiB of their own`);
	for (const p of Object.values(programs)) {
		await stop(p, { with: "SIGTERM" });
		if (p.code !== 0) problems.push(`${p.name} did not drain: exit ${p.code}`);
		if (/\blevel=bug\b/.test(readFileSync(p.log, "utf8"))) problems.push(`${p.name} logged a bug`);
	}
	await db.end();
	await node.close();
	await redis.stop();
	await pg.stop("immediate");
	servers.removeOutside();
	for (const p of problems) console.log(`not ok: ${p}`);
	process.exit(problems.length ? 1 : 0);
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
