export const name = "S2, INV-6: nodes that keep few states, ignore the block that is asked for, lie about the count, have no receipt: no item moves without proof, the lane halts as unproved and goes on by itself";

import { box } from "../lib/box.mjs";

export default async function (t) {
	const { assert } = t;
	const b = await box(t);
	const { w, n } = b;
	const stranger = `0x${"99".repeat(20)}`;
	await b.start("listener", "batcher", "submitter", "reconciler");
	const sent = (nonce) => w.waitFor(async () => (await n.raws({ from: b.signer, nonce })).length > 0, `nonce ${nonce} to leave`);
	const closed = async (nonce) => (await b.slots()).find((s) => s.nonce === nonce)?.closed;
	const isClosed = (nonce, how) => b.mined(async () => (await closed(nonce)) === how, `nonce ${nonce} to be closed as ${how}`, { pool: false });
	const done = (id) => b.mined(async () => (await b.items())[id] === "done", `item ${id} to be done`);
	const consumed = async (nonce) => (await w.one("SELECT kind FROM fairlead.consumed WHERE nonce = $1", [nonce]))?.kind;
	const authorized = async (nonce, key) => b.mine(1, { pool: false, txs: [{ key, type: 4, from: stranger, to: stranger, auths: [await b.authorize(nonce)], moves: [b.signer] }] });

	// it keeps so few states that the final block's is gone: bodies show another transaction of the key
	await b.put([1]);
	await sent(5);
	await n.do({ limit: { state: 2 } });
	await b.send({ nonce: 5, value: 1n });
	await b.mine();
	await isClosed(5, "foreign");
	assert.equal(await consumed(5), "transaction");
	await done(1); // with nonce 6

	// the same node, an authorization: nothing above it shows that the nonce is used, so the lane halts, until states are served
	await b.put([2]);
	await sent(7);
	await authorized(7, "auth 7");
	await b.mined(async () => /unproved: nonce 7 .* does not serve/.test(await b.halt()), "the lane to halt", { pool: false });
	assert.equal((await b.items())[2], "batched");
	assert.match((await w.health("submitter")).body, /is halted: unproved: nonce 7/);
	await n.do({ limit: { state: 128 } });
	await isClosed(7, "foreign");
	await w.waitFor(async () => (await b.halt()) === "", "the lane to go on by itself");
	assert.equal(await consumed(7), "authorization");
	await done(2); // with nonce 8

	// it answers at the newest block whatever is asked
	await n.do({ set: { ignores_block: true } });
	await b.put([3]);
	await sent(9);
	await b.send({ nonce: 9, value: 1n });
	await b.mine();
	await isClosed(9, "foreign");
	await done(3); // with nonce 10
	await b.put([4]);
	await sent(11);
	await authorized(11, "auth 11");
	await b.mined(async () => /unproved: nonce 11 .* whatever block/.test(await b.halt()), "the lane to halt", { pool: false });
	await n.do({ set: { ignores_block: false } });
	await isClosed(11, "foreign");
	await done(4); // with nonce 12

	// our own is mined, and the node has no receipt of it by its hash, then by its block neither
	await n.do({ mood: { id: "one", method: "eth_getTransactionReceipt", result: null } });
	await b.put([5]);
	await sent(13);
	await b.mine();
	await done(5);
	const paid = await w.one("SELECT v.price, v.gas_used FROM fairlead.verdict v JOIN fairlead.attempt a USING (hash) WHERE a.nonce = 13");
	await n.do({ calm: "one" });
	const told = await n.rpc("eth_getTransactionReceipt", [(await n.raws({ from: b.signer, nonce: 13 }))[0].hash]);
	assert.deepEqual([BigInt(paid.price), BigInt(paid.gas_used)], [BigInt(told.effectiveGasPrice), BigInt(told.gasUsed)]);
	await n.do({ mood: { id: "all", method: ["eth_getTransactionReceipt", "eth_getBlockReceipts"], result: null } });
	await b.put([6]);
	await sent(14);
	await b.mine();
	await b.mined(async () => /unproved: nonce 14 .*no receipt of it/.test(await b.halt()), "the lane to halt", { pool: false });
	assert.equal((await b.items())[6], "batched");
	await n.do({ calm: "all" });
	await done(6);

	// it counts one too many everywhere while ours waits in the pool: nothing is freed by that
	await b.put([7], { pool: false });
	await sent(15);
	await n.do({ mood: { id: "more", method: "eth_getTransactionCount", plus: 1 } });
	const from = w.lines("submitter", "nonce.unproved").length;
	for (let i = 0; i < 12; i++) {
		const asked = await n.count({ method: "eth_getTransactionCount" });
		await b.mine(1, { pool: false });
		await w.waitFor(async () => (await n.count({ method: "eth_getTransactionCount" })) > asked, "the count to be asked");
	}
	assert.equal(w.lines("submitter", "nonce.unproved").length, from);
	assert.equal(await closed(15), null);
	await n.do({ calm: "more" });
	await done(7);
	await w.waitFor(async () => (await b.halt()) === "", "the lane to go on");

	for (let id = 1; id <= 7; id++) assert.equal((await b.effects())[id], 1, `item ${id}`);
	assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.slot WHERE closed IS NULL")).n, 0);
}
