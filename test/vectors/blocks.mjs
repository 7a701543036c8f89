// Makes test/vectors/blocks.txt: blocks of running dev chains, as they answered. Run it by hand to make them anew:
//   node test/vectors/blocks.mjs > test/vectors/blocks.txt
// With the word "all" behind it, more blocks and larger ones than are worth keeping: | build/release/vectors/check
// A line: block, its name, the header (eth_getBlockByNumber), the receipts as one array, the signed transactions joined by
// commas or none where the chain does not give them. FAIRLEAD_NPM names the folder that holds node_modules (.run/npm).
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const npm = process.env.FAIRLEAD_NPM ?? join(root, ".run/npm");
const need = createRequire(join(npm, "package.json"));
const { ethers } = need("ethers");
const solc = need("solc");

// Emits a log for each record of its calldata: count of topics as a byte, size of data as two, topics, data. A count over
// 4 reverts.
const source = `contract Emitter { fallback() external { assembly {
	for { let at := 0 } lt(at, calldatasize()) { } {
		let n := byte(0, calldataload(at))
		let size := shr(240, calldataload(add(at, 1)))
		let first := add(at, 3)
		let from := add(first, mul(32, n))
		calldatacopy(0, from, size)
		switch n
		case 0 { log0(0, size) }
		case 1 { log1(0, size, calldataload(first)) }
		case 2 { log2(0, size, calldataload(first), calldataload(add(first, 32))) }
		case 3 { log3(0, size, calldataload(first), calldataload(add(first, 32)), calldataload(add(first, 64))) }
		case 4 { log4(0, size, calldataload(first), calldataload(add(first, 32)), calldataload(add(first, 64)), calldataload(add(first, 96))) }
		default { revert(0, 0) }
		at := add(from, size)
	}
} } }`;
const built = JSON.parse(solc.compile(JSON.stringify({ language: "Solidity", sources: { e: { content: source } }, settings: { evmVersion: "istanbul", outputSelection: { "*": { "*": ["evm.bytecode.object"] } } } })));
const emitter = "0x" + built.contracts.e.Emitter.evm.bytecode.object;
const record = (topics, data = "0x") => ethers.concat([Uint8Array.from([topics.length]), ethers.zeroPadValue(ethers.toBeHex(ethers.dataLength(data)), 2), ...topics, data]);
const topic = (i) => ethers.id(`topic ${i}`);
const bytes = (n) => "0x" + ethers.id(`data ${n}`).slice(2).repeat(Math.ceil(n / 32)).slice(0, 2 * n);

const freePort = () => new Promise((done) => {
	const s = createServer().listen(0, "127.0.0.1", () => { const { port } = s.address(); s.close(() => done(port)); });
});
async function chain(name, command, cwd, work) {
	const port = await freePort();
	const child = spawn(command[0], [...command.slice(1), "--port", String(port)], { cwd, detached: true, stdio: ["ignore", "ignore", "inherit"] });
	const url = `http://127.0.0.1:${port}`;
	let id = 0;
	const call = async (method, ...params) => {
		const r = await (await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ jsonrpc: "2.0", id: ++id, method, params }) })).json();
		if (r.error) throw Object.assign(new Error(`${name}: ${method}: ${r.error.message}`), r.error);
		return r.result;
	};
	try {
		for (;;) {
			if (child.exitCode !== null) throw new Error(`${name} ended`);
			try {
				await call("eth_chainId");
				break;
			} catch (e) {
				if (e.code) throw e;
				await new Promise((r) => setTimeout(r, 50));
			}
		}
		await work(call);
	} finally {
		process.kill(-child.pid, "SIGKILL"); // hardhat starts a process of its own
	}
}

const all = process.argv[2] === "all";
const wallet = new ethers.Wallet("0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80");
async function line(call, name, number = "latest") {
	const header = await call("eth_getBlockByNumber", number, false);
	const receipts = [], raws = [];
	for (const hash of header.transactions) {
		receipts.push(await call("eth_getTransactionReceipt", hash));
		try {
			const raw = await call("eth_getRawTransactionByHash", hash);
			if (raw) raws.push(raw);
		} catch {}
	}
	let whole = null;
	try {
		whole = await call("eth_getBlockReceipts", header.hash);
	} catch {}
	const raw = raws.length === header.transactions.length && raws.length ? raws.join(",") : "none";
	process.stdout.write(["block", name, JSON.stringify(header), JSON.stringify(whole ?? receipts), raw].join("\t") + "\n");
}

