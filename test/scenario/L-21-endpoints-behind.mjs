export const name = "one address with two machines behind it, one three blocks behind, that clamps or says []; failover to a node that is behind";
// R2: a range and a block count only as far as the header is known by the one that answered

import { reading } from "../lib/reading.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await reading(t, { endpoints: 2 });
	const { n } = w;
	await w.book(60, [0, 3]);
	await w.start("listener");
	await w.waitFor(w.agrees, "the history");
	for (const beyond of ["clamp", "empty", "error", "null"])
		for (const unknown_hash of ["empty", "error", "null"]) {
			await n.do({ set: { on: 0, lag: [0, 3], beyond, future: beyond === "clamp" ? "empty" : beyond, unknown_hash } });
			for (let i = 0; i < 3; i++) {
				await w.book(i === 1 ? 40 : 1, [0, 3]);
				await w.waitFor(w.agrees, `two machines: ${beyond}, ${unknown_hash}`);
			}
		}
	await n.do({ set: { on: [0, 1], lag: 0 } });
	assert.deepEqual(await w.reorgs(), [], "a flapping head is no reorg");

	// the second is behind when the first goes: nothing is lost, nothing taken back
	await n.do({ set: { on: 1, lag: 6 } });
	await w.book(5, 2);
	await w.waitFor(w.agrees, "the head by the first");
	await n.do({ down: { on: 0 } });
	await n.forget();
	await w.waitFor(async () => (await n.count({ on: 1 })) > 5, "the second to be asked");
	assert.equal((await w.rows()).length, (await w.truth()).length);
	await w.book(10, 2);
	const there = await n.head();
	await w.waitFor(async () => (await w.done()) === there - 6, "the cursor where the second stands");
	await n.do({ up: { on: 0 } });
	await w.waitFor(w.agrees, "the head again");
	assert.deepEqual(await w.reorgs(), []);
}
