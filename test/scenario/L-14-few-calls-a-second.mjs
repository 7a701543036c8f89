export const name = "rps: below what one step asks, told or found out: ranges, blocks by hash, their proof and a reorg go on from where they waited";

import { reading } from "../lib/reading.mjs";

export default async function (t) {
	await Promise.all([told(t), foundOut(t)]);
}

async function told(t) {
	const w = await reading(t, { ws: true, rpc: [{ rps: 20 }], chain: { window: 64, completeness: "receipts" } });
	await w.book(40);
	await w.start("listener");
	await w.waitFor(w.agrees, "forty blocks of which each has logs");
	await w.n.do({ reorg: { depth: 12, blocks: 13, keep: "none", logs: { shape: "note", count: 1 } } });
	await w.waitFor(w.agrees, "a reorg");
	t.assert.equal((await w.reorgs()).length, 1);
}

// Two calls a second: neither a range nor a block fits into what is taken at once, and a no comes in the middle of the search for
// the block at which branches part.
async function foundOut(t) {
	const w = await reading(t, { chain: { window: 2, final: 1 } });
	await w.n.do({ limit: { on: w.ours, rps: 2 } });
	await w.n.mine(3);
	await w.book(1);
	await w.start("listener", { wait: "alive" });
	await w.waitFor(w.agrees, "the history", 60000);
	await w.n.do({ reorg: { depth: 1, blocks: 2, keep: "none", logs: { shape: "note", count: 2, per_tx: 1 } } });
	await w.waitFor(w.agrees, "a reorg, and two blocks", 60000);
	t.assert.equal((await w.reorgs()).length, 1);
}
