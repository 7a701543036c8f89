export const name = "a chain without base fees whose node has no time for eth_gasPrice: nothing is signed at a price that nobody named";

import { RpcError } from "../lib/node.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "manual", env: { BATCH_TIMEOUT_MS: "100" } });
	w.node.on("eth_getBlockByNumber", async (call, next) => {
		const b = await next();
		if (b) delete b.baseFeePerGas;
		return b;
	});
	let asked = 0;
	w.node.on("eth_gasPrice", (call, next) => {
		if (asked++ >= 2) return next();
		throw new RpcError(-32005, "too many requests");
	});
	for (const p of ["listener", "batcher", "submitter"]) await w.start(p, { wait: "alive" });
	await w.reveal([1]);
	await w.waitFor(async () => {
		await w.mine();
		return w.codesSet([1]);
	}, "the code");
	assert.ok(asked > 2, "the price was asked again");
	for (const r of w.node.raws) assert.ok(r.gasPrice > 0n, `signed at ${r.gasPrice} wei`);
}
