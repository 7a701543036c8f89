export const name = "GET …/lock/{lockId}/revocations: the exact keys, in the order of the chain, each as it stands on it; total is how many there are";

import { chainWords, soon } from "../lib/world.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ app: "vcel", mining: "manual", fleet: ["listener", "batcher", "reconciler"], yaml: chainWords(soon) });
	const receipts = [];
	for (const s of ["one", "two", "three"]) receipts.push((await w.revoke(7, s))[0]);
	await w.revoke(8, "elsewhere");
	await w.waitFor(async () => (await w.rows()).length === 4, "four rows");
	const r = await w.http("/api/v1/monitor/lock/7/revocations");
	assert.equal(r.status, 200, r.body);
	assert.deepEqual(Object.keys(r.json), ["lockId", "total", "timestamp", "revocations"]);
	assert.deepEqual([r.json.lockId, r.json.total, r.json.revocations.length], ["7", 3, 3]);
	for (const [i, s] of ["one", "two", "three"].entries()) {
		const x = r.json.revocations[i];
		const block = await w.chain.rpc("eth_getBlockByNumber", receipts[i].blockNumber, false);
		assert.deepEqual(x, { signatureHash: w.hash(s), revokedBy: w.minting.toLowerCase(), revokedAt: new Date(Number(block.timestamp) * 1000).toISOString(), blockNumber: receipts[i].block, transactionHash: receipts[i].transactionHash });
	}
	assert.deepEqual((await w.http("/api/v1/monitor/lock/9/revocations")).json.revocations, []);
}
