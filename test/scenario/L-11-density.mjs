export const name = "density: every provider's way to refuse what is too much; the range shrinks now and regrows, and no cap of blocks is learned of it";

import { reading } from "../lib/reading.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await reading(t, { chain: { range: 64 } });
	const { n } = w;
	const words = Object.keys(await n.do({ words: true }));
	await n.mine(20);
	await w.start("listener");
	await w.waitFor(w.agrees, "the head");
	for (const as of words) {
		await n.do({ limit: { on: w.ours, results: 40, as } });
		await n.forget();
		await w.book(40, 4);
		await n.mine(20);
		await w.waitFor(w.agrees, `dense blocks of ${as}`);
		assert.ok((await n.count({ method: "eth_getLogs" })) < 120, `${as}: ${await n.count({ method: "eth_getLogs" })} questions`);
	}
	// nothing dense any more: it grows to the whole range again
	await n.forget();
	await n.mine(1500);
	await w.waitFor(w.agrees, "empty blocks");
	const all = await w.spans();
	assert.equal(Math.max(...all), 64, `regrown: ${all}`);
	assert.equal((await w.one("SELECT range_cap FROM fairlead.endpoint")).range_cap, null, "no cap of a range was learned of it");

	t.note(`${words.length} ways`);
}
