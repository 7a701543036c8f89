export const name = "the tenth token sends the batch at once: the timer would run for hours";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "auto", fleet: "all", env: { BATCH_TIMEOUT_MS: "7200000" } });
	const nine = [19, 11, 12, 13, 14, 15, 16, 17, 18];
	await w.revealEach(nine);
	await w.waitFor(async () => (await w.one("SELECT pending FROM fairlead.batches WHERE due IS NOT NULL"))?.pending === 9, "nine waiting tokens and a timer");
	assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.batch")).n, 0, "nine are no batch");
	await w.reveal([10]);
	await w.waitFor(() => w.codesSet([...nine, 10]), "ten codes on the chain");
	assert.deepEqual((await w.bulks()).map((b) => b.ids), [[...nine, 10]]);

	// a burst of ten, in one block
	const burst = Array.from({ length: 10 }, (_, i) => 30 + i);
	await w.revealEach(burst);
	await w.waitFor(() => w.codesSet(burst), "the burst on the chain");
	assert.deepEqual((await w.bulks()).map((b) => b.ids), [[...nine, 10], burst]);
	const { ms } = await w.one("SELECT round(extract(epoch FROM max(b.at) - max(i.at)) * 1000)::int AS ms FROM fairlead.batch b JOIN fairlead.item i ON i.batch = b.id WHERE i.key = '39'");
	t.note(`cut ${ms} ms after the tenth was queued`);
}
