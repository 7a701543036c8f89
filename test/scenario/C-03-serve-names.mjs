export const name = "serve.listen: the reconciler answers the health names of the file on its port, beside its own; no other program listens there";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "auto", fleet: "all" });
	const serve = w.lines("reconciler", "serve").find((l) => l.at === "0.0.0.0:0");
	const get = async (path) => {
		const r = await fetch(`http://127.0.0.1:${serve.port}${path}`);
		return { status: r.status, text: await r.text() };
	};
	for (const path of ["/health/ready", "/readyz"]) assert.deepEqual(await get(path), { status: 200, text: "ready\n" });
	for (const path of ["/health/live", "/livez"]) assert.deepEqual(await get(path), { status: 200, text: "alive\n" });
	assert.match((await get("/metrics")).text, /^# HELP fairlead_/m);
	assert.equal((await w.health("reconciler", "/health/ready")).status, 200);
	for (const program of ["listener", "batcher", "submitter"]) assert.ok(!w.lines(program, /^.*0\.0\.0\.0/).length, `${program} has only its own socket`);

	// ready tells the truth there too, live goes on
	await w.redisServer.stop();
	await w.waitFor(async () => (await get("/health/ready")).status === 503, "not ready without Redis");
	assert.match((await get("/health/ready")).text, /Redis/);
	assert.equal((await get("/health/live")).status, 200);
	await w.redisServer.start();
	await w.waitFor(async () => (await get("/health/ready")).status === 200, "ready again");
	await w.stop("reconciler");
	await assert.rejects(get("/health/live"));

	// the port that PORT names
	const again = await w.start("reconciler", { env: { PORT: String(serve.port) } });
	assert.equal((await get("/health/ready")).status, 200);
	assert.ok(again.running);
}
