export const name = "37 queued tokens leave as 10, 10, 10 and, when the timer runs out, 7";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ fleet: "all" });
	const ids = Array.from({ length: 37 }, (_, i) => i + 1);
	await w.revealEach(ids); // 37 TokenRevealed of one block
	await w.waitFor(() => w.codesSet(ids), "37 codes on the chain");
	const bulks = await w.bulks();
	assert.deepEqual(bulks.map((b) => b.ids.length), [10, 10, 10, 7]);
	assert.deepEqual(bulks.flatMap((b) => b.ids), ids, "in the order of the events");
	assert.ok(bulks.every((b) => b.ok));
	await w.waitFor(async () => (await w.one("SELECT count(*) AS n FROM fairlead.item WHERE state = 'done'")).n === 37, "37 final items");
	for (const id of ids) assert.equal(await w.writes(id), 1);
}
