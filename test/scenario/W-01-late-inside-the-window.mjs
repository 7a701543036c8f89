export const name = "a log that reading missed, inside the window: all behind it is read again, and what rules made of it is as a clean reading would make it; what was first caught up with is looked at once more, at once, as far as a reorg can reach";

import { missed } from "../lib/missed.mjs";

// Half of the history lies in the window; the answers by hash lack one of two logs of its lowest block, which no bloom shows, and the
// second look asks by range.
async function firstCaughtUp(t) {
	const { assert } = t;
	const w = await missed(t, { words: { final: 4, window: 8, sweep: "1h" }, fleet: ["batcher"] });
	await w.logs(2, 16);
	const floor = (await w.head()) - 8;
	const show = w.node.on("eth_getLogs", async (call, next) => (await next()).filter((l) => call.params[0].blockHash === undefined || Number(l.blockNumber) !== floor + 1 || Number(l.logIndex) > 0));
	await w.start("listener", { wait: "live" }); // ready again once it has read what is found
	await w.waitFor(async () => (await w.missed()).reseats === 1, "a second look at the window, long before an hour is over");
	show();
	await w.waitFor(w.same, "all of the history, in the order of the chain");
	assert.deepEqual(await w.missed(), { found: 1, odd: 1, reseats: 1 });
	await w.waitFor(() => w.said(/^Batch sync complete: 1 new revocations/).length === 1, "what was found to be told");
	assert.equal(w.said("Starting scheduled batch sync...").length, 0, "it belongs to the catching up");
	assert.ok(w.ranges().at(-1)[0] > floor, "no more is read twice than can be mended");
	assert.ok((await w.one("SELECT swept_to FROM fairlead.chain")).swept_to >= floor);
}

export default async function (t) {
	await Promise.all([firstCaughtUp(t), live(t)]);
}

async function live(t) {
	const { assert } = t;
	const w = await missed(t, { words: { sweep: "1s" } });
	for (let i = 0; i < 2; i++) {
		await w.logs(2);
		await w.waitFor(w.same, "what is read at the head");
	}
	const [block] = [(await w.head()) + 1];
	const show = w.omit(block);
	await w.logs(3);
	await w.waitFor(w.whole, "the block without its logs");
	for (let i = 0; i < 2; i++) {
		await w.logs(1);
		await w.waitFor(w.whole, "the blocks behind it");
	}
	const before = await w.stored();
	assert.deepEqual([before.length, await w.counters().then(([live, swept]) => live + swept)], [6, 6]);
	const live = before.filter((e) => !e.swept).map((e) => e.hash);
	assert.ok(live.length > 0);
	show();
	await w.waitFor(w.same, "all of it, in the order of the chain");
	const after = await w.stored();
	assert.deepEqual(after.filter((e) => e.block === block).map((e) => e.swept), [true, true, true], "what was found is swept");
	assert.deepEqual(after.filter((e) => live.includes(e.hash)).map((e) => e.swept), live.map(() => false), "what was live is live");
	assert.deepEqual(await w.counters(), [live.length, 9 - live.length]);
	assert.deepEqual(after.map((e) => e.seq), after.map((e) => e.seq).toSorted((a, b) => a - b), "numbers follow the chain");
	assert.deepEqual(await w.missed(), { found: 3, odd: 1, reseats: 1 });
	assert.equal(await w.metric("listener", "fairlead_missed_events_total"), 3);
	assert.equal((await w.heard("listener", "sweep.missed"))[0].level, "odd");
	assert.deepEqual(await w.one("SELECT reseat_to FROM fairlead.chain"), { reseat_to: null });
	// the window is swept on, and nothing comes of it
	await w.logs(1);
	const done = w.said(/^Batch sync complete/).length;
	await w.waitFor(() => w.said(/^Batch sync complete/).length >= done + 2, "two more batches");
	await w.waitFor(w.same, "the newest");
	assert.deepEqual(await w.missed(), { found: 3, odd: 1, reseats: 1 });
}
