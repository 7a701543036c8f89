export const name = "S3: an event that leaves the chain while its transaction is unmined: the slot is signed anew without it, and a node that has no time for the estimate delays that only";

import { need } from "../../deploy/run/npm.mjs";
import { RpcError } from "../lib/node.mjs";

export default async function (t) {
	const { assert } = t;
	const { ethers } = need("ethers");
	const w = await t.world({ mining: "manual", env: { BATCH_TIMEOUT_MS: "60000", MAX_BATCH_SIZE: "2" }, yaml: (y) => y.replace(/^ *skip:.*\n/m, "") });
	for (const p of ["listener", "batcher", "submitter"]) await w.start(p);
	const block = async () => {
		await w.chain.rpc("evm_increaseTime", 7); // never the same as another branch's
		await w.mine();
	};
	const pool = w.node.on("eth_sendRawTransaction", (call) => ethers.keccak256(call.params[0])); // taken, and never mined
	await w.reveal([1]);
	const before = await w.chain.rpc("evm_snapshot");
	await w.reveal([2]);
	const attempts = () => w.sql("SELECT a.kind, array(SELECT i.key::int FROM fairlead.attempt_item x JOIN fairlead.item i ON i.id = x.item WHERE x.hash = a.hash ORDER BY 1) AS ids FROM fairlead.attempt a ORDER BY n");
	await w.waitFor(async () => w.node.raws.length > 0, "the batch of both to leave");
	assert.deepEqual(await attempts(), [{ kind: "send", ids: [1, 2] }]);

	let asked = 0;
	w.node.on("eth_estimateGas", (call, next) => {
		if (asked++) return next();
		throw new RpcError(-32005, "too many requests");
	});
	assert.equal(await w.chain.rpc("evm_revert", before), true);
	await w.waitFor(async () => {
		await block();
		return (await attempts()).some((a) => a.kind === "recomposed" || a.kind === "cancel");
	}, "the slot to be signed anew");
	assert.ok(asked >= 2, "the estimate was asked again");
	assert.deepEqual((await attempts()).filter((a) => a.kind !== "bump"), [{ kind: "send", ids: [1, 2] }, { kind: "recomposed", ids: [1] }]);
	pool();
	await w.waitFor(async () => {
		await block();
		return w.codesSet([1]);
	}, "the code of the one that stayed", 60000);
	assert.equal(await w.writes(2), 0, "nothing is done for the one that left");
}
