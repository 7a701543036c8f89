export const name = "25 events emitted while the fleet was down are each processed once after the start, ahead of live ones";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "auto", fleet: "all", env: { BATCH_TIMEOUT_MS: "200" } });
	await w.reveal([1]);
	await w.waitFor(() => w.codesSet([1]), "the first code");
	await w.stopAll();

	const missed = Array.from({ length: 25 }, (_, i) => 100 - i);
	await w.revealEach(missed.slice(0, 8));
	await w.reveal(missed.slice(8, 15)); // a block each
	await w.mine(3);
	await w.batchReveal(missed.slice(15));
	for (const p of ["listener", "batcher", "submitter", "reconciler"]) await w.start(p, { wait: false });
	const live = [7, 8, 9];
	await w.reveal(live);
	const all = [1, ...missed, ...live];
	await w.waitFor(() => w.codesSet(all), "all codes on the chain");
	await Promise.all(w.all.filter((p) => p.running).map((p) => w.ready(p)));

	assert.deepEqual((await w.bulks()).flatMap((b) => b.ids), all, "each once, in the order of the chain");
	assert.deepEqual((await w.sql("SELECT key FROM fairlead.item ORDER BY cause, ordinal")).map((r) => Number(r.key)), all);
	for (const id of all) assert.equal(await w.writes(id), 1);
}
