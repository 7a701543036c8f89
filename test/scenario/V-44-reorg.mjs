export const name = "a revocation whose block is orphaned is no revocation: its row goes, the counters are right again; the same transaction elsewhere brings it back";

import { chainWords, soon } from "../lib/world.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ app: "vcel", mining: "manual", fleet: ["listener", "batcher"], yaml: chainWords(soon) });
	await w.revoke(7, "stays");
	await w.waitFor(w.whole, "the one that stays");
	const before = await w.chain.rpc("evm_snapshot");
	const [gone] = await w.revoke(7, "goes");
	await w.waitFor(async () => (await w.rows()).length === 2, "both rows");
	const full = await w.source();
	assert.equal(full.live + full.swept, 2);
	const raw = await w.chain.rpc("eth_getRawTransactionByHash", gone.transactionHash);

	const branch = async (raws, blocks) => {
		assert.equal(await w.chain.rpc("evm_revert", before), true);
		await w.chain.rpc("evm_increaseTime", 7);
		await w.mine();
		for (const r of raws) await w.chain.rpc("eth_sendRawTransaction", r);
		await w.mine(blocks);
	};
	await branch([], 2);
	await w.waitFor(async () => (await w.rows()).length === 1, "the row to go");
	assert.equal((await w.rows())[0].signature_hash, w.hash("stays"));
	const less = await w.source();
	assert.equal(less.live + less.swept, 1, "the counters are corrected");
	assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.retraction")).n, 1);

	await w.chain.rpc("eth_sendRawTransaction", raw);
	await w.mine();
	await w.waitFor(async () => (await w.rows()).length === 2, "the row to be back");
	const row = (await w.rows()).at(-1);
	assert.deepEqual([row.transaction_hash, row.block_number > gone.block], [gone.transactionHash, true]);
	const last = await w.source();
	assert.equal(last.live + last.swept, 2);
}
