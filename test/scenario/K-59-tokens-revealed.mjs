export const name = "TokensRevealed([1..25]) makes 25 items, though no TokenRevealed is emitted";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "auto", fleet: "all", env: { BATCH_TIMEOUT_MS: "200", POLLING_INTERVAL_MS: "200" } });
	const ids = Array.from({ length: 25 }, (_, i) => i + 1);
	const [receipt] = await w.batchReveal(ids);
	const single = w.iface.getEvent("TokenRevealed").topicHash;
	assert.ok(receipt.logs.every((l) => l.topics[0] !== single));

	await w.waitFor(() => w.codesSet(ids), "25 codes on the chain");
	assert.equal((await w.one("SELECT count(*) AS n FROM companions.tokens_revealed")).n, 1);
	assert.equal((await w.one("SELECT count(*) AS n FROM companions.token_revealed")).n, 0);
	const items = await w.sql("SELECT key::int AS id FROM fairlead.item ORDER BY cause, ordinal");
	assert.deepEqual(items.map((r) => r.id), ids);
	const bulks = await w.bulks();
	assert.deepEqual(bulks.map((b) => b.ids.length), [10, 10, 5]);
	assert.deepEqual(bulks.flatMap((b) => b.ids), ids);
}
