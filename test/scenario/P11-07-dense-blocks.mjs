export const name = "single blocks that hold more logs than an endpoint ever gives at once: read by address and topic, else by receipts whose root is the header's";

import { liars } from "../lib/lies.mjs";

export default async function (t) {
	const { assert } = t;
	const other = "0x00000000000000000000000000000000000000aa";
	const w = await liars(t, { words: "    window: 16\n    final: 4\n    range: 20", more: `  Two:\n    chain: net\n    address: "${other}"\n    start: 1\n    abi:\n      - event Put(uint256 indexed id, bytes32 what)\n` });
	const n = w.scripted;
	await n.event("two", other, "Put(uint256 indexed id, bytes32 what)", { id: { seq: 1 } });
	const same = async () => (await w.agrees()) && (await w.one("SELECT count(*)::int AS n FROM two.put")).n === (await n.rpc("eth_getLogs", [{ fromBlock: "0x1", toBlock: "latest", address: other }])).length;
	const dense = async () => {
		await w.blocks(30, { logs: [{ shape: "put", count: 3 }, { shape: "two", count: 3 }] });
		await w.blocks(2, { logs: [{ shape: "put", count: 70, per_tx: 7 }, { shape: "two", count: 70, per_tx: 7 }] });
		await w.blocks(10);
		await w.blocks(1, { logs: [{ shape: "put", count: 200, per_tx: 7 }, { shape: "two", count: 5 }] });
		await w.blocks(30, { logs: { shape: "two", count: 2 } });
	};
	await dense();
	const truth = w.agrees;
	const all = await n.rpc("eth_getLogs", [{ fromBlock: "0x1", toBlock: "latest", address: w.address }]);
	assert.equal(all.length, 30 * 3 + 140 + 30 + 200);
	await n.do({ limit: { on: 1, results: 100 } });
	await n.do({ down: { on: 0 } });
	await w.begin();
	await w.waitFor(w.done, "the whole chain", 20000);
	const receipts = await n.count({ method: "eth_getBlockReceipts", on: 1 });
	assert.ok(receipts >= 1, "the densest is read by its receipts");
	await n.do({ up: { on: 0 } });
	await w.waitFor(same, "what is read is what the chain holds", 8000);
	assert.ok(await truth());

	// the same inside the window, and at the head
	await n.do({ down: { on: 0 } });
	await w.blocks(1, { logs: { shape: "put", count: 150, per_tx: 7 } });
	await w.waitFor(w.done, "a dense block at the head", 8000);
	await w.blocks(3, { logs: { shape: "put", count: 150, per_tx: 7 } });
	await w.waitFor(w.done, "three of them", 8000);
	await n.do({ up: { on: 0 } });
	await w.waitFor(same, "what is read is what the chain holds", 8000);
	assert.deepEqual(w.lied(w.reader), []);
	t.note(`${receipts} blocks of the history by receipts`);
}
