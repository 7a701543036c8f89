export const name = "GET …/lock/{lockId}/stats: 15 revocations, 50 entries, 15 revoked and 35 valid; valid is total less revoked; a lock nobody knows has none";

import { chainWords, soon } from "../lib/world.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ app: "vcel", mining: "manual", fleet: ["listener", "batcher", "reconciler"], yaml: chainWords(soon) });
	await w.sql("INSERT INTO signature_entries (id, lock_id, signature, signature_hash, message, block_number) SELECT 'e' || i, '7', 'sig ' || i, 'x', 'm', 1 FROM generate_series(0, 49) i");
	for (let i = 0; i < 50; i++) await w.sql("UPDATE signature_entries SET signature_hash = $1 WHERE id = $2", [w.hash(`sig ${i}`), `e${i}`]);
	await w.revokeMany(7, Array.from({ length: 15 }, (_, i) => `sig ${i}`));
	await w.waitFor(async () => (await w.rows(7)).length === 15, "fifteen rows");
	const r = await w.http("/api/v1/monitor/lock/7/stats");
	assert.equal(r.status, 200, r.body);
	assert.deepEqual(Object.keys(r.json), ["lockId", "totalRevocations", "totalEntries", "revokedEntries", "validEntries", "timestamp"]);
	assert.deepEqual({ ...r.json, timestamp: 0 }, { lockId: "7", totalRevocations: 15, totalEntries: 50, revokedEntries: 15, validEntries: 35, timestamp: 0 });
	const none = await w.http("/api/v1/monitor/lock/999/stats");
	assert.deepEqual([none.status, none.json.totalRevocations, none.json.totalEntries, none.json.validEntries], [200, 0, 0, 0]);
	assert.equal((await w.http("/api/v1/monitor/lock/%ZZ/stats")).status, 400);
}
