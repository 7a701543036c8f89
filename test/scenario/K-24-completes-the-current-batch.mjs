export const name = "a submitter told to end sends the batch that it has begun; one that can't be sent is kept, and sent once after the next start";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "auto", fleet: ["listener", "batcher", "submitter"], env: { BATCH_TIMEOUT_MS: "50", RPC_RETRY_DELAY_MS: "50" } });
	const sent = async (ids, what) => {
		await w.waitFor(() => w.codesSet(ids), what);
		for (const id of ids) assert.equal(await w.writes(id), 1);
	};

	// told while the batch is simulated, and while its bytes are on their way: they leave before it ends
	let token = 0;
	for (const [method, signal] of [["eth_estimateGas", "SIGTERM"], ["eth_sendRawTransaction", "SIGINT"]]) {
		const ids = [++token, ++token];
		const p = w.programs.submitter;
		const hold = w.node.hold(method);
		await w.batchReveal(ids);
		await w.waitFor(() => hold.list.length, `${method} of the batch`);
		const drains = w.lines("submitter", "drain").length;
		p.signal9(signal);
		await w.waitFor(() => w.lines("submitter", "drain").length > drains, "the drain to begin");
		assert.ok(p.running);
		hold.release();
		await p.exited;
		assert.equal(p.code, 0);
		await w.waitFor(() => w.codesSet(ids), `the batch that was at ${method}`);
		await w.start("submitter");
		await sent(ids, "the same after a new start");
	}

	// the node is away when it is told to end: the signed bytes are in PostgreSQL and leave, the same, after the next start
	const ids = [++token, ++token];
	const hold = w.node.hold("eth_sendRawTransaction");
	await w.batchReveal(ids);
	await w.waitFor(() => hold.list.length, "the bytes to be on their way");
	const bytes = hold.list[0].call.params[0];
	const p = w.programs.submitter;
	p.signal9("SIGTERM");
	hold.drop();
	w.node.fault("500");
	await p.exited;
	assert.equal(p.code, 0);
	assert.deepEqual(await w.codesSet(ids), false);
	w.node.well();
	w.node.forget();
	await w.start("submitter");
	await sent(ids, "the kept batch");
	assert.equal(w.node.raws[0].raw, bytes, "the very bytes");
	assert.equal((await w.bulks()).length, 3);
	assert.deepEqual((await w.bulks()).map((b) => b.nonce), [...new Set((await w.bulks()).map((b) => b.nonce))]);
}
