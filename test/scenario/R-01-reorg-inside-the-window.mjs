export const name = "a reorg inside the window: vanished events are taken back and their items leave the batch; the same events on the new branch are the same items";
// INV-3, INV-4

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "manual", fleet: ["listener", "batcher"], env: { BATCH_TIMEOUT_MS: "100" } });
	const block = async (txs = []) => { // one block of these raw transactions, never the same as another branch's
		await w.chain.rpc("evm_increaseTime", 7);
		for (const raw of txs) await w.chain.rpc("eth_sendRawTransaction", raw);
		await w.mine();
	};
	const rawOf = (receipts) => Promise.all(receipts.map((r) => w.chain.rpc("eth_getRawTransactionByHash", r.transactionHash)));
	const events = () => w.sql("SELECT token_id::int AS id, encode(_id, 'hex') AS name, _block AS block FROM companions.token_revealed ORDER BY _seq");
	const items = () => w.sql("SELECT key::int AS key, id, state, batch FROM fairlead.item ORDER BY key::int");
	const states = async (state) => (await items()).every((i) => i.state === state);
	await w.reveal([9]); // stays: below every reorg of this row
	await w.waitFor(async () => (await items())[0]?.state === "batched", "the item that stays");
	const [stays] = await items();

	const before = await w.chain.rpc("evm_snapshot");
	const raws = await rawOf([...(await w.reveal([1, 2])), ...(await w.reveal([3]))]);
	await w.waitFor(async () => (await items()).length === 4 && (await states("batched")), "four batched items");
	const first = { items: (await items()).filter((i) => i.key !== 9), events: (await events()).filter((e) => e.id !== 9) };

	// they vanish: a longer branch without them
	assert.equal(await w.chain.rpc("evm_revert", before), true);
	const again = await w.chain.rpc("evm_snapshot");
	await block();
	await block();
	await block();
	await w.waitFor(async () => (await events()).length === 1, "the events to leave their table");
	assert.deepEqual((await w.sql("SELECT reason, events FROM fairlead.reorg")).map((r) => [r.reason, r.events]), [["reorg", 3]]);
	assert.deepEqual((await w.sql("SELECT encode(id, 'hex') AS name FROM fairlead.retraction ORDER BY seq")).map((r) => r.name), first.events.map((e) => e.name));
	await w.waitFor(async () => (await w.one("SELECT count(*) AS n FROM fairlead.item WHERE cause IS NULL")).n === 3, "the items to lose their cause");
	await block(); // the grace
	await block();
	await block();
	await w.waitFor(async () => (await items()).filter((i) => i.state === "void" && i.batch === null).length === 3, "three items outside any batch");
	assert.deepEqual((await items()).find((i) => i.key === 9), stays, "the item below the reorg is untouched");
	assert.equal((await w.one("SELECT coalesce(sum(items), 0)::int AS n FROM fairlead.batch WHERE state = 'ready'")).n, 1, "what is ready holds the one that stays");

	// they return, in one block and another order, higher up
	assert.equal(await w.chain.rpc("evm_revert", again), true);
	for (let i = 0; i < 4; i++) await block();
	await block(raws);
	const last = await w.chain.rpc("evm_snapshot");
	await block();
	await block();
	await block();
	await w.waitFor(async () => (await items()).length === 4 && (await states("batched")), "the items to be batched again");
	assert.deepEqual((await items()).map((i) => i.id), [...first.items, stays].map((i) => i.id), "the same rows");
	assert.deepEqual((await events()).map((e) => e.name).sort(), [...first.events.map((e) => e.name), (await events()).find((e) => e.id === 9).name].sort(), "the same identities");
	const batched = await items();

	// back within the grace: nothing is taken out of the batch
	assert.equal(await w.chain.rpc("evm_revert", last), true);
	const reorgs = (await w.one("SELECT count(*) AS n FROM fairlead.reorg")).n;
	for (let i = 0; i < 4; i++) await block();
	await w.waitFor(async () => (await w.one("SELECT count(*) AS n FROM fairlead.reorg")).n > reorgs, "the third reorg");
	await w.waitFor(async () => (await w.one("SELECT done = $1 AND lag = 0 AS x FROM fairlead.chains", [await w.head()])).x, "the cursor at the head");
	assert.deepEqual(await items(), batched);

	// the effect happens once
	await w.start("submitter");
	await w.waitFor(async () => {
		await block();
		return w.codesSet([1, 2, 3, 9]);
	}, "four codes");
	for (const id of [1, 2, 3, 9]) assert.equal(await w.writes(id), 1);
}
