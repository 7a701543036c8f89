export const name = "GET /blockchain/status: the exact keys; how far behind is head less done; a timer stands while tokens wait and none was flushed";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ fleet: "all", mining: "manual", env: { BATCH_TIMEOUT_MS: "600000", WS_URL: null, POLLING_INTERVAL_MS: "50" } });
	const status = async () => {
		const r = await w.http("/blockchain/status");
		assert.equal(r.status, 200, r.body);
		return r.json;
	};
	const idle = await w.waitFor(async () => {
		const s = await status();
		return s.eventListener.isListening && !s.eventListener.catchupInProgress && s.blockchain.blocksBehind === 0 && s;
	}, "listening");
	assert.deepEqual(Object.keys(idle), ["timestamp", "blockchain", "batchProcessor", "eventListener"]);
	assert.deepEqual(Object.keys(idle.blockchain), ["currentBlock", "lastProcessedBlock", "blocksBehind"]);
	assert.equal(idle.blockchain.currentBlock, await w.head());
	assert.deepEqual(idle.batchProcessor, { pendingTokens: 0, processingActive: false, hasTimer: false });
	assert.deepEqual(idle.eventListener, { isListening: true, reconnectAttempts: 0, catchupInProgress: false });
	assert.match(idle.timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

	await w.reveal([1, 2, 3]);
	const waits = await w.waitFor(async () => {
		const s = await status();
		return s.batchProcessor.hasTimer && s;
	}, "a timer");
	assert.deepEqual(waits.batchProcessor, { pendingTokens: 3, processingActive: false, hasTimer: true });

	const back = w.node.on("eth_getLogs", () => {
		throw Object.assign(new Error("busy"), { code: -32000 });
	});
	await w.reveal([4]);
	await w.mine(5);
	const behind = await w.waitFor(async () => {
		const s = await status();
		return s.blockchain.blocksBehind >= 5 && s;
	}, "to be behind");
	assert.equal(behind.blockchain.blocksBehind, behind.blockchain.currentBlock - behind.blockchain.lastProcessedBlock);
	back();
	await w.waitFor(async () => (await status()).blockchain.blocksBehind === 0, "to have caught up");
}
