export const name = "a transaction that is not mined is replaced: the same nonce, fees at least 10 % higher and fit for the market; one is mined";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "manual", fleet: ["listener", "batcher", "submitter", "reconciler"], env: { BATCH_TIMEOUT_MS: "50" } });
	const gwei = 10n ** 9n;
	w.node.lose(1); // answered with its hash, and never seen again
	await w.batchReveal([1, 2, 3]);
	await w.waitFor(() => w.node.raws.length, "the first transaction");
	const [first] = w.node.raws;

	// meanwhile the market rises above what the first one offers
	const market = first.maxFeePerGas + 7n * gwei;
	await w.chain.rpc("anvil_setNextBlockBaseFeePerGas", `0x${market.toString(16)}`);
	await w.waitFor(async () => {
		await w.mine();
		await w.chain.rpc("anvil_setNextBlockBaseFeePerGas", `0x${market.toString(16)}`);
		return w.node.raws.some((r) => r.hash !== first.hash);
	}, "a replacement", 20000);
	await w.waitFor(async () => (await w.mine()) && w.codesSet([1, 2, 3]), "three codes");

	const attempts = [...new Map(w.node.raws.map((r) => [r.hash, r])).values()];
	assert.ok(attempts.length >= 2);
	for (let i = 1; i < attempts.length; i++) {
		const [old, next] = [attempts[i - 1], attempts[i]];
		assert.equal(next.nonce, old.nonce);
		assert.equal(next.data, old.data);
		assert.ok(next.maxFeePerGas * 10n >= old.maxFeePerGas * 11n, `fee ${old.maxFeePerGas} to ${next.maxFeePerGas}`);
		assert.ok(next.maxPriorityFeePerGas * 10n >= old.maxPriorityFeePerGas * 11n, `tip ${old.maxPriorityFeePerGas} to ${next.maxPriorityFeePerGas}`);
		assert.ok(next.maxPriorityFeePerGas <= next.maxFeePerGas);
	}
	assert.ok(attempts.at(-1).maxFeePerGas >= market, "it follows the market");
	const bulks = await w.bulks();
	assert.equal(bulks.length, 1);
	assert.equal(bulks[0].nonce, first.nonce);
	assert.ok(attempts.slice(1).some((a) => a.hash === bulks[0].hash));
	for (const id of [1, 2, 3]) assert.equal(await w.writes(id), 1);

	// each is in the audit trail, and only the mined one has won
	await w.waitFor(async () => (await w.mine()) && (await w.one("SELECT closed FROM fairlead.slot")).closed === "done", "the slot to be closed");
	const rows = await w.sql("SELECT n, kind, '0x' || encode(hash, 'hex') AS hash, fee FROM fairlead.attempt ORDER BY n");
	for (const a of attempts) assert.ok(rows.some((r) => r.hash === a.hash && BigInt(r.fee) === a.maxFeePerGas));
	assert.equal((await w.one("SELECT '0x' || encode(winner, 'hex') AS hash FROM fairlead.slot")).hash, bulks[0].hash);
	await w.heard("submitter", (l) => l.ev === "slot.replaced" && Number(l.nonce) === first.nonce && l.kind === "bump");
	t.note(`${attempts.length} attempts`);
}
