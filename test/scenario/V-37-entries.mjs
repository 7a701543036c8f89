export const name = "signature_entries: a row a verification, also of many at once, with what was found; a server that is killed leaves none without its answer's id known to be there";

import { chainWords, keys, soon } from "../lib/world.mjs";
import { need } from "../../deploy/run/npm.mjs";

const { ethers } = need("ethers");

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ app: "vcel", mining: "auto", fleet: ["listener", "batcher", "reconciler"], yaml: chainWords({ ...soon, sweep: "1h" }) });
	const signer = new ethers.Wallet(keys[1]);
	await w.revokeMany(3, 1);
	await w.waitFor(w.whole, "the chain");
	const wanted = [];
	for (let i = 0; i < 60; i++) {
		const message = `credential ${i}`, signature = await signer.signMessage(i % 3 === 2 ? "another text" : message);
		wanted.push({ message, signature, good: i % 3 !== 2 });
	}
	const answers = await Promise.all(wanted.map((q) => w.http("/api/v1/verify", { method: "POST", json: { message: q.message, signature: q.signature, lockId: "3" } })));
	const rows = new Map((await w.sql("SELECT * FROM signature_entries")).map((r) => [r.id, r]));
	assert.equal(rows.size, wanted.length, "a row each");
	answers.forEach((a, i) => {
		assert.equal(a.status, 200, a.body);
		assert.equal(a.json.verified, wanted[i].good);
		const row = rows.get(a.json.credentialId);
		assert.deepEqual([row.lock_id, row.message, row.signature, row.signature_hash], ["3", wanted[i].message, wanted[i].signature, w.hash(wanted[i].signature)]);
		assert.ok(row.timestamp instanceof Date && row.created_at instanceof Date);
	});

	// what was answered is there, whatever becomes of the server
	const ids = [];
	let killed = false;
	const asking = (async () => {
		for (let i = 0; !killed; i++) {
			try {
				const a = await w.http("/api/v1/verify", { method: "POST", json: { message: `late ${i}`, signature: wanted[0].signature, lockId: "3" } });
				if (a.status === 200) ids.push(a.json.credentialId);
			} catch {
				return; // the connection went with the server
			}
		}
	})();
	await w.waitFor(() => ids.length > 5, "some answers");
	await w.kill9("reconciler");
	killed = true;
	await asking;
	for (const id of ids) assert.ok(await w.one("SELECT 1 AS x FROM signature_entries WHERE id = $1", [id]), `entry ${id}`);
}
