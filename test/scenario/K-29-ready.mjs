export const name = "GET /health/ready: 503 while the chain is caught up with, and says so; 200 behind it; 503 when nobody listens";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "manual", yaml: (text) => text.replace("  main:\n", "  main:\n    range: 5\n").replace(/^ {4}range: +\$.*\n/m, "") });
	for (let i = 0; i < 4; i++) await w.batchReveal([i + 1]), await w.mine(20);
	const hold = w.node.hold("eth_getLogs");
	for (const p of ["batcher", "submitter", "reconciler"]) await w.start(p);
	await w.start("listener", { wait: "alive" });
	await w.waitFor(() => hold.list.length, "a question for old logs");
	const not = await w.waitFor(async () => {
		const r = await w.http("/health/ready");
		return /catching up, \d+ blocks behind/.test(r.body) && r;
	}, "catching up to be said");
	assert.equal(not.status, 503);
	assert.equal((await w.http("/readyz")).status, 503);
	assert.equal((await w.http("/health/live")).status, 200);
	assert.equal((await w.health("reconciler")).status, 200, "the process itself is ready: its own socket says so");
	hold.release();
	await w.waitFor(async () => (await w.http("/health/ready")).status === 200, "ready");
	assert.equal((await w.http("/health/ready")).body, "ready\n");
	await w.stop("listener");
	await w.waitFor(async () => /is not listened to/.test((await w.http("/health/ready")).body), "nobody listens");
}
