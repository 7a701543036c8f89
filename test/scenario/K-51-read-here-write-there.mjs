export const name = "K-51: one endpoint is read, another takes the transactions: raw bytes go there alone, nothing else does; while it is away they wait, the lane reads on and says so; a relay that accepts the same bytes for ever hinders no replacement";
export const limit = 120;
// S3, S4, S9

import { box } from "../lib/box.mjs";

export default async function (t) {
	const { assert } = t;
	const b = await box(t, { node: { endpoints: 2 }, yaml: (y) => y.replace("    rpc: ${RPC_URL}\n    ws: ${WS_URL}", '    rpc:\n      - { url: "${RPC_URL}", ws: "${WS_URL}", role: read }\n      - { url: "${WRITE_URL}", role: write, private: true }') });
	const { w, n } = b;
	w.env.WRITE_URL = n.endpoints[1].http;
	await b.start("listener", "batcher", "submitter", "reconciler");
	await b.put([1, 2]);
	await b.mined(async () => (await b.items())[2] === "done", "the first batch");
	const raws = (on) => n.count({ on, method: "eth_sendRawTransaction" });
	assert.equal(await raws(0), 0, "nothing leaves by the endpoint that is read");
	assert.ok((await raws(1)) > 0);
	assert.equal((await n.asked({ on: 1 })).filter((c) => c.method !== "eth_sendRawTransaction").length, 0, "nothing is read where it leaves");
	assert.ok((await n.count({ on: 0, method: "eth_getLogs" })) > 0);

	// who takes transactions is away: signed, kept, said; the rest is read on; then it leaves, the same bytes
	await n.do({ down: { on: 1 } });
	await b.put([3]);
	await w.waitFor(async () => (await b.slots()).length === 2, "it to be signed");
	await w.waitFor(async () => /takes transactions of chain main has not answered/.test((await w.health("submitter")).body), "/readyz to say it");
	const heads = await n.count({ on: 0, method: "eth_getTransactionCount" });
	await b.mined(async () => (await n.count({ on: 0, method: "eth_getTransactionCount" })) > heads, "the lane to read on");
	assert.equal(await raws(0), 0, "a private one is given up for no other");
	await n.do({ up: { on: 1 } });
	await b.mined(async () => (await b.items())[3] === "done", "the second batch");
	await w.waitFor(async () => (await w.health("submitter")).status === 200, "/readyz");
	assert.deepEqual((await b.slots())[1].kinds, ["send"]);

	// it answers each time as if it had never seen the bytes, and blocks pass them by: a higher price follows
	await b.put([4]);
	await w.waitFor(async () => (await n.do({ pool: true })).length === 1, "the transaction");
	const [{ hash }] = await n.raws({ from: b.signer, nonce: 7 });
	await n.do({ mood: { on: 1, id: "relay", method: "eth_sendRawTransaction", holding: (await w.one("SELECT encode(raw, 'hex') AS raw FROM fairlead.attempt WHERE nonce = 7")).raw, result: hash } });
	await n.do({ chain: { base_fee: 30e9 } });
	await b.mined(async () => (await b.slots())[2].kinds.length > 1, "a replacement", { pool: false }, 60000);

	// its block leaves the chain before it is final, it is mined again: one story tells both
	const mined = () => w.one("SELECT v.block FROM fairlead.verdict v JOIN fairlead.attempt a USING (hash) WHERE a.nonce = 7");
	await b.mined(mined, "its verdict");
	const { block } = await mined(), head = await n.head();
	await n.do({ reorg: { depth: head - block + 1, blocks: head - block + 2, pool: false } });
	await b.mined(async () => (await b.items())[4] === "done", "the third batch");
	const { batch } = await w.one("SELECT batch FROM fairlead.slot WHERE nonce = 7"), told = await w.run("submitter", ["--explain", String(batch)]);
	assert.match(told.text, /final: 1 item, .*, \d+ attempts signed\.[^]*Attempt 1 sent\.[^]*Replaced for price\. .* Attempt 2, same nonce: [^]*Mined\. Attempt \d is in block (\d+)[^]*Block taken back\. Block \1 left the chain[^]*Mined\. Attempt \d is in block \d+: success[^]*Final\./);
	assert.deepEqual(await b.effects(), { 1: 1, 2: 1, 3: 1, 4: 1 });
	assert.equal(await raws(0), 0);
}
