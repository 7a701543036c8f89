export const name = "P21: the front door with PostgreSQL, Redis or the node stopped, and silent: /readyz 503 in words, /livez 200, ready again by itself; a stuck loop answers no /livez";
export const limit = 150;
import { readFileSync } from "node:fs";
import { requestWorld } from "../lib/requests.mjs";

const children = (pid) => readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);

export default async function (t) {
	const { assert } = t;
	const w = await requestWorld(t, "", { pg: "own", env: { RPC_TIMEOUT_MS: "1000", POLLING_INTERVAL_MS: "500", WS_URL: null, HEALTH_CHECK_INTERVAL_MS: "1000" }, mining: 1, yaml: (text) => text.replace("    timeout:", "    silent:  4s\n    timeout:") });
	for (const program of ["listener", "batcher", "submitter", "reconciler"]) await w.start(program, { wait: false });
	await w.start("reconciler", { name: "gate", args: ["--serve-only"], wait: false });
	const doors = ["reconciler", "gate"];
	const ready = () => Promise.all(doors.map((name) => w.waitFor(async () => {
		const r = await w.http("/readyz", { name });
		if (r.status !== 200) throw new Error(r.body);
		return true;
	}, `${name} to be ready`)));
	await ready();
	const away = async (what, words, stop, start) => {
		const from = Date.now();
		await stop();
		try {
			await Promise.all(doors.map((name) => w.waitFor(async () => {
				assert.equal((await w.http("/livez", { name })).status, 200);
				const r = await w.http("/readyz", { name });
				if (r.status !== 503 || !words.test(r.body)) throw new Error(`${r.status} ${r.body}`);
				return true;
			}, `${name} to say that ${what}`, 15000)));
			t.note(`${what} ${((Date.now() - from) / 1000).toFixed(1)} s`);
		} finally {
			await start();
		}
		await ready();
	};
	const signal = (pids, s) => () => {
		for (const pid of pids()) process.kill(pid, s);
	};
	const pg = () => [...children(w.pg.process.pid), w.pg.process.pid], redis = () => [w.redisServer.process.pid];
	await away("PostgreSQL is stopped", /PostgreSQL/, () => w.pg.stop("immediate"), () => w.pg.start());
	await away("PostgreSQL is silent", /PostgreSQL/, signal(pg, "SIGSTOP"), signal(pg, "SIGCONT"));
	await away("Redis is stopped", /Redis/, () => w.redisServer.stop(), () => w.redisServer.start());
	await away("Redis is silent", /Redis/, signal(redis, "SIGSTOP"), signal(redis, "SIGCONT"));
	await away("the node is stopped", /main/, () => w.node.down(), () => w.node.up());
	await away("the node is silent", /main/, () => w.node.fault("silent"), () => w.node.well());

	// a loop that does not turn
	w.programs.gate.freeze();
	await assert.rejects(w.health("gate", "/livez"), /no answer/);
	w.programs.gate.thaw();
	await ready();
}