const legacy = { gasLimit: 1_000_000, type: 0, gasPrice: 10n ** 11n };
const london = { gasLimit: 1_000_000, type: 2, maxFeePerGas: 10n ** 11n, maxPriorityFeePerGas: 10n ** 9n };
async function story(call, name, hold, { fees = london, eip7702 = false } = {}) {
	const chainId = BigInt(await call("eth_chainId"));
	let nonce = Number(await call("eth_getTransactionCount", wallet.address, "latest"));
	const send = async (tx) => call("eth_sendRawTransaction", await wallet.signTransaction({ chainId, nonce: nonce++, value: 0n, ...("type" in tx && tx.type < 2 ? legacy : fees), ...tx }));
	const one = async (n, tx, label) => {
		await hold(true);
		for (let i = 0; i < n; i++) await send(tx(i));
		await hold(false);
		await line(call, `${name}-${label}`);
	};
	const whole = all || name === "anvil" || name === "hardhat";
	const to = ethers.getCreateAddress({ from: wallet.address, nonce });
	await one(1, () => ({ data: emitter }), "create");
	await one(0, () => ({}), "empty");
	const kinds = [
		(i) => ({ to, type: 0, data: record([topic(i)], bytes(i)) }),
		(i) => ({ to, type: 1, accessList: [{ address: to, storageKeys: [topic(1)] }], data: ethers.concat([record([], bytes(33)), record([topic(1), topic(2)]), record([topic(i), topic(3), topic(4), topic(i)], bytes(200))]) }),
		(i) => ({ to, data: ethers.concat([record([topic(1), topic(2), topic(3)], bytes(1)), record([topic(1), topic(2), topic(3)], bytes(1))]) }),
		() => ({ to, data: "0x09" }), // reverts
		() => ({ to: wallet.address, value: 1n }),
	];
	if (whole) await one(18, (i) => kinds[i % kinds.length](i), "kinds");
	await one(1, () => ({ to, data: record([topic(9)], bytes(32)) }), "one");
	if (whole) await one(2, (i) => ({ to, data: record([topic(i)]) }), "two");
	if (eip7702) {
		const auth = await new ethers.Wallet(ethers.id("delegate")).authorize({ chainId, nonce: 0, address: to });
		await one(1, () => ({ type: 4, to, authorizationList: [auth], data: record([topic(7)], bytes(7)) }), "set-code");
	}
	return { one };
}

const bin = (x) => join(npm, "node_modules/.bin", x);
const anvil = (...more) => [bin("anvil"), "--silent", "--timestamp", "1700000000", ...more];
const manual = (call) => (on) => call(on ? "evm_setAutomine" : "evm_mine", ...(on ? [false] : []));
await chain("anvil", anvil(), root, async (call) => {
	const { one } = await story(call, "anvil", manual(call), { eip7702: true });
	await line(call, "anvil-genesis", "0x0");
	if (all) for (const n of [16, 17, 127, 128, 129, 260]) await one(n, () => ({ to: wallet.address, gasLimit: 21000 }), `${n}`);
});
const forks = ["berlin", "london", "paris", "shanghai", "cancun"];
// each chain has an id of its own, so that no transaction is in two of them
for (const fork of forks) await chain(fork, anvil("--hardfork", fork, "--chain-id", String(31339 + forks.indexOf(fork))), root, (call) => story(call, fork, manual(call), { fees: fork === "berlin" ? legacy : london }));

const dir = mkdtempSync(join(tmpdir(), "blocks-"));
try {
	writeFileSync(join(dir, "hardhat.config.js"), 'module.exports = { solidity: "0.8.28", networks: { hardhat: { chainId: 31338, mining: { auto: true, mempool: { order: "fifo" } } } } };');
	writeFileSync(join(dir, "package.json"), '{"name":"x","private":true}');
	symlinkSync(join(npm, "node_modules"), join(dir, "node_modules"));
	await chain("hardhat", [bin("hardhat"), "node", "--hostname", "127.0.0.1"], dir, (call) => story(call, "hardhat", manual(call), { eip7702: true }));
} finally {
	rmSync(dir, { recursive: true });
}
