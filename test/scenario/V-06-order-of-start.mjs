export const name = "first the batch of what is old, then real time, then the interval: in this order in the log";

import { chainWords, soon } from "../lib/world.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ app: "vcel", mining: "manual", yaml: chainWords({ ...soon, sweep: "1s" }) });
	for (let i = 0; i < 3; i++) await w.revoke(7, `old ${i}`);
	await w.mine(100);
	await w.start("batcher", { wait: "alive" });
	await w.start("listener");
	await w.waitFor(w.whole, "the past");
	await w.revoke(7, "new");
	await w.waitFor(async () => (await w.rows()).length === 4, "what is new");
	const lines = () => w.lines("batcher").map((l) => l.text);
	const places = (re) => lines().flatMap((m, i) => (re.test(m ?? "") ? [i] : []));
	const interval = () => places(/^Starting scheduled batch sync\.\.\.$/).filter((i) => i > places(/^Starting real-time event listening\.\.\.$/)[0]);
	await w.waitFor(() => interval().length > 0 && places(/^Batch sync complete/).some((i) => i > interval()[0]), "the first batch of the interval");
	const [start, ...again] = places(/^Starting hybrid sync system/);
	assert.deepEqual(again, [], "it starts once");
	const olds = places(/^Batch event: Signature revoked for lock 7$/);
	const [live, ...more] = places(/^Starting real-time event listening/);
	assert.deepEqual(more, []);
	const news = places(/^Real-time event: Signature revoked for lock 7$/);
	assert.deepEqual([olds.length, news.length], [3, 1]);
	const order = [start, ...olds, live, news[0]];
	assert.deepEqual(order, [...order].sort((a, b) => a - b), lines().join("\n"));
	assert.ok(interval()[0] > live);
}
