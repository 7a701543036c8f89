export const name = "P10: a reorg deeper than the window stops the chain, says so, sends nothing more and destroys nothing";

import { keys } from "../lib/world.mjs";
import { need } from "../../deploy/run/npm.mjs";

export default async function (t) {
	const { assert } = t;
	const { ethers } = need("ethers");
	const w = await t.world({ mining: "manual", env: { BATCH_TIMEOUT_MS: "100" }, yaml: (y) => y.replace(/^ {4}final: .*$/m, "$&\n    window:  4").replace("every: 5m", "every: 1s") }); // the rule mirror
	const block = async () => {
		await w.chain.rpc("evm_increaseTime", 7);
		await w.mine();
	};
	for (const p of ["listener", "batcher", "submitter", "reconciler"]) await w.start(p);
	await w.reveal([1]);
	await w.waitFor(async () => {
		await w.mine();
		return w.codesSet([1]);
	}, "the first code");
	await w.waitFor(async () => {
		await w.mine();
		return (await w.one("SELECT state FROM fairlead.item")).state === "done";
	}, "the first item to be final");
	await w.stop("submitter");
	const before = await w.chain.rpc("evm_snapshot");
	await w.reveal([2, 3]);
	await w.mine(5); // the branch is one block deeper than the window
	await w.waitFor(async () => (await w.one("SELECT done = $1 AS x FROM fairlead.chain", [await w.head()])).x, "the cursor at the head");
	await w.waitFor(async () => (await w.one("SELECT count(*) AS n FROM fairlead.batch WHERE state = 'ready'")).n === 1, "a batch ready to be sent");
	const all = async () => JSON.stringify([
		await w.sql("SELECT _seq, _block, encode(_id, 'hex') AS id FROM fairlead.event ORDER BY _seq"),
		await w.sql("SELECT id, key, state, batch, cause FROM fairlead.item ORDER BY id"),
		await w.sql("SELECT id, state, items FROM fairlead.batch ORDER BY id"),
		await w.sql("SELECT number, encode(hash, 'hex') AS hash FROM fairlead.block ORDER BY number"),
		await w.sql("SELECT * FROM token_codes ORDER BY token_id"),
		await w.sql("SELECT done, floor FROM fairlead.chain"),
	]);
	const was = await all();

	assert.equal(await w.chain.rpc("evm_revert", before), true);
	// the new branch says something else of a token that the table knows
	await w.chain.rpc("eth_sendTransaction", { from: new ethers.Wallet(keys[1]).address, to: w.address, gas: "0x61a80", data: w.iface.encodeFunctionData("preset", [1, "of another branch"]) });
	for (let i = 0; i < 8; i++) await block();
	assert.equal(await w.code(1), "of another branch");
	const r = await w.waitFor(async () => {
		const a = await w.health("listener");
		return a.status === 503 && /deeper than the window of 4 blocks/.test(a.body) && a;
	}, "readiness to say it");
	assert.match(r.body, /nothing was changed/);
	assert.equal((await w.health("listener", "/livez")).status, 200);
	assert.equal((await w.heard("listener", "chain.halted")).length, 1);
	assert.match((await w.one("SELECT halted FROM fairlead.chains")).halted, /deeper than the window/);
	assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.odd WHERE kind = 'halted'")).n, 1);

	// a submitter that starts now has a ready batch before it, and signs nothing
	w.node.raws.length = 0;
	const s = await w.start("submitter", { wait: "alive" });
	await w.waitFor(async () => /is stopped, so signer owner signs nothing/.test((await w.health("submitter")).body), "the submitter to say why it waits");
	// the rule that mends our table from the chain leaves it alone
	await w.waitFor(async () => /halted/.test((await w.one("SELECT error FROM fairlead.clock WHERE name = 'mirror'")).error), "the rule to say why it does nothing");
	// and a listener that is started again is halted still
	await w.stop("listener");
	await w.start("listener", { wait: "alive" });
	for (let i = 0; i < 3; i++) await block();
	await w.waitFor(async () => /deeper than the window/.test((await w.health("listener")).body), "the halt to stand after a restart");
	assert.equal(w.node.raws.length, 0, "nothing was sent");
	assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.attempt WHERE at > (SELECT max(at) FROM fairlead.odd WHERE kind = 'halted')")).n, 0, "nothing was signed");
	assert.equal(await all(), was, "nothing was destroyed");
	assert.ok(s.running);
}
