export const name = "one transaction in two blocks can't be: the answer is asked again elsewhere, then what is stored is; when all say so the chain goes on, and a person is told";
// INV-2, R4: it is the same event elsewhere, or somebody lies

import { BOOK, NOTED, reading } from "../lib/reading.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await reading(t, { endpoints: 2 });
	const { n } = w;
	const log = { address: BOOK, event: NOTED, args: { n: 7, amount: 9 }, count: 1 };
	const tx = (key) => ({ txs: [{ key, logs: [log] }] });
	const twice = () => w.lines("listener", "log.twice").length;
	await w.book(3, 2);
	await w.start("listener");
	await w.waitFor(w.agrees, "the history");

	// a node says of a new block that an old transaction stands in it; the other one knows better
	await n.mine(1, tx("a"));
	await w.waitFor(w.agrees, "the first");
	const hash = (await w.truth()).at(-1)[2];
	await n.do({ lie: { on: 0, kind: "forge", field: "transactionHash", value: hash, from: (await n.head()) + 1, id: "copy" } });
	for (let i = 0; i < 3; i++) await n.mine(1, tx(`b${i}`));
	await w.waitFor(w.agrees, "a log that is said to be of an old transaction");
	await n.do({ truth: "copy" });
	assert.equal(twice(), 0);

	// both say it for a while: then what is stored is read again, and the truth is there
	await w.book(1, 1);
	await w.waitFor(w.agrees, "one more");
	const block = await n.head();
	await n.do({ lie: { on: w.ours, kind: "forge", field: "transactionHash", value: await hashOf(w, "c", tx, block), id: "before" } });
	await n.mine(1, { txs: [{ key: "d", logs: [log] }] });
	await w.waitFor(async () => (await w.done()) === block + 1, "the false one");
	await n.do({ truth: "before" });
	await n.mine(1, tx("c"));
	await w.waitFor(w.agrees, "the true one, and what was false read again");
	assert.equal(twice(), 0);
	await w.heard("listener", "log.doubted");

	// everybody always says it: it is kept where it stands first
	await n.mine(1, tx("e"));
	await w.waitFor(w.agrees, "the first of two");
	const at = await n.head();
	await n.mine(2, {});
	await n.mine(1, tx("e"));
	await w.book(2, 1);
	const all = async () => (await w.truth()).filter(([b]) => b !== at + 3);
	await w.waitFor(async () => (await w.done()) === (await n.head()) && JSON.stringify(await w.rows()) === JSON.stringify(await all()), "the chain to go on without the second");
	assert.equal(twice(), 1);
	assert.equal((await w.sql("SELECT 1 FROM fairlead.odd WHERE kind = 'twice'")).length, 1);
}

// The transaction's hash before it is mined: it is mined on a branch of its own.
async function hashOf(w, key, tx, at) {
	await w.n.do({ fork: { name: "aside", at } });
	await w.n.do({ mine: { blocks: 1, branch: "aside", ...tx(key) } });
	await w.n.do({ set: { on: w.oracle, branch: "aside" } });
	const hash = (await w.truth()).at(-1)[2];
	await w.n.do({ set: { on: w.oracle, branch: "main" } });
	return hash;
}
