export const name = "a node that can't be asked at a hash is compared with by number, and only while it stands on the branch that is stored";

import { keys, RpcError } from "../lib/world.mjs";
import { need } from "../../deploy/run/npm.mjs";

export default async function (t) {
	const { assert } = t;
	const { ethers } = need("ethers");
	const w = await t.world({ mining: "manual", env: { BATCH_TIMEOUT_MS: "100" }, yaml: (y) => y.replace("every: 5m", "every: 1s") }); // the rule mirror
	w.node.on("eth_call", (call, next) => {
		if (typeof call.params[1] === "object") throw new RpcError(-32602, "invalid argument 1: a number or a tag is expected");
		return next();
	});
	const preset = async (code) => {
		await w.chain.rpc("eth_sendTransaction", { from: new ethers.Wallet(keys[1]).address, to: w.address, gas: "0x61a80", data: w.iface.encodeFunctionData("preset", [1, code]) });
		await w.chain.rpc("evm_increaseTime", 7);
		await w.mine(3);
		assert.equal(await w.code(1), code);
	};
	const stored = async () => (await w.one("SELECT code FROM token_codes WHERE token_id = 1"))?.code;
	for (const p of ["listener", "batcher"]) await w.start(p);
	await w.start("submitter", { env: { RPC_URL: w.chain.http, WS_URL: w.chain.ws } });
	await w.reveal([1]);
	await w.waitFor(async () => {
		await w.mine();
		return (await stored()) === w.codes[1];
	}, "the first code");
	await w.stop("submitter");
	const before = await w.chain.rpc("evm_snapshot");
	await preset("of the branch that is stored");
	await w.waitFor(async () => (await w.one("SELECT done = $1 AS x FROM fairlead.chain", [await w.head()])).x, "the cursor at the head");
	await w.start("reconciler");
	await w.waitFor(async () => (await stored()) === "of the branch that is stored", "the table to follow the chain");

	await w.stop("listener"); // nobody looks at the branch now
	assert.equal(await w.chain.rpc("evm_revert", before), true);
	await preset("of another branch");
	await w.waitFor(async () => /another branch/.test((await w.one("SELECT error FROM fairlead.clock WHERE name = 'mirror'")).error), "the rule to say that the node stands elsewhere");
	assert.equal(await stored(), "of the branch that is stored");
}
