export const name = "an idle fleet: each program under 2 % of a core, no statement asked more often than once a second, Redis hardly at all";

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { execFileSync } from "node:child_process";
import { programs } from "../lib/world.mjs";

const tick = 1000 / Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));
const cpuMs = (pid) => {
	const f = readFileSync(`/proc/${pid}/stat`, "latin1").replace(/^.*\) /s, "").split(" ");
	return (Number(f[11]) + Number(f[12])) * tick;
};

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "manual", pg: "own", fleet: "all", env: { BATCH_TIMEOUT_MS: "100" } });
	for (const set of ["log_statement = 'all'", "log_line_prefix = '%a '", "log_parameter_max_length = 0"]) await w.sql(`ALTER SYSTEM SET ${set}`);
	await w.sql("SELECT pg_reload_conf()");
	await w.revealEach([1, 2, 3]);
	await w.waitFor(async () => (await w.mine(), (await w.one("SELECT count(*) AS n FROM fairlead.item WHERE state = 'done'")).n === 3), "three final items");
	const statements = () => {
		const all = readFileSync(join(w.dir, "postgresql.log"), "utf8").split("\n");
		return all.map((l) => l.match(/^fairlead-(\w+)\+? LOG: {2}(?:execute|statement).*/)).filter(Boolean);
	};
	const look = async () => {
		const info = await w.redis("INFO", "commandstats");
		const redis = [...info.matchAll(/cmdstat_([\w|]+):calls=(\d+)/g)].filter((m) => m[1] !== "info").reduce((n, m) => n + Number(m[2]), 0);
		return { at: performance.now(), redis, pg: statements().length, rpc: w.node.calls.length, cpu: Object.fromEntries(programs.map((p) => [p, cpuMs(w.programs[p].pid)])) };
	};
	// A lease is renewed when nothing else was written for a while: the work before is over.
	const renewals = () => statements().filter((m) => m[1] === "listener" && /lane_fence/.test(m[0])).length;
	const enough = renewals() + 1;
	await w.waitFor(() => renewals() >= enough, "the fleet to be idle");
	const from = await look();
	await w.waitFor(() => renewals() >= enough + 2, "a stretch of idleness");
	const to = await look();

	const s = (to.at - from.at) / 1000;
	for (const p of programs) assert.ok((to.cpu[p] - from.cpu[p]) / 1000 / s < 0.02, `${p} used ${to.cpu[p] - from.cpu[p]} ms CPU in ${s.toFixed(1)} s`);
	const asked = statements().slice(from.pg, to.pg);
	assert.ok(asked.length > 0);
	for (const text of new Set(asked.map((m) => m[0]))) {
		const n = asked.filter((m) => m[0] === text).length;
		assert.ok((n - 1) / s <= 1.05, `${n} times in ${s.toFixed(1)} s: ${text.slice(0, 100)}`);
	}
	const clients = Number((await w.redis("INFO", "clients")).match(/connected_clients:(\d+)/)[1]) - 1;
	assert.ok(clients >= 4 && (to.redis - from.redis) / s / clients <= 1, `Redis: ${to.redis - from.redis} commands on ${clients} connections in ${s.toFixed(1)} s`);
	t.note(`in ${s.toFixed(1)} s: ${programs.map((p) => to.cpu[p] - from.cpu[p]).join("+")} ms CPU, ${asked.length} statements, ${to.redis - from.redis} Redis commands on ${clients} connections, ${to.rpc - from.rpc} calls`);
}
