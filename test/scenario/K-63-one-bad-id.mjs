export const name = "one token that does not exist among ten: nine land, one is parked as InvalidTokenId; once it exists it goes";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: 0.5, supply: 100, mapping: 200, fleet: "all", env: { BATCH_TIMEOUT_MS: "1000", POLLING_INTERVAL_MS: "200" } });
	const good = [1, 2, 3, 4, 5, 6, 7, 8, 9];
	const bad = 101;
	await w.revealEach([1, 2, 3, 4], { wait: false });
	await w.act("announce", bad, { wait: false });
	await w.revealEach([5, 6, 7, 8, 9]);
	await w.waitFor(() => w.codesSet(good), "nine codes");
	const parked = await w.waitFor(async () => (await w.sql("SELECT key::int AS id, reason FROM fairlead.item WHERE state = 'parked'"))[0], "a parked item");
	assert.equal(parked.id, bad);
	assert.match(parked.reason, /InvalidTokenId/);
	for (const id of good) assert.equal(await w.writes(id), 1);
	const bulks = await w.bulks();
	assert.ok(bulks.every((b) => b.ok && !b.ids.includes(bad)), "no transaction was wasted on it");
}
