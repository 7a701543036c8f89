export const name = "one address, two machines that answer strictly in turn, one three blocks behind: every block is read all the same, and where two endpoints must agree none is accused";
// R2: what one machine has shown, the other does not have yet. Poll, header and logs fall into step with the turns, unless what
// came to nothing is asked once more at once: then the other machine answers. R6: that it does not have a block yet is no other
// word about it.

import { reading } from "../lib/reading.mjs";

export default async function (t) {
	for (const completeness of ["none", "receipts", "sources"]) await inTurn(t, completeness);
}

async function inTurn(t, completeness) {
	const { assert } = t;
	const two = completeness === "sources";
	const w = await reading(t, { endpoints: two ? 2 : 1, chain: { completeness, retry: '{ first: "20ms", max: "30s" }', poll: "200ms" } });
	const { n } = w;
	w.env.RPC_0 = w.env.RPC_0.replace("127.0.0.1", "localhost"); // another host than the second's
	if (two) await n.do({ set: { on: w.ours, missing: ["eth_getBlockReceipts", "eth_getTransactionReceipt"] } }); // nothing settles what they would differ about
	await w.book(60, [0, 3]);
	const p = await w.start("listener");
	await w.waitFor(w.agrees, "the history");
	const ways = [["clamp", "empty"], ["empty", "null"], ["error", "error"], ["null", "empty"]];
	for (const lag of [[0, 3], [3, 0]])
		for (const [beyond, unknown_hash] of two ? ways.slice(0, 2) : ways) {
			await n.do({ set: { on: 0, lag, beyond, future: beyond === "clamp" ? "empty" : beyond, unknown_hash } });
			for (const blocks of [1, 40, 2]) {
				await w.book(blocks, [0, 3]);
				await w.waitFor(w.agrees, `two machines: ${completeness}, ${lag}, ${beyond}, ${unknown_hash}, ${blocks} blocks`);
			}
		}
	assert.deepEqual(await w.reorgs(), [], "a flapping head is no reorg");
	assert.deepEqual(p.lines("provider.lied"), []);
	await w.stopAll();
}
