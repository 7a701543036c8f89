export const name = "GET /api/v1/monitor/stats: the exact keys in snake case, what came each way counted apart; asked for text it is a Prometheus page";

import { chainWords, soon } from "../lib/world.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ app: "vcel", mining: "manual", yaml: chainWords({ ...soon, sweep: "1h" }) });
	await w.revokeMany(7, 5);
	for (const p of ["batcher", "reconciler", "listener"]) await w.start(p);
	await w.waitFor(w.whole, "the past");
	await w.revokeMany(7, 2);
	await w.waitFor(w.whole, "what is new");
	const r = await w.http("/api/v1/monitor/stats");
	assert.equal(r.status, 200, r.body);
	assert.deepEqual(Object.keys(r.json), ["hybrid_sync", "blockchain", "timestamp"]);
	assert.deepEqual(Object.keys(r.json.hybrid_sync), ["real_time_updates", "batch_updates", "total_revocations", "last_batch_sync", "last_real_time_update", "pending_updates"]);
	assert.deepEqual(Object.keys(r.json.blockchain), ["current_block", "last_synced_block", "blocks_behind", "is_listening", "batch_sync_active", "network", "contract_address"]);
	const { real_time_updates: live, batch_updates: swept, total_revocations: all, pending_updates: pending } = r.json.hybrid_sync;
	assert.deepEqual([live, swept, all, pending], [2, 5, 7, 0]);
	assert.deepEqual([r.json.blockchain.current_block, r.json.blockchain.blocks_behind, r.json.blockchain.is_listening], [await w.head(), 0, true]);

	// V-39: scraped
	const text = await w.http("/api/v1/monitor/stats", { headers: { accept: "text/plain" } });
	assert.equal(text.status, 200);
	assert.match(text.headers["content-type"], /^text\/plain/);
	const samples = Object.fromEntries(text.body.split("\n").filter((l) => l && !l.startsWith("#")).map((l) => l.split(" ")));
	const of = (part) => Object.entries(samples).find(([k]) => k.includes(part))?.[1];
	assert.deepEqual([of("real_time_updates"), of("batch_updates"), of("blocks_behind")], ["2", "5", "0"]);
	for (const [k, v] of Object.entries(samples)) assert.ok(/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(k) && Number.isFinite(Number(v)), `${k} ${v}`);
	assert.ok(!text.body.includes(w.address), "words are no gauges");
}
