export const name = "a question spans exactly BATCH_SYNC_SIZE blocks, 1000 if nothing is said; ranges neither overlap nor leave a gap";

import { chainWords, soon } from "../lib/world.mjs";

export default async function (t) {
	const { assert } = t;
	for (const [BATCH_SYNC_SIZE, size, blocks] of [[null, 1000, 3400], ["50", 50, 700]]) {
		const w = await t.world({ app: "vcel", chain: "node", proxy: "js", env: { BATCH_SYNC_SIZE }, yaml: chainWords({ ...soon, sweep: null }) });
		const revoke = () => w.scripted.mine(1, { logs: [{ address: w.address, event: w.iface.getEvent("SignatureRevoked").format("full"), count: 1 }] });
		await revoke();
		await w.mine(blocks);
		await revoke();
		await w.start("batcher", { wait: "alive" });
		await w.start("listener");
		await w.waitFor(async () => (await w.rows()).length === 2, "both ends of the chain");
		const ranges = w.ranges().sort((a, b) => a[0] - b[0]);
		const spans = ranges.map(([a, b]) => b - a + 1);
		assert.equal(ranges[0][0], w.block);
		for (let i = 1; i < ranges.length; i++) assert.equal(ranges[i][0], ranges[i - 1][1] + 1, "the next begins behind the last");
		assert.deepEqual(spans.slice(0, -1), spans.slice(0, -1).map(() => size), "all but the last are full");
		assert.ok(spans.at(-1) <= size);
		assert.ok(spans.length >= Math.floor((blocks - 200) / size), "ranges carry all but the window");
		await w.stopAll();
	}
}
