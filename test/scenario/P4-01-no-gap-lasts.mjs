export const name = "P4: nonces evicted below others: the gap closes with the same bytes, each item is done once";

import { box } from "../lib/box.mjs";

export default async function (t) {
	const { assert } = t;
	const b = await box(t, { yaml: (y) => y.replace("max: 2, wait: 20ms", "max: 1, wait: 20ms") });
	const { w, n } = b;
	await b.start("listener", "batcher", "submitter", "reconciler");
	const open = async () => (await w.one("SELECT count(*) AS n FROM fairlead.slot WHERE closed IS NULL")).n;
	const closed = (n) => b.mined(async () => (await open()) === 0 && (await w.one("SELECT count(*) AS n FROM fairlead.slot")).n === n, `${n} slots to be closed`);
	const pooled = (k) => w.waitFor(async () => (await n.do({ pool: true })).length === k, `${k} transactions in the pool`);

	// evict the lowest, and one in the middle: what is above waits for them
	await b.put([1, 2, 3, 4, 5]);
	await pooled(5);
	const first = await n.raws({ from: b.signer });
	assert.equal(await n.do({ evict: { from: b.signer, nonce: 5 } }), 1);
	assert.equal(await n.do({ evict: { from: b.signer, nonce: 8 } }), 1);
	await closed(5);
	for (const nonce of [5, 6, 7, 8, 9]) {
		const raws = await n.raws({ from: b.signer, nonce });
		assert.deepEqual(new Set(raws.map((r) => r.hash)), new Set([first.find((r) => r.nonce === nonce).hash]), `nonce ${nonce}: the same bytes`);
		if (nonce === 5 || nonce === 8) assert.ok(raws.length > 1);
	}
	assert.ok((await b.slots()).every((s) => s.closed === "done" && s.kinds.length === 1));

	for (let id = 1; id <= 5; id++) assert.equal((await b.effects())[id], 1, `item ${id}`);
}
