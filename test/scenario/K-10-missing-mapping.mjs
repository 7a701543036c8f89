export const name = "a token without a code is parked with its reason, the others of its batch go; the code releases it";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "auto", fleet: "all", mapping: { 1: "one", 2: "two", 4: "four", 5: "five" }, env: { BATCH_TIMEOUT_MS: "200" } });
	await w.batchReveal([1, 2, 3, 4, 5]);
	await w.waitFor(() => w.codesSet([1, 2, 4, 5]), "the four others");
	const parked = await w.waitFor(() => w.one("SELECT key, reason, batch FROM fairlead.item WHERE state = 'parked'"), "the parked item");
	assert.deepEqual([parked.key, parked.batch], ["3", null]);
	assert.match(parked.reason, /codes|code|mapping/);
	assert.equal((await w.one("SELECT parked FROM fairlead.batches")).parked, 1);
	const line = await w.waitFor(() => w.lines("batcher", "item.parked")[0], "the log line");
	assert.match(line.text, /^Failed to process TokensRevealed/);
	assert.deepEqual([line.key, line.reason], ["3", "tokenMapping.json has no code for 3"]);
	assert.equal(await w.metric("batcher", "fairlead_items_parked_total"), 1);
	assert.deepEqual((await w.bulks()).map((b) => b.ids), [[1, 2, 4, 5]]);

	w.writeMapping({ ...w.codes, 3: "three" });
	await w.waitFor(() => w.codesSet([3]), "the released token's code");
	assert.deepEqual((await w.bulks()).map((b) => b.ids), [[1, 2, 4, 5], [3]]);
	assert.equal((await w.one("SELECT parked FROM fairlead.batches")).parked, 0);
	assert.equal((await w.heard("batcher", "released")).length, 1);
	for (const id of [1, 2, 3, 4, 5]) assert.equal(await w.writes(id), 1);
	t.note(parked.reason);
}
