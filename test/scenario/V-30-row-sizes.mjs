export const name = "100,000 revocations take at most 50 MB, indexes and all";

import { chainWords, soon } from "../lib/world.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ app: "vcel", mining: "manual", fleet: ["listener", "batcher"], yaml: chainWords(soon) });
	await w.revokeMany(7, 40);
	await w.waitFor(async () => (await w.rows(7)).length === 40, "forty rows");
	// as many of that very kind: what a rule wrote, with other hashes
	await w.sql(`INSERT INTO revoked_signatures (id, lock_id, signature_hash, signature, revoked_by, transaction_hash, block_number, revoked_at)
		SELECT '7-' || h, lock_id, h, h, revoked_by, transaction_hash, block_number, revoked_at
		  FROM (SELECT * FROM revoked_signatures LIMIT 1) r, generate_series(1, 99960) i, LATERAL (SELECT '0x' || encode(sha256(i::text::bytea), 'hex') AS h) x`);
	const { n, rows, bytes } = await w.one("SELECT count(*) AS n, pg_relation_size('revoked_signatures') AS rows, pg_total_relation_size('revoked_signatures') AS bytes FROM revoked_signatures");
	assert.equal(n, 100000);
	t.note(`${Math.round(rows / n)} B a row, ${Math.round(bytes / n)} B with its indexes`);
	assert.ok(rows <= 50e6, `${rows} bytes of rows`);
}
