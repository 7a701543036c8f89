export const name = "S6: more batches than a lane sets aside, and all fail alike: nothing is parked, none is asked again at once, all go when the contract does";

export default async function (t) {
	const { assert } = t;
	const n = 300; // HELD_MAX is 256
	const w = await t.world({ mining: "manual", env: { MAX_BATCH_SIZE: "1", BATCH_TIMEOUT_MS: "100" }, yaml: (y) => y.replace(/^ *skip:.*\n/m, "") });
	for (const p of ["listener", "batcher"]) await w.start(p);
	const ids = Array.from({ length: n }, (_, i) => i + 1);
	await w.revealEach(ids);
	await w.act("setPaused", true);
	await w.waitFor(async () => (await w.one("SELECT count(*) AS n FROM fairlead.batch WHERE state = 'ready'")).n === n, "all batches to be ready");
	const call = w.iface.getFunction("setBulkTokenCodes");
	const asked = () => {
		const times = new Map(ids.map((id) => [id, 0]));
		for (const { method, params } of w.node.calls)
			if (/^eth_(estimateGas|call)$/.test(method) && params[0].data?.startsWith(call.selector)) {
				const id = Number(w.iface.decodeFunctionData(call, params[0].data)[0][0]);
				times.set(id, times.get(id) + 1);
			}
		return times;
	};
	await w.start("submitter", { wait: "alive" });
	await w.waitFor(() => asked().get(1) >= 2, "the first batch to be asked again");
	const times = asked();
	const most = Math.max(...times.values());
	assert.ok(most <= times.get(1) + 1, `none is asked more often than the first: one ${most} times, the first ${times.get(1)}`);
	t.note(`${[...times.values()].reduce((a, b) => a + b)} calls`);
	assert.match((await w.health("submitter")).body, /is blocked: .*/);
	assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.item WHERE state <> 'batched'")).n, 0, "nothing is parked");
	await w.act("setPaused", false);
	await w.waitFor(async () => {
		await w.mine();
		return w.codesSet(ids);
	}, "every code", 60000);
	for (const id of ids) assert.equal(await w.writes(id), 1);
}
