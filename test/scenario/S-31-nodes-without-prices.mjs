export const name = "chains and nodes without prices: legacy only; no eth_feeHistory, no eth_maxPriorityFeePerGas; each of them zero, absurd, falling: all is sent, and nothing above what anybody pays";

import { box } from "../lib/box.mjs";

const gwei = 10n ** 9n;
const absurd = `0x8${"0".repeat(63)}`;
const history = (tip) => ({ oldestBlock: "0x1", baseFeePerGas: ["0x3b9aca00", "0x3b9aca00"], gasUsedRatio: [0.5], reward: [Array(5).fill(tip)] });

export default async function (t) {
	const { assert } = t;
	const one = async (b, id) => {
		await b.put([id]);
		await b.mined(async () => (await b.items())[id] === "done", `item ${id}`);
		const raws = await b.n.raws({ from: b.signer });
		return raws[raws.length - 1];
	};
	// no gas.max in the file: nothing is believed above 10,000 gwei
	const yaml = (text) => text.replace('gas: { max: "1000 gwei" }, ', "");
	const modern = await box(t, { yaml });
	const lies = [
		["nothing is missing", []],
		["no eth_feeHistory", [{ method: "eth_feeHistory", error: { code: -32601, message: "the method eth_feeHistory does not exist" } }]],
		["neither that nor a tip", [{ method: ["eth_feeHistory", "eth_maxPriorityFeePerGas"], error: { code: -32601, message: "no such method" } }]],
		["an absurd tip", [{ method: "eth_feeHistory", result: null }, { method: "eth_maxPriorityFeePerGas", result: absurd }]],
		["a tip of zero", [{ method: "eth_feeHistory", result: {} }, { method: ["eth_maxPriorityFeePerGas", "eth_gasPrice"], result: "0x0" }]],
		["absurd rewards", [{ method: "eth_feeHistory", result: history(absurd) }]],
		["rewards of zero", [{ method: "eth_feeHistory", result: history("0x0") }]],
		["all of it an error of the node", [{ method: ["eth_feeHistory", "eth_maxPriorityFeePerGas", "eth_gasPrice"], error: { code: -32005, message: "too many requests" } }]],
	];
	await modern.mine(3);
	await modern.start("listener", "batcher", "reconciler");
	for (const [i, [what, moods]] of lies.entries()) {
		await modern.n.do({ calm: true });
		for (const mood of moods) await modern.n.do({ mood });
		const p = await modern.w.start("submitter");
		const raw = await one(modern, i + 1);
		assert.ok(BigInt(raw.tip) <= 10000n * gwei && BigInt(raw.fee) <= 10000n * gwei, `${what}: ${raw.fee}, tip ${raw.tip}`);
		assert.equal(await p.stop(), 0);
	}

	// legacy: one price, and where that is gone for a while, the last one that was heard
	const legacy = await box(t, { yaml, node: { chain: { legacy: true } } });
	await legacy.mine(3);
	await legacy.start("listener", "batcher", "submitter", "reconciler");
	assert.equal((await one(legacy, 1)).type, 0);
	await legacy.n.do({ mood: { method: "eth_gasPrice", result: absurd } });
	const raw = await one(legacy, 2);
	assert.equal(raw.type, 0);
	assert.ok(BigInt(raw.fee) <= 10000n * gwei);
	assert.deepEqual(await legacy.effects(), { 1: 1, 2: 1 });
}
