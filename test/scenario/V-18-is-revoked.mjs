export const name = "GET …/signature/{signature}/revoked: by its hash in either case, and by the raw signature; another lock's is not revoked here; found by an index";

import { chainWords, soon } from "../lib/world.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ app: "vcel", mining: "manual", fleet: ["listener", "batcher", "reconciler"], yaml: chainWords(soon) });
	await w.revoke(7, "a raw / signature?");
	await w.waitFor(async () => (await w.rows()).length === 1, "a row");
	const ask = async (lock, s) => {
		const r = await w.http(`/api/v1/monitor/lock/${lock}/signature/${encodeURIComponent(s)}/revoked`);
		assert.equal(r.status, 200, r.body);
		assert.deepEqual(Object.keys(r.json), ["lockId", "signature", "isRevoked", "timestamp"]);
		assert.deepEqual([r.json.lockId, r.json.signature], [String(lock), s]);
		return r.json.isRevoked;
	};
	const hash = w.hash("a raw / signature?");
	assert.equal(await ask(7, hash), true);
	assert.equal(await ask(7, `0x${hash.slice(2).toUpperCase()}`), true);
	assert.equal(await ask(7, "a raw / signature?"), true);
	assert.equal(await ask(7, "another"), false);
	assert.equal(await ask(8, hash), false);
	assert.equal(await ask("no number", hash), false, "a lock is a text here");

	// V-32: one row of many by an index, whatever the planner is asked for
	await w.sql("INSERT INTO revoked_signatures (id, lock_id, signature_hash, signature, revoked_by, transaction_hash, block_number, revoked_at) SELECT '7-' || i, '7', 'h' || i, 'h', 'r', 't', 1, now() FROM generate_series(1, 50000) i");
	await w.sql("ANALYZE revoked_signatures");
	const plan = (await w.sql("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT EXISTS (SELECT FROM revoked_signatures WHERE lock_id = '7' AND signature_hash = 'h777')"))[0]["QUERY PLAN"][0];
	const text = JSON.stringify(plan);
	assert.match(text, /Index (Only )?Scan/);
	assert.ok(!/Seq Scan/.test(text));
	assert.ok(plan.Plan["Shared Hit Blocks"] + plan.Plan["Shared Read Blocks"] <= 12, "a handful of pages");
}
