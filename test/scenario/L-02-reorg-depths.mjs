export const name = "reorgs: three deep live, five while stopped, two at once, one that shortens the chain, one without events of ours, one deeper than final";
// R5: only what is deeper than the window stops a chain; what was called final and left is listed so, with an alarm

import { reading } from "../lib/reading.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await reading(t, { chain: { final: 7, window: 24 } });
	const { n } = w;
	const other = (depth, blocks, count, more = {}) => n.do({ reorg: { depth, blocks, keep: "none", ...(count ? { logs: { shape: "note", count } } : {}), ...more } });
	const last = async () => (await w.reorgs()).at(-1);
	const size = async () => (await w.reorgs()).length;
	await w.book(40, [0, 3]);
	await w.start("listener");
	await w.waitFor(w.agrees, "the history");
	const head = () => n.head();

	let at = await head();
	await other(3, 4, 2);
	await w.waitFor(w.agrees, "three deep, live");
	assert.deepEqual([(await last()).from, (await last()).was_final], [at - 2, false]);

	await w.stop("listener");
	at = await head();
	await other(5, 3, 1); // the chain is shorter than the cursor
	assert.equal(await head(), at - 2);
	await w.start("listener");
	await w.waitFor(w.agrees, "five deep and shorter, while stopped");
	assert.equal((await last()).from, at - 4);

	// shorter, live, and it stays so
	at = await head();
	await n.do({ shorten: 2 });
	await n.do({ reorg: { depth: 1, blocks: 1, keep: "none" } });
	await w.waitFor(async () => (await w.done()) === at - 2 && w.agrees(), "the chain to be shorter");

	// a node that merely went back says nothing of another branch
	const before = await size();
	await w.book(6, 1);
	await w.waitFor(w.agrees, "six blocks more");
	at = await head();
	await n.do({ set: { on: w.ours, head: at - 4 } });
	await n.forget();
	await w.waitFor(async () => (await n.count({ method: "eth_blockNumber" })) + (await n.count({ method: "eth_getBlockByNumber" })) > 6, "the node to be asked again and again");
	assert.equal(await w.done(), at);
	await n.do({ set: { on: w.ours, head: false } });
	assert.equal(await size(), before, "no reorg");

	// two at once: nothing is read of the branch in between
	await n.do([{ reorg: { depth: 4, blocks: 5, keep: "none", logs: { shape: "note", count: 1 } } }, { reorg: { depth: 6, blocks: 7, keep: "none", logs: { shape: "note", count: 2 } } }]);
	await w.waitFor(w.agrees, "two at once");

	// blocks that never held anything of ours
	await n.mine(8);
	await w.waitFor(w.agrees, "empty blocks");
	const rows = JSON.stringify(await w.rows());
	await other(3, 5, 0);
	await w.waitFor(w.agrees, "a reorg of empty blocks");
	assert.equal(JSON.stringify(await w.rows()), rows);
	const count = await size();

	// deeper than final, inside the window
	await w.book(12, 1);
	await w.waitFor(w.agrees, "twelve blocks more");
	at = await head();
	const finals = async () => (await w.one("SELECT count(*)::int AS n FROM fairlead.events WHERE state = 'final' AND block > $1", [at - 10])).n;
	assert.equal(await finals(), 3, "events that were called final");
	await other(10, 11, 1);
	await w.waitFor(w.agrees, "a reorg below finality");
	assert.equal(await size(), count + 1);
	assert.deepEqual([(await last()).from, (await last()).was_final], [at - 9, true]);
	const told = (await w.sql("SELECT what FROM fairlead.odd WHERE kind = 'was_final'")).map((r) => r.what);
	assert.equal(told.length, 1, "an alarm");
	assert.match(told[0], new RegExp(`^main: a reorg from block ${at - 9} on, final up to block ${at - 7}; it took back 3 final events: Book.Noted in block ${at - 9}, log 0, `));
	assert.equal((await w.heard("listener", "reorg.final")).length, 1);
	assert.equal((await w.health("listener")).status, 200);
	assert.equal((await w.one("SELECT halted FROM fairlead.chains")).halted, null);
	t.note(`${await size()} reorgs`);
}
