export const name = "PostgreSQL tells one row an event with its transaction and log index, one a chain's cursor, one a batch and an attempt";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "auto", fleet: "all", env: { BATCH_TIMEOUT_MS: "100", MAX_BATCH_SIZE: "4" } });
	const [one] = await w.revealEach([1, 2, 3, 4, 5, 6]);
	const [many] = await w.batchReveal([7, 8]);
	await w.waitFor(() => w.codesSet([1, 2, 3, 4, 5, 6, 7, 8]), "eight codes");
	await w.mine(3);
	await w.waitFor(async () => (await w.one("SELECT count(*) AS n FROM fairlead.item WHERE state = 'done'")).n === 8, "eight final items");

	// events: where each stands on the chain
	const events = await w.sql("SELECT '0x' || encode(_tx, 'hex') AS tx, _log AS log, _block AS block, '0x' || encode(_block_hash, 'hex') AS hash, token_id::int AS id FROM companions.token_revealed ORDER BY _seq");
	assert.deepEqual(events, one.logs.filter((l) => l.topics[0] === w.iface.getEvent("TokenRevealed").topicHash).map((l) => ({ tx: one.transactionHash, log: Number(l.logIndex), block: one.block, hash: one.blockHash, id: Number(l.topics[1]) })));
	assert.deepEqual(await w.sql("SELECT '0x' || encode(_tx, 'hex') AS tx, _log AS log, token_ids::text[] AS ids FROM companions.tokens_revealed"), [{ tx: many.transactionHash, log: Number(many.logs.find((l) => l.topics[0] === w.iface.getEvent("TokensRevealed").topicHash).logIndex), ids: ["7", "8"] }]);

	// the cursor
	const chains = await w.sql("SELECT name, network::int AS network, head, done FROM fairlead.chains");
	assert.deepEqual(chains.map((c) => [c.name, c.network]), [["main", 31337]]);
	await w.waitFor(async () => (await w.one("SELECT done FROM fairlead.chains")).done === (await w.head()), "the cursor at the head");

	// batches and attempts: each transaction of the owner is one, with the items that it carried
	const bulks = await w.bulks();
	const txs = await w.sql("SELECT tx, nonce, items, attempts, block, ok, final FROM fairlead.txs ORDER BY batch");
	assert.deepEqual(txs, bulks.map((b) => ({ tx: b.hash, nonce: b.nonce, items: b.ids.length, attempts: 1, block: b.block, ok: true, final: true })));
	const attempts = await w.sql("SELECT '0x' || encode(hash, 'hex') AS hash, nonce, n, kind FROM fairlead.attempt ORDER BY nonce, n");
	assert.deepEqual(attempts, bulks.map((b) => ({ hash: b.hash, nonce: b.nonce, n: 1, kind: "send" })));
	for (const b of bulks) {
		const items = await w.sql("SELECT i.key::int AS id FROM fairlead.attempt_item a JOIN fairlead.item i ON i.id = a.item WHERE a.hash = decode(substr($1, 3), 'hex') ORDER BY i.id", [b.hash]);
		assert.deepEqual(items.map((i) => i.id), b.ids);
	}
	// the trail can't be rewritten
	for (const table of ["attempt", "attempt_item", "slot", "item"]) await assert.rejects(w.sql(`DELETE FROM fairlead.${table}`), /append only/);
	await assert.rejects(w.sql("UPDATE fairlead.attempt SET fee = 0"), /append only/);
	t.note(`${bulks.length} transactions`);
}
