export const name = "the table signature_entries: columns, what may be missing, what is filled in, indexes";

import { columns, constraints, indexes } from "./V-11-revoked-signatures.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ app: "vcel", chain: "anvil", mining: "manual", fleet: ["batcher"] });
	assert.deepEqual(await columns(w, "signature_entries"), {
		id: "text", lock_id: "text null", signature: "text", signature_hash: "text", public_key: "text null", owner: "text null", message: "text null", was_revoked: "boolean",
		transaction_hash: "text", block_number: "bigint", timestamp: "timestamp with time zone", metadata: "jsonb null", created_at: "timestamp with time zone",
	});
	assert.deepEqual(await constraints(w, "signature_entries"), ["PRIMARY KEY id"]);
	for (const wanted of ["lock_id, \"timestamp\"", "signature"]) assert.ok((await indexes(w, "signature_entries")).includes(wanted), `an index of ${wanted}`);
	await w.sql("INSERT INTO signature_entries (id, signature, signature_hash, block_number, metadata) VALUES ('e1', 's', $1, 5, $2)", [w.hash("s"), { by: "test" }]);
	const e = await w.one("SELECT * FROM signature_entries");
	assert.deepEqual([e.was_revoked, e.lock_id, e.public_key, e.owner, e.message, e.metadata], [false, null, null, null, null, { by: "test" }]);
	assert.ok(e.timestamp instanceof Date && e.created_at instanceof Date);
	await assert.rejects(w.sql("INSERT INTO signature_entries (id, signature_hash, block_number) VALUES ('e2', 'x', 5)"), { code: "23502" });
}
