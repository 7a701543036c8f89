export const name = "order: strict over a pool: one transaction is under way at a time, and what a reverted one freed goes before all else: effects in the order of items";
export const limit = 180;
// S1, P16

import { BOX, poolOf } from "../lib/pools.mjs";

const act = { address: BOX, function: "act(uint256[] ids)", count: "ids", gas_each: 25000 };

export default async function (t) {
	const { assert } = t;
	const p = await poolOf(t, { keys: 2, signer: { order: "strict" }, batch: { max: 2, retry: { tries: 9, first: "100ms", grow: "false" } }, final: 3 }), w = p.w;
	await Promise.all(["listener", "batcher", "reconciler"].map((x) => w.start(x, { wait: false })));
	await Promise.all([p.submitter(), p.submitter()]);
	await p.spread([1, 1]);
	await p.wave(8);
	await w.waitFor(async () => (await w.one("SELECT count(*) AS n FROM fairlead.verdict WHERE ok")).n >= 2, "two to succeed");

	// from here on what is mined reverts, though its simulation passes
	await p.n.do({ contract: { ...act, tx_fails: true } });
	await p.wave(8);
	await w.waitFor(async () => (await w.one("SELECT count(*) AS n FROM fairlead.verdict WHERE NOT ok")).n >= 1, "one to revert");
	const open = () => w.one("SELECT count(*) AS n FROM fairlead.slot WHERE closed IS NULL AND NOT EXISTS (SELECT FROM fairlead.attempt a JOIN fairlead.verdict v ON v.hash = a.hash AND v.ok WHERE (a.chain, a.signer, a.nonce) = (slot.chain, slot.signer, slot.nonce))");
	assert.equal((await open()).n, 1, "nothing was signed behind it");
	await p.n.do({ contract: act });
	await p.wave(8);
	await p.settled(90000);
	await p.judge();

	const mined = await w.sql(`
		SELECT v.block::int, array(SELECT i.key::int FROM fairlead.attempt_item x JOIN fairlead.item i ON i.id = x.item WHERE x.hash = a.hash ORDER BY 1) AS ids
		  FROM fairlead.attempt a JOIN fairlead.verdict v ON v.hash = a.hash AND v.final AND v.ok ORDER BY v.block`);
	const order = mined.flatMap((m) => m.ids);
	assert.deepEqual(order, Array.from({ length: p.waved }, (_, i) => i + 1), "effects in the order of items");
	assert.equal(new Set(mined.map((m) => m.block)).size, mined.length, "one at a time");
	const reverted = (await w.one("SELECT count(*) AS n FROM fairlead.slot WHERE closed = 'reverted'")).n;
	assert.ok(reverted >= 1);
	const both = (await w.one("SELECT count(DISTINCT signer) AS n FROM fairlead.slot")).n;
	t.note(`${mined.length} transactions of ${both} keys, ${reverted} reverted`);
}
