export const name = "within: a cheap batch waits while base fees stand high, and says so; an urgent one passes it; when the market has fallen it goes by itself; a restart keeps what a node taught";

import { box } from "../lib/box.mjs";

export default async function (t) {
	const { assert } = t;
	const b = await box(t, {
		yaml: (text) =>
			text
				.replace("      - event Put(uint256 indexed id)", "      - event Put(uint256 indexed id)\n      - event Now(uint256 indexed id)")
				.replace("batches:", 'batches:\n  now: { key: id, max: 2, wait: 20ms, within: 12s, send: "Box.act(id[])", signer: owner }')
				.replace("act: { key: id,", "act: { key: id, within: cheap,")
				.concat("  - on: Box.Now\n    batch: now\n"),
	});
	const { w, n } = b;
	const status = async () => JSON.parse((await w.health("submitter", "/status")).body).signers[0];
	const now = (id) => n.mine(1, { pool: false, txs: [{ key: `now ${id}`, to: b.address, logs: [{ address: b.address, event: "Now(uint256 indexed id)", args: { id } }] }] });
	await n.do({ chain: { base_fee: 10e9 } });
	await b.mine(40);
	await n.do({ chain: { base_fee: 60e9 } });
	await b.mine(3);
	await b.start("listener", "batcher", "submitter", "reconciler");
	await b.put([1, 2]);
	await w.waitFor(async () => (await status()).waits_for_price === 1, "the cheap batch to wait");
	await now(7);
	await b.mined(async () => (await b.items())[7] === "done", "the urgent one");
	assert.equal((await b.items())[1], "batched");
	assert.equal((await n.raws({ from: b.signer })).length, 1);
	assert.equal((await status()).waits_for_price, 1);
	assert.equal((await w.health("submitter", "/readyz")).status, 200, "waiting for a better price is nothing that is wrong");
	await n.do({ chain: { base_fee: 10e9 } });
	await b.mined(async () => (await b.items())[1] === "done" && (await b.items())[2] === "done", "the cheap ones");
	assert.deepEqual(await b.effects(), { 1: 1, 2: 1, 7: 1 });
	assert.equal((await status()).waits_for_price, 0);

	// the node wants a higher tip than was offered; another process knows it
	await n.do({ mood: { method: "eth_sendRawTransaction", times: 1, error: { code: -32000, message: "transaction underpriced" } } });
	await now(8);
	await b.mined(async () => (await b.items())[8] === "done", "what the node refused at first");
	assert.equal((await w.heard("submitter", "price.learned")).length, 1);
	const tip = async (id) => BigInt((await w.one("SELECT a.tip FROM fairlead.attempt a JOIN fairlead.attempt_item x USING (hash) JOIN fairlead.item i ON i.id = x.item WHERE i.key = $1 AND a.n = 1", [String(id)])).tip);
	await w.waitFor(async () => (await w.sql("SELECT FROM fairlead.price WHERE floor > 0")).length === 1, "it to be stored");
	await w.stop("submitter");
	await b.start("submitter");
	await now(9);
	await b.mined(async () => (await b.items())[9] === "done", "the next");
	assert.ok((await tip(9)) >= 2n * (await tip(8)), `${await tip(8)} was too little, ${await tip(9)} was offered then`);
}
