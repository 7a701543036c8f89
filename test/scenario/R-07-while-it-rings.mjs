export const name = "an item whose event left the chain leaves its batch though the log never rests";
// INV-3, INV-11: a look once a second, whatever rings

import { until } from "../../deploy/run/proc.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "manual", yaml: (text) => text.replace(/^( {4}rpc:.*\n)/m, "$1    grace: 2\n") });
	await w.start("listener");
	await w.start("batcher");
	await w.reveal([1]);
	const before = await w.chain.rpc("evm_snapshot");
	const [{ from }] = await w.reveal([2]);
	const nonce = await w.chain.rpc("eth_getTransactionCount", from, "latest");
	await w.waitFor(async () => (await w.one("SELECT count(*) AS n FROM fairlead.item WHERE state = 'batched'")).n === 2, "two items in batches");

	// from here on something rings every 100 ms
	assert.equal(await w.chain.rpc("evm_revert", before), true);
	await w.chain.rpc("evm_increaseTime", 7);
	await w.chain.rpc("anvil_setNonce", from, nonce); // the test's account counts on
	let id = 100, rings = true;
	const ringing = (async () => {
		for (; rings; await new Promise((r) => setTimeout(r, 100))) await w.reveal([id++]);
	})();
	try {
		await until(async () => (await w.one("SELECT count(*) AS n FROM fairlead.item WHERE key = '2' AND state = 'void'")).n === 1, "the item to leave its batch", 20000);
		assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.item WHERE cause IS NULL AND state = 'batched'")).n, 0);
	} finally {
		rings = false;
		await ringing;
	}
	assert.equal((await w.heard("batcher", "items.dropped")).length, 1);
	assert.equal((await w.one("SELECT state FROM fairlead.item WHERE key = '1'")).state, "batched");
}
