export const name = "S4: the key used elsewhere is named and halts the lane, a reorg or adopt: true ends that; a call of ours that PostgreSQL does not know is lost commits (P8); pending and latest that disagree are waited for";

import { need } from "../../deploy/run/npm.mjs";
import { ADDRESS, box } from "../lib/box.mjs";

const { ethers } = need("ethers");

export default async function (t) {
	const { assert } = t;
	const b = await box(t, { yaml: (y) => y.replace('key: "${OWNER_PRIVATE_KEY}",', '$& adopt: "${ADOPT:-false}",') });
	const { w, n } = b;
	const halted = (what) => w.waitFor(async () => what.test(await b.halt()), `the lane to halt: ${what}`);
	const done = (id) => b.mined(async () => (await b.items())[id] === "done", `item ${id} to be done`);
	const signed = async () => (await w.one("SELECT count(*) AS n FROM fairlead.attempt")).n;

	// it opens only when latest and pending agree
	await n.do({ mood: { id: "pending", method: "eth_getTransactionCount", holding: '"pending"', plus: 2 } });
	await b.start("listener", "batcher", "reconciler");
	await w.start("submitter", { wait: "alive" });
	await b.put([1]);
	await halted(/waits: the node has transactions of this key pending/);
	await b.mine(3);
	assert.equal(await signed(), 0);
	await n.do({ calm: "pending" });
	await done(1);
	const asked = await n.count({ method: "eth_getTransactionCount", holding: '"pending"' });

	// a nonce that was never given is used, and given back by a reorg
	await n.do({ chain: { repool: false } });
	const elsewhere = await b.send({ nonce: 6, value: 1n });
	await b.mine();
	await halted(new RegExp(`nonce 6 was used in block \\d+ by transaction ${elsewhere} of this key`));
	assert.equal((await w.one("SELECT kind FROM fairlead.consumed WHERE nonce = 6")).kind, "transaction");
	await b.put([2], { pool: false });
	assert.equal(await signed(), 1);
	await n.do({ reorg: { depth: 2, blocks: 3, pool: false, txs: [{ key: "put 2", to: ADDRESS, logs: [{ address: ADDRESS, event: "Put(uint256 indexed id)", args: { id: 2 } }] }] } });
	await w.waitFor(async () => (await b.halt()) === "", "the lane to go on by itself");
	await done(2);
	assert.equal(await n.count({ method: "eth_getTransactionCount", holding: '"pending"' }), asked, "pending is never asked again");

	// used for good: a person says so
	await b.send({ nonce: 7, value: 1n });
	await b.mine(5);
	await halted(/nonce 7 was used/);
	await b.put([3]);
	await b.mine(3);
	assert.equal(await signed(), 2);
	await w.stop("submitter");
	await w.start("submitter", { env: { ADOPT: "true" } });
	await done(3);
	assert.deepEqual((await b.slots()).map((s) => s.nonce), [5, 6, 8]);

	// a call of ours with a nonce of ours, and no attempt: what was done is not known, so nothing is freed
	await w.stop("submitter");
	await w.start("submitter", { env: { ADOPT: "false" } });
	await b.put([4], { pool: false });
	await w.waitFor(async () => (await n.raws({ from: b.signer, nonce: 9 })).length > 0, "nonce 9 to leave");
	const data = new ethers.Interface(["function act(uint256[] ids)"]).encodeFunctionData("act", [[4]]);
	await b.send({ nonce: 9, to: ADDRESS, data, gasLimit: 200000 });
	await b.mine();
	await b.mined(async () => /nonce 9 was used .* which makes a call of ours/.test(await b.halt()), "the lane to halt");
	await b.mine(5);
	assert.equal((await b.items())[4], "batched");
	for (const id of [1, 2, 3, 4]) assert.equal((await b.effects())[id], 1, `item ${id}`);
}
