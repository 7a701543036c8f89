export const name = "one WebSocket connection carries all, and a batch is one question per BATCH_SYNC_SIZE blocks";

import { chainWords } from "../lib/world.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ app: "vcel", rpc: "ws", mining: "manual", env: { BATCH_SYNC_SIZE: "100" }, yaml: chainWords({ poll: "1h" }) });
	await w.revoke(7, "old");
	await w.mine(1000);
	await w.start("batcher", { wait: "alive" });
	await w.start("listener");
	await w.waitFor(w.whole, "the past");
	await w.waitFor(w.swept, "the second look at the window");
	const blocks = (await w.head()) - w.block + 1;
	const inRanges = w.ranges().reduce((n, [a, b]) => n + b - a + 1, 0);
	assert.equal(w.ranges().length, Math.ceil(inRanges / 100), "questions of the first batch");
	assert.ok(inRanges >= blocks - 128 && inRanges <= blocks);

	// idle blocks and one revocation in real time
	w.node.forget();
	for (let i = 0; i < 20; i++) {
		const head = await w.mine();
		await w.waitFor(async () => (await w.one("SELECT done FROM fairlead.chains")).done === head, "the next block");
	}
	await w.revoke(7, "new");
	await w.waitFor(async () => (await w.rows()).length === 2, "the row");
	assert.deepEqual(w.ranges(), []);
	t.note(`${w.node.of("eth_getLogs").length} eth_getLogs for 21 blocks in real time`);
	assert.deepEqual(w.node.connects, [], "no further connection");
	assert.equal(w.node.sockets.size, 1);
	assert.deepEqual(w.node.calls.filter((c) => c.via === "http"), [], "all of it over the socket");
	assert.equal(new Set(w.node.calls.map((c) => c.conn)).size, 1);
	await w.stopAll();

	// a batch of the interval: no more than one question per 100 blocks of what it reads
	const s = await t.world({ app: "vcel", rpc: "ws", mining: "manual", env: { BATCH_SYNC_SIZE: "100" }, yaml: chainWords({ poll: "1h", sweep: "1s" }), fleet: ["listener", "batcher"] });
	await s.mine(30);
	await s.waitFor(s.whole, "thirty blocks");
	const batches = () => s.said(/^Batch sync complete/).length;
	const first = batches();
	await s.waitFor(() => batches() > first, "a batch to end");
	s.node.forget();
	const from = batches();
	await s.waitFor(() => batches() >= from + 3, "three batches");
	const asked = s.node.of("eth_getLogs").length + s.node.of("eth_getBlockReceipts").length;
	assert.ok(asked <= batches() - from + 1, `${asked} questions in ${batches() - from} batches of fewer than 100 blocks`);
	assert.equal(s.node.sockets.size, 1);
}
