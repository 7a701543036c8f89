export const name = "GET /health: the exact keys, healthy with 200; without PostgreSQL, and without anybody who listens, unhealthy with 503, and healthy again";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ fleet: "all", mining: "auto", pg: "own" });
	const health = () => w.http("/health");
	const iso = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
	const good = await w.waitFor(async () => (await health()).status === 200 && health(), "healthy");
	assert.deepEqual(Object.keys(good.json), ["status", "timestamp", "services"]);
	assert.deepEqual(good.json.services, { contract: "healthy", database: "healthy", eventListener: "healthy" });
	assert.equal(good.json.status, "healthy");
	assert.match(good.json.timestamp, iso);
	assert.match(good.headers["content-type"], /^application\/json/);

	await w.stop("listener");
	const deaf = await w.waitFor(async () => (await health()).status === 503 && health(), "unhealthy without a listener");
	assert.deepEqual([deaf.json.status, deaf.json.services], ["unhealthy", { contract: "unhealthy", database: "healthy", eventListener: "unhealthy" }]);
	await w.start("listener");
	await w.waitFor(async () => (await health()).status === 200, "healthy with a listener");

	await w.pg.stop("fast");
	const lost = await w.waitFor(async () => (await health()).json?.services.database === "unhealthy" && health(), "unhealthy without PostgreSQL");
	assert.equal(lost.status, 503);
	assert.deepEqual(Object.keys(lost.json), ["status", "timestamp", "services"]);
	assert.deepEqual([lost.json.status, lost.json.services], ["unhealthy", { contract: "unknown", database: "unhealthy", eventListener: "unknown" }]);
	assert.match(lost.json.timestamp, iso);
	await w.pg.start();
	await w.waitFor(async () => (await health()).status === 200, "healthy again");
}
