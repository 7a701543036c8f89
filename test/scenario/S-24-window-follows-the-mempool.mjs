export const name = "the window follows what the mempool takes: reth refuses the 17th of an account, so no more are signed at once, and all arrive";
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
	t.note(`window ${window}, ${refused} refusals, ${w.lines("one", "window.less").length} times smaller`);
}
