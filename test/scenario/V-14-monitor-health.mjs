export const name = "GET /api/v1/monitor/health: the exact keys; the counters of the source";

import { chainWords, soon } from "../lib/world.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ app: "vcel", mining: "manual", fleet: ["listener", "batcher", "reconciler"], yaml: chainWords({ ...soon, sweep: "1h" }) });
	const health = () => w.http("/api/v1/monitor/health");
	await w.revokeMany(7, 3);
	await w.waitFor(w.whole, "the chain");
	const r = await w.waitFor(async () => (await health()).json?.isListening && health(), "listening");
	assert.equal(r.status, 200);
	const now = r.json;
	assert.deepEqual(Object.keys(now), ["healthy", "currentBlock", "lastSyncedBlock", "blocksBehind", "isListening", "batchSyncActive", "network", "contractAddress", "stats", "timestamp"]);
	assert.deepEqual(Object.keys(now.stats), ["realTimeUpdates", "batchUpdates", "totalRevocations", "lastBatchSync", "lastRealTimeUpdate"]);
	const head = await w.head();
	assert.deepEqual([now.healthy, now.currentBlock, now.lastSyncedBlock, now.blocksBehind, now.isListening, now.batchSyncActive, now.network], [true, head, head, 0, true, false, "sepolia"]);
	assert.equal(now.contractAddress.toLowerCase(), w.address.toLowerCase());
	const s = await w.source();
	assert.deepEqual([now.stats.realTimeUpdates, now.stats.batchUpdates, now.stats.totalRevocations], [s.live, s.swept, 3]);
	for (const at of [now.timestamp, now.stats.lastRealTimeUpdate ?? now.stats.lastBatchSync]) assert.match(at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

}
