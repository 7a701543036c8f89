export const name = "the revocations of a lock with 1,000 of them, among a hundred thousand others: read by the lock's index alone, whole and in order";

import { chainWords, soon } from "../lib/world.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ app: "vcel", mining: "manual", fleet: ["listener", "batcher", "reconciler"], yaml: chainWords(soon) });
	await w.sql(`INSERT INTO revoked_signatures (id, lock_id, signature_hash, signature, revoked_by, transaction_hash, block_number, revoked_at)
		SELECT 'x-' || i, (i % 100)::text, '0x' || lpad(to_hex(i), 64, '0'), 's', 'r', 't', i, to_timestamp(i) FROM generate_series(1, 100000) i`);
	await w.sql("ANALYZE revoked_signatures");
	const r = await w.http("/api/v1/monitor/lock/42/revocations");
	assert.deepEqual([r.status, r.json.total, r.json.revocations.length], [200, 1000, 1000]);
	assert.deepEqual(r.json.revocations.map((x) => x.blockNumber), Array.from({ length: 1000 }, (_, i) => 42 + 100 * i));
	const plan = JSON.stringify((await w.sql("EXPLAIN (FORMAT JSON) SELECT * FROM revoked_signatures WHERE lock_id = '42' ORDER BY block_number"))[0]);
	assert.ok(/revoked_signatures_lock|idx_revoked_lock/.test(plan) && !/Seq Scan/.test(plan), plan);
}
