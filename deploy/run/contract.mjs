// A contract of an application: compiled once (the artifact is kept under .run/cache), put on a chain.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { need, npm, root } from "./npm.mjs";
import { until } from "./proc.mjs";
import { keys, rpc } from "./servers.mjs";

// file: the path of a .sol from the root of the tree; its contract is called like it. Returns { abi, bytecode }.
export function compile(file) {
	const source = readFileSync(join(root, file), "utf8");
	const name = basename(file, ".sol");
	const solc = JSON.parse(readFileSync(join(npm, "node_modules/solc/package.json"), "utf8")).version;
	const cache = join(root, ".run/cache", `${name}-${createHash("sha256").update(solc).update(source).digest("hex").slice(0, 16)}.json`);
	if (!existsSync(cache)) {
		const input = { language: "Solidity", sources: { [name]: { content: source } }, settings: { optimizer: { enabled: true, runs: 200 }, evmVersion: "paris", outputSelection: { "*": { "*": ["abi", "evm.bytecode.object"] } } } };
		const out = JSON.parse(need("solc").compile(JSON.stringify(input)));
		const bad = (out.errors ?? []).filter((e) => e.severity === "error");
		if (bad.length) throw new Error(bad.map((e) => e.formattedMessage).join("\n"));
		const c = out.contracts[name][name];
		mkdirSync(join(root, ".run/cache"), { recursive: true });
		const half = `${cache}.${process.pid}`;
		writeFileSync(half, JSON.stringify({ abi: c.abi, bytecode: `0x${c.evm.bytecode.object}` }));
		renameSync(half, cache);
	}
	return JSON.parse(readFileSync(cache, "utf8"));
}

// Deploys as account 0 (on a fresh chain its first transaction gives 0x5FbDB2315678afecb367f032d93F642f64180aa3). mine: called
// after the transaction is sent, for chains that mine on demand. Returns { address, block }.
export async function place(url, { abi, bytecode }, args = [], mine = async () => {}) {
	const { ethers } = need("ethers");
	const from = new ethers.Wallet(keys[0]);
	const { data } = await new ethers.ContractFactory(abi, bytecode).getDeployTransaction(...args);
	const nonce = Number(await rpc(url, "eth_getTransactionCount", [from.address, "latest"]));
	const raw = await from.signTransaction({ type: 2, chainId: 31337, nonce, data, gasLimit: 4000000, maxFeePerGas: 10n ** 11n, maxPriorityFeePerGas: 10n ** 9n });
	const hash = await rpc(url, "eth_sendRawTransaction", [raw]);
	await mine();
	const receipt = await until(() => rpc(url, "eth_getTransactionReceipt", [hash]), "the contract to be deployed", 60000);
	if (receipt.status !== "0x1") throw new Error("the contract's constructor reverted");
	return { address: ethers.getAddress(receipt.contractAddress), block: Number(receipt.blockNumber) };
}
