export const name = "rps: below what one step asks, told or found out: ranges, blocks by hash, their proof and a reorg go on from where they waited; subscriptions and polls wait their turn like what is read";

import { reading } from "../lib/reading.mjs";

export default async function (t) {
	await Promise.all([told(t), foundOut(t), subscribed(t)]);
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

// One call a second: newHeads, logs and the first poll are three of them. What is refused is asked for once more on the socket that
// stands: no socket is given up for it, and neither subscription.
async function subscribed(t) {
	const { assert } = t;
	const w = await reading(t, { ws: true, rpc: [{ rps: 1 }], chain: { window: 2, final: 1 } });
	await w.n.do({ limit: { on: w.ours, rps: 1 } });
	await w.book(1);
	await w.start("listener", { wait: "alive" });
	await w.waitFor(w.agrees, "the history", 60000);
	const subscriptions = async () => (await w.n.asked({ method: "eth_subscribe", on: 0 })).map((c) => ({ conn: c.conn, kind: c.params[0] }));
	await w.waitFor(async () => (await subscriptions()).some((c) => c.kind === "logs"), "both subscriptions", 60000);
	for (let i = 0; i < 2; i++) {
		await w.book(1);
		await w.waitFor(w.agrees, "a block at the head", 60000);
	}
	const all = await subscriptions();
	assert.equal(new Set(all.map((c) => c.conn)).size, 1, JSON.stringify(all));
	assert.equal(w.lines("listener", "heads.refused").length, 0);
	assert.deepEqual(await w.reorgs(), []);
	assert.equal((await w.one("SELECT listening FROM fairlead.chain")).listening, true);
}
