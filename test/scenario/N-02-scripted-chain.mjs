export const name = "the scripted node's chain: parents, roots, blooms and hashes are true; filters, reorgs, branches";

import { need } from "../../deploy/run/npm.mjs";
import { scriptedNode, nodeBin } from "../lib/scripted.mjs";

const { ethers } = need("ethers");
const { concat, keccak256, encodeRlp, toBeArray, toQuantity, getBytes, hexlify } = ethers;
const num = (x) => (BigInt(x) === 0n ? "0x" : hexlify(toBeArray(BigInt(x))));
const A = "0x5FbDB2315678afecb367f032d93F642f64180aa3".toLowerCase();
const B = "0x00000000000000000000000000000000000000b0";

// The root of a list's trie, written here once more: the node's comes from the code that is under test elsewhere.
const nibbles = (hex) => [...hex.slice(2)].map((c) => parseInt(c, 16));
function path(n, leaf) {
	const flag = (leaf ? 2 : 0) + (n.length & 1);
	return `0x${[flag, ...(n.length & 1 ? [] : [0]), ...n].map((x) => x.toString(16)).join("")}`;
}
function nodeOf(list, depth) {
	if (list.length === 1) return [path(list[0].key.slice(depth), true), list[0].value];
	let same = depth;
	while (list.every((l) => l.key[same] === list[0].key[same])) same++;
	if (same > depth) return [path(list[0].key.slice(depth, same), false), childOf(list, same)];
	return [...Array.from({ length: 16 }, (_, i) => list.filter((l) => l.key[depth] === i)).map((l) => (l.length ? childOf(l, depth + 1) : "0x")), "0x"];
}
function childOf(list, depth) {
	const node = nodeOf(list, depth);
	const rlp = encodeRlp(node);
	return rlp.length < 66 ? node : keccak256(rlp);
}
const listRoot = (items) => keccak256(items.length ? encodeRlp(nodeOf(items.map((value, i) => ({ key: nibbles(encodeRlp(num(i))), value })), 0)) : "0x80");

function bloomOf(logs) {
	const bloom = new Uint8Array(256);
	for (const l of logs)
		for (const x of [l.address, ...l.topics]) {
			const h = getBytes(keccak256(x));
			for (let i = 0; i < 6; i += 2) {
				const bit = ((h[i] << 8) | h[i + 1]) & 2047;
				bloom[255 - (bit >> 3)] |= 1 << (bit & 7);
			}
		}
	return hexlify(bloom);
}
function receiptBytes(r) {
	const deposit = r.type === "0x7e" ? [num(r.depositNonce), num(r.depositReceiptVersion)] : [];
	const rlp = encodeRlp([num(r.status), num(r.cumulativeGasUsed), r.logsBloom, r.logs.map((l) => [l.address, l.topics, l.data]), ...deposit]);
	return r.type === "0x0" ? rlp : concat([toBeArray(BigInt(r.type)), rlp]);
}
function txBytes(x) {
	const type = Number(x.type);
	const fees = type < 2 ? [num(x.gasPrice)] : [num(x.maxPriorityFeePerGas ?? 0), num(x.maxFeePerGas ?? 0)];
	const body = [num(x.nonce), ...fees, num(x.gas), x.to ?? "0x", num(x.value), x.input];
	const sig = [num(x.r ?? 0), num(x.s ?? 0)];
	if (type === 0) return encodeRlp([...body, num(x.v), ...sig]);
	const payload = type === 126 ? [x.sourceHash, x.from, x.to, "0x", num(x.value), num(x.gas), "0x", x.input] : [num(x.chainId), ...body, [], ...(type === 3 ? ["0x01", []] : type === 4 ? [[]] : []), num(x.yParity), ...sig];
	return concat([toBeArray(BigInt(type)), encodeRlp(payload)]);
}
const headerHash = (h) => keccak256(encodeRlp([h.parentHash, h.sha3Uncles, h.miner, h.stateRoot, h.transactionsRoot, h.receiptsRoot, h.logsBloom, num(h.difficulty), num(h.number), num(h.gasLimit), num(h.gasUsed), num(h.timestamp), h.extraData, h.mixHash, h.nonce, ...(h.baseFeePerGas ? [num(h.baseFeePerGas)] : [])]));

