export const name = "the monitors of the front door: Prometheus text at /metrics with the routes' own figures, a status, and METRICS_ENABLED=false takes it away";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ fleet: "all", mining: "auto" });
	for (let i = 0; i < 3; i++) assert.equal((await w.http("/blockchain/status")).status, 200);
	assert.equal((await w.http("/nothing-here")).status, 404);
	const m = await w.http("/metrics");
	assert.match(m.headers["content-type"], /^text\/plain; version=0\.0\.4/);
	assert.match(m.body, /^fairlead_http_requests_total\{route="GET \/blockchain\/status",status="2xx"\} 3$/m);
	assert.match(m.body, /^fairlead_http_requests_total\{route="elsewhere",status="4xx"\} 1$/m);
	assert.match(m.body, /^fairlead_http_request_duration_seconds_count\{route="GET \/blockchain\/status"\} 3$/m);
	const s = await w.http("/status");
	assert.deepEqual([s.json.program, s.json.application, s.json.ready], ["reconciler", "ktty", true]);
	await w.stop("reconciler");
	await w.start("reconciler", { env: { METRICS_ENABLED: "false" } });
	assert.equal((await w.http("/metrics")).status, 404);
	assert.equal((await w.http("/health")).status, 200);
}
