export const name = "INV-7, P9: a reorg takes an event whose transaction is mined again without it: the action is listed as orphaned and told once, and CHAIN.reorg once a transaction";

const rules = `rules:
  - on: main.reorg
    log: "reorg took {tx.hash} of {block.number}"
  - on: reveal.orphaned
    log: "orphaned {tokenId} {code} {tx.hash} {block.number}"
`;

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "manual", env: { BATCH_TIMEOUT_MS: "50" }, yaml: (y) => y.replace("rules:\n", rules) });
	for (const p of ["listener", "batcher", "submitter", "reconciler"]) await w.start(p);
	const lines = (word) => w.lines("batcher", "rule.log").map((l) => l.text).filter((l) => l.startsWith(word)).sort();
	const before = await w.chain.rpc("evm_snapshot");
	const [gone] = await w.batchReveal([2]);
	await w.waitFor(() => w.node.raws.length, "the transaction to be sent");
	await w.waitFor(async () => (await w.mine()) && w.codesSet([2]), "the code");
	const [first] = await w.bulks();
	await w.waitFor(async () => (await w.one("SELECT standing FROM fairlead.standing")).standing === "stands", "the receipt");
	assert.deepEqual(await w.sql("SELECT * FROM fairlead.orphaned"), []);

	// another branch: the action is on it, what caused it is not
	const raw = await w.chain.rpc("eth_getRawTransactionByHash", first.hash);
	assert.equal(await w.chain.rpc("evm_revert", before), true);
	await w.chain.rpc("evm_increaseTime", 7);
	await w.chain.rpc("eth_sendRawTransaction", raw);
	await w.waitFor(async () => (await w.mine()) && (await w.one("SELECT count(*)::int AS n FROM fairlead.orphaned WHERE told IS NOT NULL")).n === 1, "the orphan to be listed");
	const [again] = await w.bulks();
	assert.equal(again.hash, first.hash);
	const [orphan] = await w.sql("SELECT o.batch, o.key, o.chain, o.tx, o.block, r.reason, r.seq = o.reorg AS entry FROM fairlead.orphaned o JOIN fairlead.reorg r ON r.seq = o.reorg");
	assert.deepEqual(orphan, { batch: "reveal", key: "2", chain: "main", tx: again.hash, block: again.block, reason: "reorg", entry: true });
	assert.equal((await w.one("SELECT count(*)::int AS n FROM fairlead.odd WHERE kind = 'orphaned'")).n, 1);
	await w.waitFor(() => lines("orphaned").length, "the rule");
	await w.mine(4);
	await w.waitFor(async () => (await w.one("SELECT done, lag FROM fairlead.chains")).done === (await w.head()), "the fleet to have seen the next blocks");
	assert.deepEqual(lines("orphaned"), [`orphaned 2 ${w.codes[2]} ${again.hash} ${again.block}`]);
	assert.deepEqual(lines("reorg"), [`reorg took ${gone.transactionHash} of ${Number(gone.blockNumber)}`, `reorg took ${first.hash} of ${first.block}`].sort());
	assert.equal(await w.writes(2), 1, "it was done once");
}
