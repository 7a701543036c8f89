export const name = "a reorg while a sweep is on its way: the table is the new branch's, whatever the sweep had seen";

import { missed } from "../lib/missed.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await missed(t, { words: { sweep: "1s" } });
	await w.logs(1, 2);
	await w.waitFor(w.same, "what is read at the head");
	const block = (await w.head()) + 1;
	let old; // the hash of that block
	const held = [];
	const free = w.node.on("eth_getLogs", async (call, next) => {
		const logs = await next();
		if (call.params[0].blockHash !== undefined) {
			old ??= logs.find((l) => Number(l.blockNumber) === block)?.blockHash;
			return logs.filter((l) => l.blockHash !== old);
		}
		if (Number(call.params[0].toBlock) > block + 1) await new Promise((done) => held.push(done)); // the answer of the sweep is on its way
		return logs;
	});
	await w.logs(2);
	await w.logs(1);
	await w.gap(); // the range ends in a block without logs: nothing in the answer itself says that it is stale
	await w.waitFor(w.whole, "the block without its logs");
	await w.waitFor(() => held.length > 0, "the sweep to ask");
	await w.scripted.do({ reorg: { depth: 3, blocks: 4, keep: "shift" } });
	await w.waitFor(async () => (await w.one("SELECT count(*) AS n FROM fairlead.reorg WHERE reason = 'reorg'")).n > 0, "the reorg");
	free();
	for (const done of held) done();
	await w.waitFor(w.same, "the new branch");
	const done = w.said(/^Batch sync complete/).length;
	await w.waitFor(() => w.said(/^Batch sync complete/).length >= done + 2, "two more batches");
	await w.waitFor(w.same, "the new branch still");
	assert.deepEqual(await w.missed(), { found: 0, odd: 0, reseats: 0 }, "what the old branch had is not missing");
	assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.dead")).n, 0);
	const [live, swept] = await w.counters();
	assert.equal(live + swept, (await w.stored()).length);
}
