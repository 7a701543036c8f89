import { readFileSync } from "node:fs";
export const name = "P21: Redis and PostgreSQL that take connections but answer nothing: every /readyz says so, every /livez stays 200";

// INV-11. SIGSTOP leaves the sockets open: nothing is refused, nothing is closed, nothing is answered.
const children = (pid) => readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "manual", pg: "own", fleet: "all" });
	const all = ["listener", "batcher", "submitter", "reconciler"];
	const frozen = async (what, pids) => {
		const from = Date.now();
		for (const pid of pids) process.kill(pid, "SIGSTOP");
		try {
			await Promise.all(all.map((p) => w.waitFor(async () => {
				assert.equal((await w.health(p, "/livez")).status, 200);
				const r = await w.health(p);
				return r.status === 503 && r.body.includes(`${what} `);
			}, `${p} to say that ${what} does not answer`, 15000)));
			t.note(`${what} ${((Date.now() - from) / 1000).toFixed(1)} s`);
		} finally {
			for (const pid of pids) process.kill(pid, "SIGCONT");
		}
		await Promise.all(all.map((p) => w.waitFor(async () => (await w.health(p)).status === 200, `${p} to be ready again`)));
	};
	await frozen("Redis", [w.redisServer.process.pid]);
	const pg = w.pg.process.pid;
	await frozen("PostgreSQL", [...children(pg), pg]);
}
