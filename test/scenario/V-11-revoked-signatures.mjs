export const name = "the table revoked_signatures: columns, key, unique pair, indexes; a row says what the chain says";

import { chainWords, soon } from "../lib/world.mjs";

export const columns = (w, table) => w.sql("SELECT column_name AS name, data_type AS type, is_nullable = 'YES' AS nullable FROM information_schema.columns WHERE table_schema = 'public' AND table_name = $1", [table]).then((list) => Object.fromEntries(list.map((c) => [c.name, `${c.type}${c.nullable ? " null" : ""}`])));
export const constraints = (w, table) => w.sql("SELECT c.constraint_type AS type, string_agg(k.column_name, ',' ORDER BY k.ordinal_position) AS columns FROM information_schema.table_constraints c JOIN information_schema.key_column_usage k USING (constraint_schema, constraint_name) WHERE c.table_schema = 'public' AND c.table_name = $1 GROUP BY c.constraint_name, c.constraint_type", [table]).then((list) => list.map((c) => `${c.type} ${c.columns}`).sort());
export const indexes = (w, table) => w.sql("SELECT substring(indexdef FROM '\\((.*)\\)$') AS columns FROM pg_indexes WHERE schemaname = 'public' AND tablename = $1", [table]).then((list) => list.map((i) => i.columns));

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ app: "vcel", mining: "manual", fleet: ["listener", "batcher"], yaml: chainWords(soon) });
	assert.deepEqual(await columns(w, "revoked_signatures"), {
		id: "text", lock_id: "text", signature_hash: "text", signature: "text", revoked_by: "text", transaction_hash: "text",
		block_number: "bigint", revoked_at: "timestamp with time zone", created_at: "timestamp with time zone",
	});
	assert.deepEqual(await constraints(w, "revoked_signatures"), ["PRIMARY KEY id", "UNIQUE lock_id,signature_hash"]);
	for (const wanted of ["lock_id", "signature_hash"]) assert.ok((await indexes(w, "revoked_signatures")).includes(wanted), `an index of ${wanted}`);

	const big = 2n ** 256n - 1n;
	const [r] = await w.revoke(big, "0xab"); // text, though it looks like bytes
	const hash = w.hash("0xab");
	await w.waitFor(async () => (await w.rows()).length === 1, "the row");
	const [row] = await w.rows();
	const at = new Date(Number((await w.chain.rpc("eth_getBlockByHash", r.blockHash, false)).timestamp) * 1000);
	assert.ok(row.created_at instanceof Date);
	assert.deepEqual({ ...row, created_at: null }, {
		id: `${big}-${hash}`, lock_id: String(big), signature_hash: hash, signature: hash, revoked_by: w.minting.toLowerCase(),
		transaction_hash: r.transactionHash, block_number: r.block, revoked_at: at, created_at: null,
	});
	assert.equal(await w.contract.isSignatureRevoked(big, "0xab"), true);
}
