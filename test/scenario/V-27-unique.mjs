export const name = "PostgreSQL itself refuses a second row of a revocation, under the same id or another";

import { chainWords, soon } from "../lib/world.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ app: "vcel", mining: "manual", fleet: ["listener", "batcher"], yaml: chainWords(soon) });
	await w.revoke(7, "s");
	await w.waitFor(async () => (await w.rows()).length === 1, "the row");
	const again = (id, lock) => w.sql("INSERT INTO revoked_signatures (id, lock_id, signature_hash, signature, revoked_by, transaction_hash, block_number, revoked_at) SELECT $1, $2, signature_hash, signature, revoked_by, transaction_hash, block_number, revoked_at FROM revoked_signatures", [id, lock]);
	await assert.rejects(again(`7-${w.hash("s")}`, "8"), { code: "23505" });
	await assert.rejects(again("another id", "7"), { code: "23505" });
	assert.equal((await w.rows()).length, 1);
	// a row that somebody else put there is no obstacle for the rule
	await w.sql("INSERT INTO revoked_signatures (id, lock_id, signature_hash, signature, revoked_by, transaction_hash, block_number, revoked_at) VALUES ('by hand', '7', $1, $1, '', '', 0, now())", [w.hash("t")]);
	await w.revoke(7, "t");
	await w.revoke(7, "u");
	await w.waitFor(async () => (await w.rows()).length === 3, "the next one");
	assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.dead")).n, 0);
}
