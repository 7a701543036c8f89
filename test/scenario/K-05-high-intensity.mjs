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
	const waited = (await w.sql("SELECT round(extract(epoch FROM b.at - min(i.at)) * 1000)::int AS ms FROM fairlead.batch b JOIN fairlead.item i ON i.batch = b.id GROUP BY b.id ORDER BY b.id")).map((r) => r.ms);
	assert.ok(waited[3] >= 1950, `the seven wait for the timer: ${waited} ms`);
	assert.ok(waited[2] < waited[3], `the full ones go ahead of them: ${waited} ms`);
	await w.waitFor(async () => (await w.one("SELECT count(*) AS n FROM fairlead.item WHERE state = 'done'")).n === 37, "37 final items");
	t.note(`cut ${waited.join(", ")} ms after their first item`);
	for (const id of ids) assert.equal(await w.writes(id), 1);
}
