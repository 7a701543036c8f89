export const name = "POST /api/v1/verify: a signature of the lock's own key is verified, one of another key or of another message is not, a revoked one is told; an unknown lock is 404; each is entered";

import { chainWords, keys, soon } from "../lib/world.mjs";
import { need } from "../../deploy/run/npm.mjs";

const { ethers } = need("ethers");

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ app: "vcel", mining: "auto", fleet: ["listener", "batcher", "reconciler"], yaml: chainWords({ ...soon, sweep: "1h" }) });
	const signer = new ethers.Wallet(keys[1]), other = new ethers.Wallet(keys[2]); // the lock's signer is the minting account
	assert.equal(signer.address, w.minting);
	await w.revokeMany(7, 1);
	await w.waitFor(w.whole, "the chain");
	const post = (json) => w.http("/api/v1/verify", { method: "POST", json });
	const entry = (id) => w.one("SELECT * FROM signature_entries WHERE id = $1", [id]);
	const message = "open the door — näher";
	const signature = await signer.signMessage(message);

	const good = await post({ message, signature, lockId: "7" });
	assert.equal(good.status, 200, good.body);
	assert.deepEqual(Object.keys(good.json).sort(), ["credentialId", "error", "timestamp", "verified"]);
	assert.deepEqual([good.json.verified, good.json.error], [true, null]);
	const row = await entry(good.json.credentialId);
	assert.deepEqual([row.lock_id, row.signature, row.signature_hash, row.message, row.was_revoked], ["7", signature, w.hash(signature), message, false]);
	assert.equal(row.owner.toLowerCase(), w.minting.toLowerCase());
	assert.ok(row.block_number > 0);

	// of another key, of another message, of nobody
	const r = ethers.Signature.from(signature);
	const bad = [
		{ message, signature: await other.signMessage(message), lockId: "7" },
		{ message: `${message}!`, signature, lockId: "7" },
		{ message, signature: `0x${"00".repeat(65)}`, lockId: "7" },
		{ message, signature: `${signature.slice(0, -2)}1d`, lockId: "7" },
	];
	for (const q of bad) {
		const a = await post(q);
		assert.deepEqual([a.status, a.json.verified, a.json.error], [200, false, "Bad signature"], JSON.stringify(q));
		assert.ok(await entry(a.json.credentialId));
	}
	// v as 0 and 1 is the same signature
	const plain = ethers.concat([r.r, r.s, ethers.toBeHex(r.yParity, 1)]);
	assert.equal((await post({ message, signature: plain, lockId: "7" })).json.verified, true);

	// revoked by its text
	await w.revoke(7, signature);
	await w.waitFor(w.whole, "the revocation");
	assert.equal((await entry(good.json.credentialId)).was_revoked, true, "what was entered before is marked");
	const revoked = await post({ message, signature, lockId: "7" });
	assert.deepEqual([revoked.status, revoked.json.verified, revoked.json.error], [200, false, "Revoked"]);
	assert.equal((await entry(revoked.json.credentialId)).was_revoked, true);

	// an unknown lock; and what is no question
	const entries = async () => (await w.one("SELECT count(*) AS n FROM signature_entries")).n;
	const n = await entries();
	const unknown = await post({ message, signature, lockId: "4711" });
	assert.deepEqual([unknown.status, unknown.json.verified, unknown.json.error], [404, false, "Unknown lock"]);
	for (const q of [{ message, lockId: "7" }, { message, signature: signature.slice(0, -2), lockId: "7" }, { message, signature, lockId: "-1" }, { message, signature, lockId: "seven" }])
		assert.equal((await post(q)).status, 400, JSON.stringify(q));
	assert.equal(await entries(), n, "nothing is entered of these");

	// the chain away
	w.node.on("eth_call", () => {
		throw Object.assign(new Error("busy"), { code: -32000 });
	});
	const away = await post({ message, signature, lockId: "7" });
	assert.equal(away.status, 503, away.body);
	assert.equal(await entries(), n);
}
