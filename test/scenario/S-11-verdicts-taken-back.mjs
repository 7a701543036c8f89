export const name = "INV-7, S1: reverted, then succeeded after a reorg; a foreign transaction, a cancel, the block of a skip mined and reorged out: nothing acts before finality, each item is done once";

import { need } from "../../deploy/run/npm.mjs";
import { ADDRESS, box } from "../lib/box.mjs";

const { ethers } = need("ethers");

export default async function (t) {
	const { assert } = t;
	const b = await box(t, { yaml: (y) => y.replace("      - function act", "      - function times(uint256 id) view returns (uint256)\n      - function act").replace("max: 2, wait: 20ms,", 'max: 2, wait: 20ms, skip: "Box.times(id) == 1",') });
	const { w, n } = b;
	const act = { address: ADDRESS, function: "act(uint256[] ids)", count: "ids" };
	await n.do({ contract: { address: ADDRESS, function: "times(uint256 id)", effects: true } });
	await b.start("listener", "batcher", "submitter", "reconciler");
	const sent = (nonce) => w.waitFor(async () => (await n.raws({ from: b.signer, nonce })).length > 0, `nonce ${nonce} to leave`);
	const verdicts = () => w.sql("SELECT v.ok, v.block, v.standing FROM fairlead.standing v ORDER BY v.at");
	const done = (id) => b.mined(async () => (await b.items())[id] === "done", `item ${id} to be done`);

	// reverted at depth 0, its verdict stored; a reorg later it succeeds
	await n.do({ contract: { ...act, tx_fails: true } });
	await b.put([1]);
	await sent(5);
	await b.mine();
	await w.waitFor(async () => (await verdicts()).some((v) => !v.ok), "the verdict of the revert");
	assert.equal((await b.items())[1], "batched", "nothing acts before finality");
	await n.do({ contract: act });
	await n.do({ reorg: { depth: 1, blocks: 2 } });
	await done(1);
	assert.deepEqual(await b.slots(), [{ nonce: 5, closed: "done", kinds: ["send"] }]);

	// another transaction of the key takes the nonce, and its block leaves the chain
	await b.put([2]);
	await sent(6);
	const foreign = await b.send({ nonce: 6, value: 1n });
	await b.mine(2);
	await w.waitFor(async () => JSON.parse((await w.health("submitter", "/status")).body).signers[0].unmined === 0, "the nonce to be counted");
	await n.do({ chain: { repool: false } });
	await n.do({ reorg: { depth: 2, blocks: 3, pool: false } });
	assert.equal((await n.do({ pool: true })).filter((x) => x.hash === foreign).length, 0);
	await done(2);
	assert.equal((await b.slots()).find((s) => s.nonce === 6).closed, "done");
	assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.consumed")).n, 0);

	// its event leaves: a cancel is mined; then the cancel's block leaves and the event comes back
	await b.put([3]);
	await sent(7);
	await n.do({ reorg: { depth: 1, blocks: 2, pool: false } });
	await b.mined(async () => (await b.slots()).find((s) => s.nonce === 7)?.kinds.includes("cancel"), "the cancel to be signed", { pool: false });
	await b.mined(async () => (await b.count()) === 8, "the cancel to be mined");
	await w.waitFor(async () => (await verdicts()).at(-1).block > 0 && (await w.one("SELECT count(*) AS n FROM fairlead.verdict v JOIN fairlead.attempt a USING (hash) WHERE a.kind = 'cancel'")).n > 0, "the verdict of the cancel");
	await n.do({ reorg: { depth: 1, blocks: 2, pool: false, txs: [{ key: "put 3", to: ADDRESS, logs: [{ address: ADDRESS, event: "Put(uint256 indexed id)", args: { id: 3 } }] }] } });
	await done(3);

	// found done by another's hand; the block that showed it leaves
	const other = new ethers.Wallet(`0x${"22".repeat(32)}`);
	const data = new ethers.Interface(["function act(uint256[] ids)"]).encodeFunctionData("act", [[4]]);
	await n.rpc("eth_sendRawTransaction", [await other.signTransaction({ type: 2, chainId: 31337, nonce: 0, to: ADDRESS, data, gasLimit: 200000, maxFeePerGas: 100n * 10n ** 9n, maxPriorityFeePerGas: 10n ** 9n })]);
	await b.mine();
	await b.put([4]);
	await w.waitFor(async () => (await b.items())[4] === "already", "the skip");
	await n.do({ reorg: { depth: 2, blocks: 3, pool: false, txs: [{ key: "put 4", to: ADDRESS, logs: [{ address: ADDRESS, event: "Put(uint256 indexed id)", args: { id: 4 } }] }] } });
	await done(4);

	for (const id of [1, 2, 3, 4]) assert.equal((await b.effects())[id], 1, `item ${id}`);
	assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.slot WHERE closed IS NULL")).n, 0);
	await w.heard("submitter", "verdict.back");
}
