export const name = "one revocation is one row, {lockId}-{signatureHash}: told many times, read by both sources, announced again by another transaction";

import { chainWords } from "../lib/world.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ app: "vcel", rpc: "ws", mining: "manual", fleet: ["listener", "batcher"], yaml: chainWords({ sweep: "1s" }) });
	w.node.push((m) => (m.method === "eth_subscription" ? [m, m, m] : m)); // each message three times
	const [first] = await w.revoke(12345, "a signature");
	await w.waitFor(async () => (await w.rows()).length === 1, "the revocation");
	const done = w.said(/^Batch sync complete/).length;
	await w.waitFor(() => w.said(/^Batch sync complete/).length >= done + 2, "the interval to be read again");
	assert.equal((await w.one("SELECT count(*) AS n FROM accesscontrol.signature_revoked")).n, 1);
	const [row] = await w.rows();
	assert.equal(row.id, `12345-${w.hash("a signature")}`);

	// another event of the same key, and the same signature of another lock
	await w.announce(12345, "a signature");
	await w.revoke(6, "a signature");
	await w.waitFor(w.whole, "both to be applied");
	assert.equal((await w.one("SELECT count(*) AS n FROM accesscontrol.signature_revoked")).n, 3);
	const rows = await w.rows();
	assert.deepEqual(rows.map((r) => r.id).sort(), [`12345-${w.hash("a signature")}`, `6-${w.hash("a signature")}`]);
	assert.deepEqual(rows.find((r) => r.lock_id === "12345"), row, "the first stays as it was");
	assert.equal(row.transaction_hash, first.transactionHash);
	assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.dead")).n, 0);
}
