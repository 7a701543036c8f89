export const name = "a provider that takes ten blocks a question: ranges are cut to that, once learned it is never exceeded, not after a restart either";

import { chainWords, RpcError, soon } from "../lib/world.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ app: "vcel", mining: "manual", yaml: chainWords({ ...soon, retry: '{ first: "20ms", max: "50ms" }' }) });
	w.node.on("eth_getLogs", (call, next) => {
		const { fromBlock, toBlock } = call.params[0];
		if (fromBlock !== undefined && Number(toBlock) - Number(fromBlock) + 1 > 10)
			throw new RpcError(-32600, `Under the Free tier plan, you can make eth_getLogs requests with up to a 10 block range. Based on your parameters, this block range should work: [${fromBlock}, 0x${(Number(fromBlock) + 9).toString(16)}]. Upgrade to PAYG for expanded block range.`);
		return next();
	});
	for (let i = 0; i < 5; i++) {
		await w.revoke(7, `signature ${i}`);
		await w.mine(99);
	}
	const spans = () => w.ranges().map(([a, b]) => b - a + 1);
	await w.start("batcher", { wait: "alive" });
	await w.start("listener");
	await w.waitFor(w.whole, "the head");
	assert.deepEqual((await w.rows()).map((r) => r.signature_hash), [0, 1, 2, 3, 4].map((i) => w.hash(`signature ${i}`)));
	const first = spans();
	const refused = first.filter((n) => n > 10).length;
	const firstGood = first.findIndex((n) => n <= 10);
	// what was already on its way when the first refusal came is not counted against it
	assert.ok(refused >= 1 && refused <= 8, `${refused} refusals`);
	assert.ok(first.slice(firstGood + 8).every((n) => n <= 10), `once learned it is kept: ${first}`);
	assert.equal(Math.max(...first.slice(firstGood + 8)), 10, "and used in full");

	await w.stop("listener");
	await w.mine(150);
	await w.revoke(7, "after the restart");
	w.node.forget();
	await w.start("listener");
	await w.waitFor(w.whole, "the head again");
	assert.ok(spans().length >= 5);
	assert.deepEqual(spans().filter((n) => n > 10), [], "it was stored");
	assert.equal((await w.rows()).length, 6);
	t.note(`${refused} refused of ${first.length}`);
}