async function consistent(n, assert, on = 0) {
	const head = Number(await n.rpc("eth_blockNumber", [], on));
	let parent, all = [];
	for (let i = 0; i <= head; i++) {
		const h = await n.rpc("eth_getBlockByNumber", [toQuantity(i), true], on);
		const receipts = await n.rpc("eth_getBlockReceipts", [h.hash], on);
		const logs = receipts.flatMap((r) => r.logs);
		assert.equal(h.hash, headerHash(h), `the hash of block ${i}`);
		if (parent) assert.equal(h.parentHash, parent.hash);
		if (parent) assert.ok(BigInt(h.timestamp) > BigInt(parent.timestamp));
		assert.equal(h.receiptsRoot, listRoot(receipts.map(receiptBytes)), `the receipts root of block ${i}`);
		assert.equal(h.transactionsRoot, listRoot(h.transactions.map(txBytes)), `the transactions root of block ${i}`);
		h.transactions.forEach((x) => assert.equal(x.hash, keccak256(txBytes(x))));
		assert.equal(h.logsBloom, bloomOf(logs));
		for (const r of receipts) assert.equal(r.logsBloom, bloomOf(r.logs));
		logs.forEach((l, k) => assert.deepEqual([Number(l.logIndex), l.blockHash, Number(l.blockNumber), l.blockTimestamp, l.removed], [k, h.hash, i, h.timestamp, false]));
		assert.deepEqual(await n.rpc("eth_getLogs", [{ blockHash: h.hash }], on), logs);
		all.push(...logs);
		parent = h;
	}
	assert.deepEqual(await n.rpc("eth_getLogs", [{ fromBlock: "0x0", toBlock: "latest" }], on), all);
	return all;
}

const shapes = [
	{ shape: { name: "reveal", address: A, event: "TokenRevealed(uint256 indexed tokenId)", args: { tokenId: { seq: 1 } } } },
	{ shape: { name: "moved", address: [A, B], event: "Moved(address indexed from, bytes32 indexed what, string text, uint8[] list)" } },
	{ shape: { name: "raw", address: B, topics: [], data: "0xdeadbeef" } },
];
const logs = [{ shape: "reveal", count: [0, 5], per_tx: 2 }, { shape: "moved", count: 3, chance: 0.5 }, { shape: "raw", count: 1, every: 3 }];

