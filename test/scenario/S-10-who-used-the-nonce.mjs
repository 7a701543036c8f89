export const name = "S2, INV-6: a nonce used by a stranger's EIP-7702 authorization, by a CREATE in delegated code, by another transaction of the key, by a deposit: proved by a final block, noted, its items done once";

import { box } from "../lib/box.mjs";

export default async function (t) {
	const { assert } = t;
	const b = await box(t);
	const { w, n } = b;
	await b.start("listener", "batcher", "submitter", "reconciler");
	let nonce = 5;
	const stranger = `0x${"99".repeat(20)}`;
	const cases = [
		["authorization", async (at) => b.mine(1, { pool: false, txs: [{ key: "auth", type: 4, from: stranger, to: stranger, auths: [await b.authorize(at)], moves: [b.signer] }] })],
		["deposit", () => b.mine(1, { pool: false, txs: [{ key: "deposit", type: 126, from: b.signer, to: stranger, moves: [b.signer] }] })],
		["transaction", async (at) => b.send({ nonce: at, value: 1n }).then(() => b.mine(1))],
		["delegated", async () => {
			await n.do({ account: { address: b.signer, code: `0xef0100${"63".repeat(20)}` } });
			return b.mine(1, { pool: false, txs: [{ key: "create", from: stranger, to: b.signer, moves: [b.signer] }] });
		}],
	];
	for (const [i, [kind, consume]] of cases.entries()) {
		const ids = [10 * i + 1, 10 * i + 2];
		await b.put(ids);
		await w.waitFor(async () => (await n.raws({ from: b.signer, nonce })).length > 0, `${kind}: the batch to leave with nonce ${nonce}`);
		await consume(nonce);
		assert.equal(await b.count(), nonce + 1);
		assert.deepEqual((await b.slots()).at(-1).closed, null);
		await b.mined(async () => (await b.slots()).find((s) => s.nonce === nonce)?.closed === "foreign", `${kind}: the slot to be closed`, { pool: false });
		const [row] = await w.sql("SELECT kind, encode(tx, 'hex') AS tx, block FROM fairlead.consumed WHERE nonce = $1", [nonce]);
		assert.equal(row.kind, kind);
		const { batch } = await w.one("SELECT batch FROM fairlead.slot WHERE nonce = $1", [nonce]), told = await w.run("submitter", ["--explain", String(batch)]);
		assert.match(told.text, /Nonce used elsewhere\. /);
		assert.equal(row.tx === null, kind === "delegated");
		assert.ok((await w.one("SELECT final FROM fairlead.chain")).final >= row.block, "nothing acts before finality");
		await b.mined(async () => (await b.items())[ids[0]] === "done", `${kind}: the items to be done`);
		nonce = await b.count();
	}
	const effects = await b.effects();
	for (const i of cases.keys()) for (const id of [10 * i + 1, 10 * i + 2]) assert.equal(effects[id], 1, `item ${id}`);
	assert.equal(w.lines("submitter", "batch.foreign").length, cases.length);
	assert.equal(w.lines("submitter", "lane.halted").length, 0);
	assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.slot WHERE closed IS NULL")).n, 0);
}
