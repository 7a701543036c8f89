export const name = "the API stands under /api/v1 on port 3000 where nothing else is said; outside of the prefix only the engine's own paths";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ app: "vcel", mining: "auto", fleet: ["listener", "batcher", "reconciler"] });
	const print = await w.run("reconciler", ["--print"], { env: { PORT: null } });
	assert.match(print.out, /listen:\s+(- )?0\.0\.0\.0:3000/);
	assert.equal((await w.http("/api/v1/monitor/stats")).status, 200);
	for (const path of ["/monitor/stats", "/api/monitor/stats", "/api/v2/monitor/stats"]) assert.equal((await w.http(path)).status, 404, path);
	const other = await w.http("/api/v1/monitor/stats", { method: "DELETE" });
	assert.deepEqual([other.status, other.headers.allow], [405, "GET, HEAD, OPTIONS"]);
	const head = await w.http("/api/v1/monitor/stats", { method: "HEAD" });
	assert.deepEqual([head.status, head.body], [200, ""]);
	assert.ok(Number(head.headers["content-length"]) > 100);
	assert.equal((await w.http("/api/v1/monitor/stats", { headers: { accept: "image/png" } })).status, 406);
	const missing = await w.http("/api/v1/nothing");
	assert.equal(missing.headers["content-type"], "application/problem+json");
	assert.deepEqual([missing.json.status, missing.json.title, missing.json.request], [404, "Not Found", missing.headers["x-request-id"]]);
	assert.equal((await w.http("/api/v1/monitor/stats", { headers: { "x-request-id": "mine-7" } })).headers["x-request-id"], "mine-7");
}
