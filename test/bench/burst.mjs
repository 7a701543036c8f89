// The chain that both benches of the reading side look at: one contract that emits transfers (Burst.sol), and what the four
// programs are told about it.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { need, root } from "../../deploy/run/npm.mjs";
import { until } from "../../deploy/run/proc.mjs";

const { ethers } = need("ethers");
export const transfer = "event Transfer(address indexed from, address indexed to, uint256 value)";

function artifact() {
	const source = readFileSync(join(root, "test/bench/Burst.sol"), "utf8");
	const cache = join(root, ".run/cache", `Burst-${createHash("sha256").update(source).digest("hex").slice(0, 16)}.json`);
	if (!existsSync(cache)) {
		const input = { language: "Solidity", sources: { "Burst.sol": { content: source } }, settings: { optimizer: { enabled: true, runs: 200 }, evmVersion: "paris", outputSelection: { "*": { "*": ["abi", "evm.bytecode.object"] } } } };
		const out = JSON.parse(need("solc").compile(JSON.stringify(input)));
		const bad = (out.errors ?? []).filter((e) => e.severity === "error");
		if (bad.length) throw new Error(bad.map((e) => e.formattedMessage).join("\n"));
		const c = out.contracts["Burst.sol"].Burst;
		mkdirSync(join(root, ".run/cache"), { recursive: true });
		writeFileSync(cache, JSON.stringify({ abi: c.abi, bytecode: `0x${c.evm.bytecode.object}` }));
	}
	return JSON.parse(readFileSync(cache, "utf8"));
}

// Deploys on an anvil that mines on demand. Returns { address, send(first, n) → hash, mine() → its time in ms as measured here }.
export async function burstOn(chain, holders) {
	const { abi, bytecode } = artifact();
	const [from] = await chain.rpc("eth_accounts");
	const transaction = (t) => chain.rpc("eth_sendTransaction", { from, gasPrice: "0x3b9aca00", ...t });
	const hash = await transaction({ data: bytecode, gas: ethers.toQuantity(2000000) });
	await chain.rpc("evm_mine");
	const receipt = await until(() => chain.rpc("eth_getTransactionReceipt", hash), "the contract to be deployed");
	const iface = new ethers.Interface(abi);
	let nonce = Number(await chain.rpc("eth_getTransactionCount", from, "latest"));
	return {
		address: ethers.getAddress(receipt.contractAddress),
		block: Number(receipt.blockNumber),
		send: (first, n) => transaction({ to: receipt.contractAddress, nonce: ethers.toQuantity(nonce++), gas: ethers.toQuantity(60000 + n * 5000), data: iface.encodeFunctionData("burst", [first, n, holders]) }),
	};
}

// The file of the four programs. rule: the text of a rules: section and what belongs to it, or nothing.
export const yaml = ({ ws = false, rule = "" } = {}) => `name: bench
chains:
  main:
    rpc: \${RPC_URL}
${ws ? "    ws: ${WS_URL}\n" : ""}    final: 4
    window: 8
contracts:
  Token:
    chain: main
    address: \${CONTRACT_ADDRESS}
    start: 0
    abi:
      - ${transfer}
${rule}`;
