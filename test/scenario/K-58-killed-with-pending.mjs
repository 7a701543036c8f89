export const name = "five tokens that a killed batcher held pending still go, once, in the order of their events";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "auto", fleet: "all", yaml: (text) => text.replace(/^ *skip:.*\n/m, ""), env: { BATCH_TIMEOUT_MS: "3000", POLLING_INTERVAL_MS: "200" } });
	const ids = [3, 1, 4, 5, 2];
	await w.revealEach(ids);
	await w.waitFor(async () => (await w.one("SELECT pending FROM fairlead.batches WHERE name = 'reveal'")).pending === 5, "five pending tokens");
	await w.kill9("batcher");
	assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.batch")).n, 0, "no batch was cut before the kill");
	assert.ok((await w.one("SELECT done >= $1 AS past FROM fairlead.chains", [await w.head()])).past, "the cursor of the chain is past their block");

	await w.start("batcher");
	await w.waitFor(() => w.codesSet(ids), "five codes on the chain");
	const bulks = await w.bulks();
	assert.deepEqual(bulks.map((b) => b.ids), [ids]);
	for (const id of ids) assert.equal(await w.writes(id), 1);
}
