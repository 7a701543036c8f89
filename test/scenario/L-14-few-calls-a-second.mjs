export const name = "rps: below what one step asks: blocks by hash, their proof and a reorg go on from where they waited";

import { reading } from "../lib/reading.mjs";

export default async function (t) {
	const w = await reading(t, { ws: true, rpc: [{ rps: 20 }], chain: { window: 64, completeness: "receipts" } });
	await w.book(40);
	await w.start("listener");
	await w.waitFor(w.agrees, "forty blocks of which each has logs");
	await w.n.do({ reorg: { depth: 12, blocks: 13, keep: "none", logs: { shape: "note", count: 1 } } });
	await w.waitFor(w.agrees, "a reorg");
	t.assert.equal((await w.reorgs()).length, 1);
}
