export const name = "an address that a contract gains later, and an earlier start:: their past comes once; a second change before the first has joined loses nothing; an event that leaves the file and returns brings the time between";
// R4

import { names, past, pastWorld } from "../lib/past.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await pastWorld(t);
	const one = w.address, early = [];
	const two = await w.place(), three = await w.place();
	const said = { [one]: [], [two.address]: [], [three.address]: [] };
	const say = async (address, hash) => {
		said[address].push(hash);
		await w.at(address, () => w.announce(5, hash));
	};
	for (const h of names("before the start", 5)) {
		early.push(h);
		await w.at(one, () => w.announce(5, h));
	}
	const start = (await w.head()) + 1;
	for (const h of names("old", 12)) for (const a of Object.keys(said)) await say(a, `${h} of ${a}`);
	const file = (addresses, from = start) => past([{ name: "A", address: addresses, start: from }]);
	const with_ = async (text) => {
		w.become(text);
		await w.restart("batcher");
		await w.restart("listener");
	};
	w.become(file([one]));
	await w.start("batcher", { wait: "alive" });
	await w.start("listener");
	await w.waitFor(w.whole, "the head");
	await w.once("A", said[one]);

	// two changes: the second comes while the first one's past still waits for the floor
	await with_(file([one, two.address]));
	await w.waitFor(async () => (await w.histories())[0]?.done === (await w.one("SELECT floor FROM fairlead.chain")).floor, "all that may be read");
	assert.equal((await w.histories())[0].ended, null, "it waits for the floor");
	await with_(file([three.address, two.address, one]));
	for (const a of Object.keys(said)) await say(a, `live of ${a}`);
	await w.waitFor(async () => (await w.mine(), w.joined()), "both to join");
	await w.once("A", Object.values(said).flat());
	assert.equal((await w.histories()).length, 2);
	assert.notEqual((await w.histories())[0].ended, null);

	// an earlier start: only what lies before the old one
	w.node.forget();
	await with_(file([one, two.address, three.address], w.block));
	await w.waitFor(async () => (await w.mine(), w.joined()), "the earlier blocks to join");
	await w.once("A", [...early, ...Object.values(said).flat()]);
	const h = (await w.histories()).at(-1);
	assert.deepEqual([h.first, h.last], [w.block, start - 1]);

	// out of the file for a while
	const other = await w.place();
	await with_(past([{ name: "B", address: other.address, start: other.block }]));
	await say(one, "while it was out");
	await w.waitFor(w.whole, "the head");
	assert.ok(!(await w.counted("A")).some((r) => r.hash === w.hash("while it was out")));
	await with_(past([{ name: "A", address: [one, two.address, three.address], start: w.block }, { name: "B", address: other.address, start: other.block }]));
	await w.waitFor(async () => (await w.mine(), w.joined()), "it to be back");
	await w.once("A", [...early, ...Object.values(said).flat()]);
}
