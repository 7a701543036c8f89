// A long chain behind a scripted node (t.world({ chain: "scripted" })): ten thousand blocks are there at once, where a dev chain
// needs minutes to mine them. It only grows, and knows logs, headers and no transactions.
//
//   const chain = longChain(w, 10000, { 17: [{ topics, data }], … })   blocks 0..n-1 and their logs (of w.address)
//   chain.mine([{ topics, data }])                                     one block more
//   w.head() is its head
import { need } from "../../deploy/run/npm.mjs";
import { RpcError } from "./node.mjs";

const { ethers } = need("ethers");
const q = ethers.toQuantity;
const zero = ethers.ZeroHash;
const hashOf = (what, n) => ethers.id(`${what} ${n}`);

// Yellow Paper 4.3.1: three bits for the address and each topic.
function bloomOf(logs) {
	const bloom = new Uint8Array(256);
	for (const x of logs.flatMap((l) => [l.address, ...l.topics])) {
		const h = ethers.getBytes(ethers.keccak256(x));
		for (const i of [0, 2, 4]) {
			const bit = ((h[i] << 8) | h[i + 1]) & 2047;
			bloom[255 - (bit >> 3)] |= 1 << (bit & 7);
		}
	}
	return ethers.hexlify(bloom);
}

export function longChain(w, n, logs = {}) {
	const from = Math.floor(Date.now() / 1000) - 12 * n;
	const empty = bloomOf([]);
	const at = new Map(); // logs by height
	const byHash = new Map();
	let blocks = 0;
	const grow = (list = []) => {
		const b = blocks++;
		byHash.set(hashOf("block", b), b);
		if (list.length) at.set(b, list.map((l, i) => ({ address: w.address.toLowerCase(), data: "0x", ...l, blockNumber: q(b), blockHash: hashOf("block", b), transactionHash: hashOf(`transaction ${b}`, i), transactionIndex: q(i), logIndex: q(i), removed: false })));
	};
	for (let b = 0; b < n; b++) grow(logs[b]);
	const header = (b) => (b === undefined || b >= blocks ? null : {
		number: q(b), hash: hashOf("block", b), parentHash: b ? hashOf("block", b - 1) : zero, timestamp: q(from + 12 * b), logsBloom: at.has(b) ? bloomOf(at.get(b)) : empty,
		sha3Uncles: zero, transactionsRoot: zero, stateRoot: zero, receiptsRoot: zero, miner: ethers.ZeroAddress, difficulty: "0x0", extraData: "0x", size: "0x200", gasLimit: "0x1c9c380",
		gasUsed: "0x0", mixHash: zero, nonce: "0x0000000000000000", baseFeePerGas: "0x1", uncles: [], transactions: (at.get(b) ?? []).map((l) => l.transactionHash),
	});
	const height = (tag) => (/^0x/.test(tag) ? Number(tag) : tag === "earliest" ? 0 : Math.max(0, blocks - 1 - ({ safe: 32, finalized: 64 }[tag] ?? 0)));
	const fits = (filter) => (l) => [filter.address ?? []].flat().map((a) => a.toLowerCase()).includes(l.address) && (filter.topics ?? []).every((t, i) => t === null || [t].flat().length === 0 || [t].flat().includes(l.topics[i]));
	const answers = {
		eth_chainId: () => q(31337),
		eth_blockNumber: () => q(blocks - 1),
		eth_getBlockByNumber: ([tag]) => header(height(tag)),
		eth_getBlockByHash: ([hash]) => header(byHash.get(hash)),
		eth_getLogs: ([f]) => {
			if (f.blockHash && !byHash.has(f.blockHash)) throw new RpcError(-32000, "unknown block");
			const [a, b] = f.blockHash ? [byHash.get(f.blockHash), byHash.get(f.blockHash)] : [height(f.fromBlock), height(f.toBlock)];
			return [...at].filter(([h]) => h >= a && h <= b).flatMap(([, list]) => list.filter(fits(f)));
		},
	};
	for (const [method, fn] of Object.entries(answers)) w.node.on(method, (call) => fn(call.params ?? []));
	w.head = async () => blocks - 1;
	return { mine: grow };
}
