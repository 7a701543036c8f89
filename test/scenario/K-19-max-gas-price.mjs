export const name = "above MAX_GAS_PRICE nothing is signed: the batch waits, a metric and a line say so, and it goes when the market has fallen";

export default async function (t) {
	const { assert } = t;
	const gwei = 10n ** 9n, cap = 20n * gwei;
	const w = await t.world({ mining: "manual", fleet: ["listener", "batcher", "submitter"], env: { BATCH_TIMEOUT_MS: "50", MAX_GAS_PRICE: String(cap), RECONNECT_DELAY_MS: "50" } });
	const market = async (wei) => {
		await w.chain.rpc("anvil_setNextBlockBaseFeePerGas", `0x${wei.toString(16)}`);
		await w.mine();
	};
	const high = () => w.metric("submitter", "fairlead_gas_price_too_high_total");
	assert.equal(await high(), 0);
	await market(50n * gwei);
	await w.batchReveal([1, 2]);
	await market(50n * gwei);
	await w.waitFor(async () => (await high()) > 0, "the metric");
	await w.waitFor(() => w.lines("submitter", /gas price too high/).length, "the line");
	assert.equal(w.lines("submitter", /gas price too high/)[0].level, "odd");
	const ready = await w.health("submitter");
	assert.match(ready.body, /gas price too high/);

	// some dear blocks later it has not moved
	for (let i = 0; i < 3; i++) await market(50n * gwei);
	const head = await w.head();
	await w.waitFor(async () => (await w.one("SELECT done FROM fairlead.chains")).done === head, "the fleet to see the dear blocks");
	assert.deepEqual(w.node.raws, []);
	assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.attempt")).n, 0);
	assert.deepEqual(await w.sql("SELECT state, count(*) AS n FROM fairlead.item GROUP BY 1"), [{ state: "batched", n: 2 }]);
	assert.deepEqual(await w.sql("SELECT state FROM fairlead.batch"), [{ state: "ready" }]);

	// the market falls: it goes by itself
	await market(2n * gwei);
	await w.waitFor(() => w.node.raws.length, "the transaction");
	await w.waitFor(async () => {
		await market(2n * gwei);
		return w.codesSet([1, 2]);
	}, "both codes");
	assert.equal((await w.health("submitter")).status, 200);
	for (const r of w.node.raws) {
		assert.ok(r.maxFeePerGas <= cap, `signed at ${r.maxFeePerGas}`);
		assert.ok(r.maxPriorityFeePerGas <= cap);
	}
	for (const id of [1, 2]) assert.equal(await w.writes(id), 1);

	// one that is under way when the market rises is not replaced above the cap either
	w.node.lose(1);
	await w.batchReveal([3]);
	await market(2n * gwei);
	await w.waitFor(() => w.node.raws.some((r) => String(r.args?.[0]) === "3"), "the third token's transaction");
	const before = await high();
	await w.waitFor(async () => {
		await market(60n * gwei);
		return (await high()) > before;
	}, "the replacement to be held", 20000);
	await w.waitFor(async () => {
		await market(2n * gwei);
		return w.codesSet([3]);
	}, "the third code", 20000);
	for (const r of w.node.raws) assert.ok(r.maxFeePerGas <= cap, `signed at ${r.maxFeePerGas}`);
	assert.equal(await w.writes(3), 1);
}
