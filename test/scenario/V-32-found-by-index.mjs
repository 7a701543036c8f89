export const name = "isRevoked at a million rows: an index finds it, in a handful of pages; the route's own statement, as it is planned for any value";

import { chainWords, soon } from "../lib/world.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ app: "vcel", mining: "manual", fleet: ["listener", "batcher", "reconciler"], yaml: chainWords(soon) });
	await w.sql(`INSERT INTO revoked_signatures (id, lock_id, signature_hash, signature, revoked_by, transaction_hash, block_number, revoked_at)
		SELECT 'x-' || i, (i % 1000)::text, '0x' || lpad(to_hex(i), 64, '0'), 's', 'r', 't', 1, now() FROM generate_series(1, 1000000) i`);
	await w.sql("ANALYZE revoked_signatures");
	const hash = `0x${(777777).toString(16).padStart(64, "0")}`;
	for (const [lock, there] of [[777, true], [778, false]]) {
		const r = await w.http(`/api/v1/monitor/lock/${lock}/signature/${hash}/revoked`);
		assert.deepEqual([r.status, r.json.isRevoked], [200, there]);
	}
	const text = "SELECT EXISTS (SELECT FROM revoked_signatures WHERE lock_id = $1 AND signature_hash = $2)";
	await w.sql("SET plan_cache_mode = force_generic_plan");
	const plan = (await w.sql(`EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${text.replace("$1", "'777'").replace("$2", `'${hash}'`)}`))[0]["QUERY PLAN"][0];
	const all = JSON.stringify(plan);
	assert.ok(/Index (Only )?Scan/.test(all) && !/Seq Scan/.test(all), all);
	assert.ok(plan.Plan["Shared Hit Blocks"] + plan.Plan["Shared Read Blocks"] <= 12, "a handful of pages");
	t.note(`${plan["Execution Time"]} ms in PostgreSQL`);
}
