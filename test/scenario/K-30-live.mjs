export const name = "GET /health/live: 200 without PostgreSQL and without Redis; no answer from a loop that is stuck";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ fleet: "all", pg: "own" });
	const live = () => w.http("/health/live");
	assert.deepEqual([(await live()).status, (await live()).body], [200, "alive\n"]);
	await w.pg.stop("fast");
	await w.redisServer.stop();
	await w.waitFor(async () => (await w.http("/health/ready")).status === 503, "not ready");
	assert.equal((await live()).status, 200);
	await w.pg.start();
	await w.redisServer.start();
	await w.waitFor(async () => (await w.http("/health/ready")).status === 200, "ready again");

	w.programs.reconciler.freeze();
	await assert.rejects(fetch(`${w.door()}/health/live`, { signal: AbortSignal.timeout(1500) }), "a stuck loop answers nothing");
	w.programs.reconciler.thaw();
	await w.waitFor(async () => (await live()).status === 200, "alive again");
}
