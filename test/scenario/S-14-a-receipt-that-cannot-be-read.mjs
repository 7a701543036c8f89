export const name = "a block's receipts with one that can't be read: the others are asked by their hashes at once, and the node is left in peace for nothing else";
// S9

import { exactlyOnce, quickEnv, withoutSkip } from "../lib/faults.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "manual", fleet: "all", yaml: withoutSkip, env: { ...quickEnv, MAX_BATCH_SIZE: "1" } });
	let spoilt = 0;
	w.node.on("eth_getBlockReceipts", async (call, next) => {
		const list = await next();
		if (list?.length > 3) (spoilt++, delete list[3].gasUsed);
		return list;
	});
	const ids = Array.from({ length: 24 }, (_, i) => 60 + i);
	for (const half of [ids.slice(0, 12), ids.slice(12)]) {
		await w.reveal(half);
		await w.waitFor(async () => Number((await w.chain.rpc("txpool_status")).pending) === half.length, "twelve transactions in the pool");
		await w.mine();
	}
	const mining = setInterval(() => w.mine().catch(() => {}), 200);
	try {
		await exactlyOnce(w, ids);
	} finally {
		clearInterval(mining);
	}
	assert.ok(spoilt > 0, "receipts of a block were asked for");
	assert.equal(w.lines("submitter", "rpc.receipts").length, spoilt);
	assert.equal(w.lines("submitter", "rpc.error").length, 0);
}
