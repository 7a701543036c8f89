export const name = "revoked_at is the time of the block, in real time and in a batch, not that of the clock on the wall";

import { chainWords, soon } from "../lib/world.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ app: "vcel", mining: "manual", yaml: chainWords(soon) });
	const at = {};
	const revoke = async (s) => {
		await w.chain.rpc("evm_increaseTime", 86400 * 3);
		const [r] = await w.revoke(7, s);
		at[w.hash(s)] = Number((await w.chain.rpc("eth_getBlockByHash", r.blockHash, false)).timestamp) * 1000;
	};
	await revoke("deep in the past");
	await w.mine(200);
	await revoke("inside the window");
	await w.start("listener");
	await w.start("batcher");
	await w.waitFor(w.whole, "the past");
	await revoke("in real time");
	await w.waitFor(async () => (await w.rows()).length === 3, "three rows");
	const rows = await w.rows();
	for (const r of rows) {
		assert.equal(r.revoked_at.getTime(), at[r.signature_hash]);
		assert.ok(r.revoked_at - r.created_at > 86400 * 1000, "the clock on the wall says something else");
	}
	assert.equal(new Set(rows.map((r) => r.revoked_at.getTime())).size, 3);
}
