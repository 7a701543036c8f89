export const name = "P10: a submitter that was idle when its chain was stopped signs nothing for it, says so, and goes on when the halt is taken back";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "manual", env: { BATCH_TIMEOUT_MS: "2000" }, yaml: (y) => y.replace(/^ {4}final: .*$/m, "$&\n    window:  4").replace(/^ *skip:.*\n/m, "") });
	for (const p of ["listener", "batcher", "submitter", "reconciler"]) await w.start(p);
	await w.reveal([1]);
	await w.waitFor(async () => {
		await w.mine();
		return (await w.one("SELECT state FROM fairlead.item")).state === "done";
	}, "the first item to be final");
	await w.waitFor(async () => JSON.parse((await w.health("submitter", "/status")).body).signers[0].open === 0, "nothing to be open");
	const before = await w.chain.rpc("evm_snapshot");
	await w.reveal([2, 3]);
	await w.waitFor(async () => (await w.one("SELECT pending FROM fairlead.batches WHERE name = 'reveal'")).pending === 2, "two pending tokens");
	await w.kill9("batcher");
	assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.batch")).n, 1, "no second batch was cut before the kill");
	await w.mine(5); // the branch is deeper than the window
	await w.waitFor(async () => (await w.one("SELECT done = $1 AS x FROM fairlead.chain", [await w.head()])).x, "the cursor at the head");

	assert.equal(await w.chain.rpc("evm_revert", before), true);
	await w.chain.rpc("evm_increaseTime", 7);
	await w.mine(10);
	await w.waitFor(async () => (await w.one("SELECT halted IS NOT NULL AS x FROM fairlead.chain")).x, "the halt");
	w.node.raws.length = 0;
	await w.start("batcher");
	await w.waitFor(async () => (await w.one("SELECT count(*) AS n FROM fairlead.batch")).n === 2, "the batch to be cut");
	await w.waitFor(async () => /is stopped, so signer owner signs nothing/.test((await w.health("submitter")).body), "the submitter to say why it waits");
	assert.equal(w.node.raws.length, 0, "nothing was sent");
	assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.attempt")).n, 1, "nothing was signed");

	await w.stop("listener"); // else it halts again
	await w.sql("UPDATE fairlead.chain SET halted = NULL");
	await w.waitFor(async () => (await w.one("SELECT count(*) AS n FROM fairlead.attempt")).n === 2, "the batch to be signed");
	await w.waitFor(async () => w.node.raws.length === 1, "its bytes to leave");
}
