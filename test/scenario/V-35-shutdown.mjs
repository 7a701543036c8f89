export const name = "SIGINT and SIGTERM end every program with 0, a request in the middle is answered first, the next start goes on where it was";

import { chainWords, soon } from "../lib/world.mjs";

const slow = "\n  GET /slow:\n    one: SELECT pg_sleep(1)::text AS slept, 1 AS n\n\nserve:\n";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ app: "vcel", mining: "manual", fleet: ["listener", "batcher", "reconciler"], yaml: (text) => chainWords(soon)(text).replace("\nserve:\n", slow) });
	await w.revokeMany(7, 3);
	await w.waitFor(w.whole, "the chain");
	const asked = w.http("/slow");
	await w.waitFor(async () => (await w.one("SELECT count(*) AS n FROM pg_stat_activity WHERE query LIKE '%pg_sleep(1)%' AND state = 'active' AND pid <> pg_backend_pid()")).n > 0, "the slow route to run");
	assert.equal(await w.programs.reconciler.stop("SIGINT"), 0);
	assert.deepEqual([(await asked).status, (await asked).json.n], [200, 1]);
	await assert.rejects(w.http("/livez"));
	for (const p of ["listener", "batcher"]) assert.equal(await w.stop(p, p === "listener" ? "SIGINT" : "SIGTERM"), 0);
	await w.revokeMany(7, 2);
	for (const p of ["listener", "batcher", "reconciler"]) await w.start(p);
	await w.waitFor(async () => (await w.rows(7)).length === 5, "five rows");
	assert.equal((await w.http("/api/v1/monitor/lock/7/revocations")).json.total, 5);
}
