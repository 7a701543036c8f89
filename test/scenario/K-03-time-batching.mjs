export const name = "a token that waits alone leaves in one transaction when the 2 s since the first queued one are over";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "auto", fleet: "all" }); // BATCH_TIMEOUT_MS is not set: the default
	await w.reveal([5]);
	const first = await w.waitFor(() => w.one("SELECT id, state, at FROM fairlead.item WHERE key = '5'"), "the first item");
	// a later token joins the batch and does not begin the wait anew: the timer still counts from the first
	await w.waitFor(async () => (await w.one("SELECT clock_timestamp() - at > interval '800 ms' AS x FROM fairlead.item WHERE key = '5'")).x, "a part of the wait");
	await w.reveal([6]);
	await w.waitFor(() => w.codesSet([5, 6]), "the codes on the chain");

	const bulks = await w.bulks();
	assert.deepEqual(bulks.map((b) => b.ids), [[5, 6]]);
	assert.equal(w.node.raws.length, 1, "one transaction was ever sent");
	const { at } = await w.one("SELECT at FROM fairlead.batch");
	const second = await w.one("SELECT i.at FROM fairlead.item i WHERE key = '6'");
	const waited = at - first.at;
	assert.ok(waited >= 1950, `cut ${waited} ms after the first item`);
	assert.ok(waited < 2000 + (second.at - first.at), `cut ${waited} ms after the first item, which is ${at - second.at} ms after the second: the wait began anew`);
	t.note(`cut ${waited} ms after the first item was queued`);
}
