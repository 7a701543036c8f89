export const name = "an entry turns to revoked when its signature is revoked, and back when the chain takes the revocation back; no other entry does";

import { chainWords, soon } from "../lib/world.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ app: "vcel", mining: "manual", fleet: ["listener", "batcher"], yaml: chainWords(soon) });
	const enter = (id, lock, s) => w.sql("INSERT INTO signature_entries (id, lock_id, signature, signature_hash, block_number) VALUES ($1, $2, $3, $4, 1)", [id, lock, s, w.hash(s)]);
	const revoked = async () => (await w.sql("SELECT id FROM signature_entries WHERE was_revoked ORDER BY id")).map((r) => r.id);
	await enter("good", "7", "s");
	await enter("twice", "7", "s");
	await enter("other lock", "8", "s");
	await enter("no lock", null, "s");
	await enter("other signature", "7", "t");
	await w.revoke(8, "u"); // registers lock 8
	await w.waitFor(w.whole, "another revocation");
	assert.deepEqual(await revoked(), []);
	const before = await w.chain.rpc("evm_snapshot");
	await w.revoke(7, "s");
	await w.waitFor(async () => (await revoked()).length === 2, "both entries");
	await w.waitFor(w.whole, "nothing to wait");
	assert.deepEqual(await revoked(), ["good", "twice"]);
	assert.equal(await w.chain.rpc("evm_revert", before), true);
	await w.chain.rpc("evm_increaseTime", 7);
	await w.mine(3);
	await w.waitFor(async () => (await revoked()).length === 0, "the entries to be good again");
}
