export const name = "OP stack: what the chain below charges for data is estimated and holds a batch while it breaks max_cost; a cheap moment lets it go by itself, and the receipt's l1Fee stands with the verdict";

import { box } from "../lib/box.mjs";

const ORACLE = "0x420000000000000000000000000000000000000F";
const wei = (v) => `0x${v.toString(16).padStart(64, "0")}`;

export default async function (t) {
	const { assert } = t;
	const b = await box(t, { proxy: "js", yaml: (text) => text.replace("window: 16", 'window: 16, max_cost: "0.01 ether"') });
	const { w, n } = b;
	const below = (v) => n.do({ contract: { address: ORACLE, function: "getL1Fee(bytes data)", returns: wei(v) } });
	w.node.on("eth_getTransactionReceipt", async (call, next) => {
		const r = await next();
		if (r) r.l1Fee = "0x38d7ea4c68000";
		return r;
	});
	await below(5n * 10n ** 16n);
	await b.mine(3);
	await b.start("listener", "batcher", "submitter", "reconciler");
	await w.waitFor(async () => (await n.count({ method: "eth_call", holding: ORACLE })) > 0, "the oracle to be asked");
	await b.put([1]);
	await b.mined(() => w.lines("submitter", "batch.cost").length, "the line that says why it waits");
	for (let i = 0; i < 4; i++) await b.mine(1);
	const beats = JSON.parse((await w.health("submitter", "/status")).body).signers[0];
	assert.equal(beats.unmined, 0);
	assert.deepEqual(await n.raws({ from: b.signer }), []);
	assert.equal(w.lines("submitter", "batch.cost").length, 1, "said once");
	await below(10n ** 15n);
	await b.mined(async () => (await b.items())[1] === "done", "the batch to be done", {}, 40000);
	const [v] = await w.sql("SELECT l1_fee, price * gas_used AS gas FROM fairlead.verdict");
	assert.equal(v.l1_fee, String(10n ** 15n));
	assert.equal((await w.one("SELECT cost FROM fairlead.txs")).cost, String(BigInt(v.gas) + 10n ** 15n));
	const told = (await w.run("submitter", ["--explain", "1"])).out;
	assert.match(told, /Mined\..*0\.001/, told);
	assert.deepEqual(await b.effects(), { 1: 1 });
}
