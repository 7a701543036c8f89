export const name = "one block over the cap: it is read all the same, deep in history and at the head, and taken back";

import { reading } from "../lib/reading.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await reading(t, { chain: { range: 64 } });
	const { n } = w;
	await n.mine(20);
	await w.start("listener");
	await w.waitFor(w.agrees, "the head");
	// one block over the cap, deep in history and near the head: of other contracts' logs nothing is asked, of ours there is no smaller question
	await n.do({ limit: { on: w.ours, results: 40, as: "geth" } });
	await n.forget();
	await w.book(1, 90);
	await n.mine(40);
	await w.waitFor(w.agrees, "a block of history with more logs than one answer may hold");
	assert.ok((await n.count({ on: 0 })) < 300, `${await n.count({ on: 0 })} questions`);
	await w.book(1, 90);
	await w.waitFor(w.agrees, "a block at the head with more logs than one answer may hold");
	const other = async (what) => {
		await n.do({ reorg: { depth: 2, blocks: 3, keep: "none", logs: { shape: "note", count: 60 } } });
		await w.waitFor(w.agrees, `${what}, taken back for three others`);
	};
	await other("a dense block at the head");
	// several behind each other, the first and the last of a history
	await w.stop("listener");
	await w.book(3, 90);
	await n.mine(30);
	await w.book(2, [50, 90]);
	await n.mine(16);
	await w.start("listener");
	await w.waitFor(w.agrees, "dense blocks at both ends");
	// a node that has no receipts of whole blocks
	await n.do({ set: { on: w.ours, missing: ["eth_getBlockReceipts"] } });
	await w.book(1, 90);
	await n.mine(40);
	await w.book(1, 60);
	await w.waitFor(w.agrees, "dense blocks by single receipts");
	await other("dense blocks by single receipts");
	assert.equal((await w.reorgs()).length, 2);
	await w.stop("listener");
	assert.equal((await w.one("SELECT calls_cap FROM fairlead.endpoint")).calls_cap, null, "no cap of a request was learned of it");
}
