export const name = "kill -9 before and behind a reseat: in the end every event stands once, in the order of the chain, and what was live counts as live";

import { missed } from "../lib/missed.mjs";

async function killed(t, point) {
	const { assert } = t;
	const w = await missed(t, { words: { sweep: "1s" }, fleet: ["batcher"] });
	const p = await w.start("listener", { env: { FAIRLEAD_FAULT: `${point}:1:kill` } });
	await w.logs(1);
	await w.waitFor(w.same, "what is read at the head");
	const block = (await w.head()) + 1;
	const show = w.omit(block);
	await w.logs(2);
	await w.waitFor(w.whole, "the block without its logs");
	await w.logs(3);
	await w.waitFor(w.whole, "the block behind it");
	const live = (await w.stored()).filter((e) => !e.swept).map((e) => e.hash);
	assert.ok(live.length > 0);
	show();
	await p.exited;
	await w.start("listener");
	await w.waitFor(w.same, `${point}: all of it, in the order of the chain`);
	const after = await w.stored();
	assert.deepEqual(after.filter((e) => !e.swept).map((e) => e.hash), live, point);
	assert.deepEqual(await w.counters(), [live.length, after.length - live.length], point);
	assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.reorg WHERE reason = 'reseat'")).n, 1, point);
	assert.deepEqual(await w.one("SELECT reseat_to FROM fairlead.chain"), { reseat_to: null });
}

export default async function (t) {
	await killed(t, "listen_before_retract");
	await killed(t, "listen_after_retract");
}
