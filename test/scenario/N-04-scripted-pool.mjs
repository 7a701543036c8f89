export const name = "the scripted node's pool: replacement rules and words of several clients, effects, reorgs that give back";

import { need } from "../../deploy/run/npm.mjs";
import { post, scriptedNode } from "../lib/scripted.mjs";

const { ethers } = need("ethers");
const { createPublicClient, http, parseAbi } = need("viem");
const gwei = 10n ** 9n;
const A = "0x5fbdb2315678afecb367f032d93f642f64180aa3";
const key = `0x${"11".repeat(32)}`;

export default async function (t) {
	const { assert } = t;
	const wallet = new ethers.Wallet(key);
	const from = wallet.address.toLowerCase();
	const sign = (nonce, more = {}) => wallet.signTransaction({ type: 2, chainId: 31337, nonce, to: A, gasLimit: 100000, maxFeePerGas: 10n * gwei, maxPriorityFeePerGas: gwei, ...more });
	const fresh = (pool, more = {}) => scriptedNode({ t, chain: { pool, ...more } });
	const send = (n, raw) => n.rpc("eth_sendRawTransaction", [raw]);
	const count = async (n, tag = "latest") => Number(await n.rpc("eth_getTransactionCount", [from, tag]));

	// rules: [what the second pays of the first, accepted?]
	const both = (p) => ({ maxFeePerGas: (10n * gwei * p) / 100n, maxPriorityFeePerGas: (gwei * p) / 100n });
	const capOnly = (p) => ({ maxFeePerGas: (10n * gwei * p) / 100n, maxPriorityFeePerGas: gwei });
	const table = {
		geth: [[both(109n), false], [capOnly(120n), false], [both(110n), true], "already known", "replacement transaction underpriced", -32000],
		nethermind: [[both(109n), false], [capOnly(120n), false], [both(110n), true], "AlreadyKnown", "ReplacementNotAllowed", -32010],
		erigon: [[both(109n), false], [capOnly(120n), false], [both(110n), true], "already known", "replacement transaction underpriced", -32000],
		besu: [[both(109n), false], [both(109n), false], [capOnly(110n), true], "Known transaction", "Replacement transaction underpriced", -32000],
		reth: [[both(109n), false], [capOnly(120n), false], [both(110n), true], "already known", "replacement transaction underpriced", -32000],
		anvil: [[both(100n), false], [{ maxFeePerGas: 10n * gwei, maxPriorityFeePerGas: 2n * gwei }, false], [capOnly(101n), true], "transaction already imported", "replacement transaction underpriced", -32003],
	};
	for (const [pool, [low, lop, good, known, under, code]] of Object.entries(table)) {
		const n = await fresh(pool);
		const first = await sign(0);
		assert.equal(await send(n, first), ethers.keccak256(first));
		await assert.rejects(send(n, first), { message: known }, pool);
		for (const [fees] of [low, lop]) await assert.rejects(send(n, await sign(0, { ...fees, value: 1 })), { message: under, code }, pool);
		const second = await sign(0, { ...good[0], value: 1 });
		await send(n, second);
		assert.deepEqual((await n.do({ pool: true })).map((x) => x.hash), [ethers.keccak256(second)], pool);
		await n.mine();
		assert.equal(await count(n), 1);
		await assert.rejects(send(n, first), /nonce|OldNonce/i, pool);
	}

	// nonces, gaps, words with numbers
	const n = await fresh("geth");
	for (const nonce of [0, 1, 3]) await send(n, await sign(nonce));
	assert.deepEqual([await count(n), await count(n, "pending")], [0, 2]);
	await n.mine();
	assert.deepEqual([await count(n), (await n.do({ pool: true })).length], [2, 1], "3 waits for the gap");
	await assert.rejects(send(n, await sign(1)), { message: "nonce too low: next nonce 2, tx nonce 1", code: -32000 });
	await assert.rejects(send(n, await sign(5, { gasLimit: 20000 })), /intrinsic gas too low/);
	await assert.rejects(send(n, await sign(5, { gasLimit: 31000000 })), /exceeds block gas limit/);
	await assert.rejects(send(n, await sign(5, { value: 10n ** 24n })), /insufficient funds/);
	await assert.rejects(send(n, await sign(5, { chainId: 1 })), /invalid chain id/);
	await assert.rejects(send(n, "0x1234"), /rlp/);
	await send(n, await sign(2));
	await n.mine();
	assert.equal(await count(n), 4);
	await send(n, await sign(4));
	assert.equal(await n.do({ evict: { nonce: 4 } }), 1);
	await n.mine();
	assert.equal(await count(n), 4);
	const reth = await fresh("reth");
	for (let i = 0; i < 16; i++) await send(reth, await sign(i));
	await assert.rejects(send(reth, await sign(16)), /txpool is full/);
	await assert.rejects((await fresh("anvil")).rpc("eth_sendRawTransaction", [await sign(0, { maxFeePerGas: 1n, maxPriorityFeePerGas: 1n })]), /less than block base fee/);

	// fees: below the base fee it waits; the block charges base fee and tip
	await send(n, await sign(4, { maxFeePerGas: 3n * gwei }));
	await n.mine(1, { base_fee: "4000000000" });
	assert.equal(await count(n), 4);
	const before = BigInt(await n.rpc("eth_getBalance", [from, "latest"]));
	await n.mine(1, { base_fee: "1500000000" });
	const head = await n.rpc("eth_getBlockByNumber", ["latest", true]);
	const receipt = await n.rpc("eth_getTransactionReceipt", [head.transactions[0].hash]);
	assert.equal(BigInt(receipt.effectiveGasPrice), 2500000000n);
	assert.equal(BigInt(await n.rpc("eth_getBalance", [from, "latest"])), before - 2500000000n * BigInt(receipt.gasUsed));
	const fees = await n.rpc("eth_feeHistory", ["0x3", "latest", [50]]);
	assert.deepEqual([fees.baseFeePerGas.length, fees.reward.length, Number(fees.reward[2][0])], [4, 3, 1e9]);

	// a signed transaction is what it was: fields, sender, and for clients of others
	const viem = createPublicClient({ transport: http(n.http) });
	const seen = await viem.getTransaction({ hash: head.transactions[0].hash });
	assert.deepEqual([seen.from.toLowerCase(), seen.nonce, seen.maxFeePerGas], [from, 4, 3n * gwei]);
	const provider = new ethers.JsonRpcProvider(n.http, 31337, { staticNetwork: true });
	assert.equal((await provider.getTransaction(seen.hash)).from, wallet.address);
	provider.destroy();

	// a reorg gives it back (geth), or not (anvil's way)
	await n.do({ reorg: { depth: 1, blocks: 1, pool: false } });
	assert.equal((await n.do({ pool: true })).length, 1);
	await n.mine();
	assert.equal(await count(n), 5);
	await n.do({ chain: { repool: false } });
	await n.do({ reorg: { depth: 1, blocks: 2 } });
	assert.deepEqual([await count(n), (await n.do({ pool: true })).length], [4, 0]);

	// answers that are lost, and statuses that lie
	for (const mood of [{ cut: "before" }, { status: 500, body: "oops" }]) {
		await n.do({ mood: { method: "eth_sendRawTransaction", behind: true, times: 1, ...mood } });
		const raw = await sign((await count(n, "pending")));
		const answer = await post(n.http, { jsonrpc: "2.0", id: 1, method: "eth_sendRawTransaction", params: [raw] }).catch((e) => e);
		assert.ok(answer.code === "ECONNRESET" || answer.status === 500);
		await assert.rejects(send(n, raw), /already known/);
	}
	const raws = await n.raws({ from });
	assert.equal(raws.at(-1).refused, "already known");
	assert.equal(raws.at(-2).accepted, true);
	assert.ok(raws.every((r) => r.from === from));

	// contracts without an EVM: effects are counted, poison reverts, calls answer
	const c = await fresh("geth");
	await c.do([
		{ contract: { address: A, function: "set(uint256[] ids, string[] codes)", count: "ids", poison: [7], revert: "bad id", logs: [{ address: A, event: "Set(uint256 n)" }] } },
		{ contract: { address: A, function: "writes(uint256 id)", effects: true } },
		{ contract: { address: A, function: "paused()", returns: `0x${"00".repeat(31)}01` } },
	]);
	const abi = parseAbi(["function set(uint256[] ids, string[] codes)", "function writes(uint256 id) view returns (uint256)", "function paused() view returns (bool)"]);
	const face = new ethers.Interface(["function set(uint256[] ids, string[] codes)"]);
	const data = (ids) => face.encodeFunctionData("set", [ids, ids.map(String)]);
	const reader = createPublicClient({ transport: http(c.http) });
	assert.equal(await reader.readContract({ address: A, abi, functionName: "paused" }), true);
	await assert.rejects(c.rpc("eth_estimateGas", [{ to: A, data: data([6, 7]) }, "latest"]), { code: 3, message: "execution reverted: bad id" });
	const gas = Number(await c.rpc("eth_estimateGas", [{ to: A, data: data([5, 6]) }, "latest"]));
	assert.ok(gas > 100000);
	await send(c, await sign(0, { data: data([5, 6]), gasLimit: gas }));
	await send(c, await sign(1, { data: data([6, 7]), gasLimit: 300000 }));
	await send(c, await sign(2, { data: data([6]), gasLimit: 300000 }));
	await send(c, await sign(3, { data: data([8]), gasLimit: 30000 })); // runs out
	await c.mine();
	assert.deepEqual(await c.do({ effects: { address: A } }), { 5: 1, 6: 2 });
	assert.equal(await reader.readContract({ address: A, abi, functionName: "writes", args: [6n] }), 2n);
	assert.equal(await reader.readContract({ address: A, abi, functionName: "writes", args: [6n], blockNumber: 0n }), 0n);
	const receipts = await c.rpc("eth_getBlockReceipts", ["latest"]);
	assert.deepEqual(receipts.map((r) => [r.status, r.logs.length]), [["0x1", 1], ["0x0", 0], ["0x1", 1], ["0x0", 0]]);
	await c.do({ shorten: 1 });
	assert.deepEqual(await c.do({ effects: { address: A } }), {});

	// an effect that may happen once; state that is gone; a transaction that is swallowed; other ways to count
	const o = await fresh("geth");
	await o.do({ contract: { address: A, function: "set(uint256[] ids, string[] codes)", count: "ids", once: true, revert: "again" } });
	const estimate = (ids, ...at) => o.rpc("eth_estimateGas", [{ to: A, data: data(ids) }, ...at]);
	await send(o, await sign(0, { data: data([1]), gasLimit: 300000 }));
	await send(o, await sign(1, { data: data([2, 1]), gasLimit: 300000 }));
	await estimate([1]);
	await assert.rejects(estimate([1], "pending"), /reverted: again/);
	await o.do({ set: { pending_calls: true } });
	await assert.rejects(estimate([1]), /reverted: again/);
	await o.mine();
	assert.deepEqual(await o.do({ effects: { address: A } }), { 1: 1 });
	await assert.rejects(estimate([1], "latest"), { code: 3 });
	await estimate([1], "0x0");
	await o.mine(5);
	await o.do({ limit: { state: 3, as: "besu" } });
	await assert.rejects(o.rpc("eth_getTransactionCount", [from, "0x2"]), /World state unavailable/);
	assert.equal(await o.rpc("eth_getTransactionCount", [from, "0x4"]), "0x2");
	await o.do({ limit: { state: 0 }, set: { ignores_block: true } });
	assert.equal(await o.rpc("eth_getTransactionCount", [from, "0x0"]), "0x2");
	await o.do({ mood: { method: "eth_sendRawTransaction", swallow: true, times: 1 }, set: { no_pending: true } });
	const swallowed = await sign(2);
	assert.equal(await send(o, swallowed), ethers.keccak256(swallowed));
	assert.deepEqual(await o.do({ pool: true }), []);
	await send(o, swallowed);
	assert.equal(await count(o, "pending"), 2);

	// a block a transaction
	const quick = await fresh("geth", { auto: true });
	await send(quick, await sign(0));
	assert.equal(await count(quick), 1);
}
