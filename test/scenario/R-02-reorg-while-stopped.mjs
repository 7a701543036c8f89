export const name = "a reorg while the listener is stopped is found at its start, whether the new branch is longer, as high, or shorter";

import { keys } from "../lib/world.mjs";
import { need } from "../../deploy/run/npm.mjs";

export default async function (t) {
	const { assert } = t;
	const { ethers } = need("ethers");
	const minting = new ethers.Wallet(keys[1]).address;
	const w = await t.world({ mining: "manual", fleet: ["listener", "batcher"], env: { BATCH_TIMEOUT_MS: "600000" } });
	const block = async () => {
		await w.chain.rpc("evm_increaseTime", 7);
		await w.mine();
	};
	const ids = async () => (await w.sql("SELECT token_id::int AS id FROM companions.token_revealed ORDER BY _seq")).map((r) => r.id);
	const has = (list, what) => w.waitFor(async () => JSON.stringify(await ids()) === JSON.stringify(list), what);
	await w.reveal([100]);
	const hashes = async () => (await w.sql("SELECT number, '0x' || encode(hash, 'hex') AS hash FROM fairlead.block ORDER BY number DESC LIMIT 20"));
	let gone = 0;
	for (const [i, more] of [3, 0, -2].entries()) {
		const before = await w.chain.rpc("evm_snapshot");
		const nonce = await w.chain.rpc("eth_getTransactionCount", minting, "latest");
		await w.reveal([1 + i]);
		for (let k = 0; k < 3; k++) await w.mine();
		await has([100, 1 + i], `the event of token ${1 + i}`);
		await w.waitFor(async () => (await w.one("SELECT done = $1 AS x FROM fairlead.chain", [await w.head()])).x, "the cursor at the head");
		await w.stop("listener");
		assert.equal(await w.chain.rpc("evm_revert", before), true);
		for (let k = 0; k < 4 + more; k++) await block();
		await w.start("listener");
		gone++;
		if (more < 0) { // heights that the new branch does not have yet prove nothing; they are there with the next blocks
			for (let k = 0; k < 3; k++) await block();
		}
		await has([100], `the event of token ${1 + i} to be taken back`);
		await w.waitFor(async () => (await w.one("SELECT done = $1 AS x FROM fairlead.chain", [await w.head()])).x, "the new branch to be read");
		for (const b of await hashes()) assert.equal(b.hash, (await w.chain.rpc("eth_getBlockByNumber", `0x${b.number.toString(16)}`, false)).hash, `block ${b.number}`);
		assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.retraction")).n, gone);
		assert.equal(await w.chain.rpc("eth_getTransactionCount", minting, "latest"), nonce);
		await w.chain.rpc("anvil_setNonce", minting, `0x${(Number(nonce) + 1).toString(16)}`); // the test's account counts on
	}
	await w.waitFor(async () => (await w.one("SELECT count(*) AS n FROM fairlead.item WHERE cause IS NULL")).n === 3, "three items without a cause");
	assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.item WHERE cause IS NOT NULL")).n, 1);
}