export default async function (t) {
	const { assert } = t;
	const n = await scriptedNode({ t, seed: 7, endpoints: 2 });
	await n.do(shapes);
	await n.do({ mine: { blocks: 12, logs } });
	await n.do({ mine: { blocks: 1, logs: { shape: "reveal", count: 300, per_tx: 1 } } }); // a trie with long keys
	const all = await consistent(n, assert);

	// the same seed and commands: the same chain; another seed: another
	const twin = await scriptedNode({ t, seed: 7 });
	await twin.do([...shapes, { mine: { blocks: 12, logs } }, { mine: { blocks: 1, logs: { shape: "reveal", count: 300, per_tx: 1 } } }]);
	const [one, two] = [await n.do({ heads: true }), await twin.do({ heads: true })];
	assert.deepEqual(one, two);
	const other = await scriptedNode({ t, seed: 8 });
	assert.notEqual((await other.rpc("eth_getBlockByNumber", ["0x0", false])).hash, (await n.rpc("eth_getBlockByNumber", ["0x0", false])).hash);

	// filters, against the same done by hand
	const reveal = ethers.id("TokenRevealed(uint256)");
	const moved = ethers.id("Moved(address,bytes32,string,uint8[])");
	const ids = all.filter((l) => l.topics[0] === reveal).map((l) => Number(l.topics[1]));
	assert.deepEqual(ids, ids.map((_, i) => i + 1), "seq counts on");
	const iface = new ethers.Interface(["event Moved(address indexed from, bytes32 indexed what, string text, uint8[] list)"]);
	for (const l of all.filter((l) => l.topics[0] === moved)) assert.ok(iface.parseLog(l).args.text.length >= 0);
	const ask = (f) => n.rpc("eth_getLogs", [{ fromBlock: "0x0", toBlock: "latest", ...f }]);
	const pick = all.find((l) => l.topics[0] === moved);
	const cases = [
		[{ address: A }, (l) => l.address === A],
		[{ address: [A, B] }, () => true],
		[{ address: [] }, () => true],
		[{ topics: [reveal] }, (l) => l.topics[0] === reveal],
		[{ topics: [[reveal, moved]] }, (l) => l.topics[0] === reveal || l.topics[0] === moved],
		[{ topics: [null, pick.topics[1]] }, (l) => l.topics[1] === pick.topics[1]],
		[{ topics: [moved, null, [pick.topics[2], reveal]] }, (l) => l.topics[0] === moved && l.topics[2] === pick.topics[2]],
		[{ topics: [null, null, null, null] }, (l) => l.topics.length === 4],
		[{ fromBlock: "0x3", toBlock: "0x5" }, (l) => Number(l.blockNumber) >= 3 && Number(l.blockNumber) <= 5],
		[{ fromBlock: "earliest", toBlock: "0xffff" }, () => true],
		[{ fromBlock: "0x1000", toBlock: "0x2000" }, () => false],
	];
	for (const [f, keep] of cases) assert.deepEqual(await ask(f), all.filter(keep), JSON.stringify(f));
	await assert.rejects(ask({ blockHash: pick.blockHash }), /cannot specify both/);
	await assert.rejects(ask({ fromBlock: "0x5", toBlock: "0x3" }), /invalid block range/);
	await assert.rejects(n.rpc("eth_getLogs", [{ blockHash: ethers.ZeroHash }]), { code: -32000, message: "unknown block" });

	// reorgs: each way to take transactions back in
	const of = (list, depth, head) => list.filter((l) => Number(l.blockNumber) > head - depth);
	for (const keep of ["none", "all", "shift", "other"]) {
		await n.do({ mine: { blocks: 4, logs: { shape: "moved", count: 5 } } });
		const head = await n.head();
		const before = of(await ask({}), 3, head);
		const old = await n.rpc("eth_getBlockByNumber", [toQuantity(head), false]);
		await n.do({ reorg: { depth: 3, blocks: 5, keep } });
		assert.equal(await n.head(), head + 2);
		const now = of(await consistent(n, assert), 3, head);
		assert.equal((await n.rpc("eth_getBlockByHash", [old.hash, false])).hash, old.hash, "a block that is gone is known by its hash");
		assert.equal((await n.rpc("eth_getLogs", [{ blockHash: old.hash }])).length, 5);
		const hashes = (list) => new Set(list.map((l) => l.transactionHash));
		const content = (list) => list.map((l) => [l.address, l.topics, l.data, l.transactionHash]);
		if (keep === "none") assert.equal(now.length, 0);
		else assert.deepEqual([...hashes(now)].sort(), [...hashes(before)].sort());
		if (keep === "all") assert.deepEqual(now.map((l) => l.blockNumber), before.map((l) => l.blockNumber));
		if (keep === "all" || keep === "shift") assert.deepEqual(content(now).sort(), content(before).sort());
		if (keep === "shift") assert.ok(now.every((l) => Number(l.blockNumber) > head - 2));
		if (keep === "other") assert.notDeepEqual(content(now).sort(), content(before).sort());
		assert.notEqual(now[0]?.blockHash, before[0].blockHash);
	}
	const high = await n.head();
	await n.do({ shorten: 2 });
	assert.equal(await n.head(), high - 2);
	// the same transaction by its key, with other logs, and failing
	await n.do({ mine: { txs: [{ key: "k", logs: [{ shape: "raw" }] }] } });
	const first = (await ask({})).at(-1);
	await n.do({ reorg: { depth: 1, blocks: 1, txs: [{ key: "k", ok: false }] } });
	assert.equal((await n.rpc("eth_getTransactionReceipt", [first.transactionHash])).status, "0x0");

	// endpoints that disagree
	await n.do({ fork: { name: "b", depth: 2 }, set: { on: 1, branch: "b" } });
	await n.do({ mine: { branch: "b", blocks: 3, logs } });
	assert.equal(Number(await n.rpc("eth_blockNumber", [], 1)), (await n.head()) + 1);
	await consistent(n, assert, 1);
	await n.do({ set: { on: 1, branch: "main", lag: 3, finalized: 5, safe: 2 } });
	const lagging = async (tag) => Number((await n.rpc("eth_getBlockByNumber", [tag, false], 1)).number);
	const head = await n.head();
	assert.deepEqual([await lagging("latest"), await lagging("safe"), await lagging("finalized"), await lagging("earliest")], [head - 3, head - 5, head - 8, 0]);
	assert.equal(await n.rpc("eth_getBlockByNumber", [toQuantity(head), false], 1), null);
	await n.do({ set: { on: 1, lag: [0, 3], beyond: "error" } }); // two machines behind one address
	const seen = new Set();
	for (let i = 0; i < 4; i++) seen.add(Number(await n.rpc("eth_blockNumber", [], 1)));
	assert.deepEqual([...seen].sort((a, b) => a - b), [head - 3, head]);
	await n.do({ set: { on: 1, chain_id: 5, genesis: ethers.id("other"), lag: 0 } });
	assert.equal(await n.rpc("eth_chainId", [], 1), "0x5");
	assert.equal((await n.rpc("eth_getBlockByNumber", ["0x0", false], 1)).hash, ethers.id("other"));

	// every kind of transaction and receipt
	const kinds = await scriptedNode({ t, seed: 2, chain: { types: [0, 1, 2, 3, 4, 126] } });
	await kinds.do([...shapes, { mine: { blocks: 6, logs: { shape: "reveal", count: 20, per_tx: 1 } } }]);
	await consistent(kinds, assert);
	const types = (await kinds.rpc("eth_getBlockReceipts", ["latest"])).map((r) => Number(r.type));
	assert.deepEqual([...new Set(types)].sort((a, b) => a - b), [0, 1, 2, 3, 4, 126]);

	// a chain whose log indices are of the transaction
	const own = await scriptedNode({ t, chain: { index_per_tx: true } });
	await own.do([...shapes, { mine: { logs: { shape: "reveal", count: 6, per_tx: 2 } } }]);
	assert.deepEqual((await own.rpc("eth_getLogs", [{ fromBlock: "0x1" }])).map((l) => Number(l.logIndex)), [0, 1, 0, 1, 0, 1]);

	// a chain without a base fee
	const legacy = await scriptedNode({ t, chain: { legacy: true, step: 2 } });
	await legacy.mine(2);
	const h = await legacy.rpc("eth_getBlockByNumber", ["0x2", false]);
	assert.equal(h.baseFeePerGas, undefined);
	assert.equal(h.hash, headerHash(h));
	t.note(`${all.length} logs, ${nodeBin().includes("asan") ? "asan" : "release"}`);
}
