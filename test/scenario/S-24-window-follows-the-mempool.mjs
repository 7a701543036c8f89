export const name = "the window follows what the mempool takes: reth refuses the 17th of an account, so no more are signed at once, and all arrive; what is evicted makes it smaller too, and an account that is delegated (EIP-7702) has one at a time";
export const limit = 120;
// S4

import { poolOf } from "../lib/pools.mjs";

export default async function (t) {
	const { assert } = t;
	const p = await poolOf(t, { keys: 1, signer: { window: 64 }, batch: { max: 1 }, chain: { pool: "reth" } }), w = p.w;
	await Promise.all(["listener", "batcher", "reconciler"].map((x) => w.start(x, { wait: false })));
	await p.submitter("one");
	p.miner.pool = false; // blocks come, and the pool stays full
	await p.wave(150);
	await w.waitFor(() => w.lines("one", "window.less").length, "a smaller window");
	await w.waitFor(async () => (await p.n.do({ pool: true })).length === 16, "sixteen to wait in the pool");
	const at = await w.metric("one", "fairlead_window");
	assert.ok(at >= 8 && at <= 16, `the window is ${at}`);
	p.miner.pool = true;
	await p.settled(60000);
	await p.judge();
	const refused = (await p.n.raws({})).filter((r) => r.refused).length;
	const window = await w.metric("one", "fairlead_window");
	assert.ok(window >= 8 && window < 64, `the window is ${window}`);

	// the pool throws all away: they leave again, and fewer are signed at once
	const less = () => w.lines("one", "window.less").filter((l) => Number(l.evicted) > 0).length;
	assert.equal(less(), 0);
	p.miner.pool = false;
	await p.wave(8);
	await w.waitFor(async () => (await p.n.do({ pool: true })).length === 8, "eight to wait in the pool");
	await p.n.do({ evict: true });
	await w.waitFor(less, "a smaller window");
	p.miner.pool = true;
	await p.settled(60000);

	// the account runs code of its own: whoever calls it may use up its nonces
	await p.n.do({ mood: { method: "eth_getCode", result: `0xef0100${"63".repeat(20)}` } });
	await w.stop("one");
	await p.submitter("one");
	await w.waitFor(() => w.lines("one", "delegated").length, "it to be said");
	p.miner.pool = false;
	await p.wave(4);
	await w.waitFor(async () => (await p.n.do({ pool: true })).length === 1, "one to wait in the pool");
	assert.equal(await w.metric("one", "fairlead_window"), 1);
	assert.equal(await w.metric("one", "fairlead_unmined"), 1);
	p.miner.pool = true;
	await p.settled(60000);
	await p.judge();
	t.note(`window ${window}, ${refused} refusals, ${w.lines("one", "window.less").length} times smaller`);
}
