export const name = "every provider's way to refuse a range: learned within a few questions, believed, stored, never exceeded again, not after a restart either";

import { reading } from "../lib/reading.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await reading(t, { chain: { range: 250 } });
	const { n } = w;
	// these say the same of a range as of too many logs or of a slow answer: no cap can be known of it
	const unclear = ["bsc", "zksync", "nginx"];
	const words = [...unclear, ...Object.keys(await n.do({ words: true })).filter((as) => !unclear.includes(as))];
	const cap = async () => (await w.one("SELECT range_cap::int AS n FROM fairlead.endpoint")).n;
	await n.mine(20);
	let refusals = 0, stored;
	const limit = 37;
	for (const as of words) {
		await n.do({ limit: { on: w.ours, range: limit, as } });
		await n.forget();
		await w.book(600, [0, 1]);
		await w.start("listener");
		await w.waitFor(w.agrees, `600 blocks of ${as}`);
		const all = await w.spans();
		if (unclear.includes(as)) {
			assert.ok(all.some((s) => s <= limit) && all.length < 100, `${as}: ${all}`);
			await w.stop("listener");
			await w.sql("UPDATE fairlead.endpoint SET range_cap = NULL, results_cap = NULL");
			continue;
		}
		const known = all.findLastIndex((s) => s > limit);
		refusals += all.filter((s) => s > limit).length;
		assert.ok(known >= 0 && known < 20, `${as}: learned behind ${known + 1} questions: ${all}`);
		const used = Math.max(...all.slice(known + 1));
		assert.ok(used > limit / 2 && used <= limit, `${as}: ${used}`);
		await w.waitFor(async () => (await cap()) === used, `${as}: the cap of ${used} to be stored`);
		stored = used;
		await w.stop("listener");
		if (as !== words.at(-1)) await w.sql("UPDATE fairlead.endpoint SET range_cap = NULL, results_cap = NULL"); // as if it had never been asked
	}
	await n.forget();
	await w.book(500, [0, 1]);
	await w.start("listener");
	await w.waitFor(w.agrees, "the head after a restart");
	assert.deepEqual((await w.spans()).filter((s) => s > limit), [], "not exceeded again");
	assert.equal(Math.max(...(await w.spans())), stored, "and used in full");
	t.note(`${words.length} ways, ${refusals} refusals`);
}
