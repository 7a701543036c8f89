export const name = "tokens whose code stands on the chain already are left out: 4 of 10 preset, the transaction has 6";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "auto", fleet: ["listener", "batcher", "submitter"], env: { BATCH_TIMEOUT_MS: "200", POLLING_INTERVAL_MS: "200" } });
	const preset = [2, 3, 7, 10];
	const open = [1, 4, 5, 6, 8, 9];
	for (const id of preset) await w.act("preset", id, w.codes[id], { wait: false });
	await w.act("preset", 5, "another code"); // not the mapping's: it is to be written
	await w.revealEach([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
	await w.waitFor(() => w.codesSet([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]), "ten codes");
	const bulks = await w.bulks();
	assert.deepEqual(bulks.map((b) => b.ids), [open]);
	for (const id of preset) assert.equal(await w.writes(id), 0);
	for (const id of open) assert.equal(await w.writes(id), 1);
	const already = await w.sql("SELECT key::int AS id, shown IS NOT NULL AS shown FROM fairlead.item WHERE state = 'already' ORDER BY 1");
	assert.deepEqual(already, preset.map((id) => ({ id, shown: true })), "each with the block that showed it");
}
