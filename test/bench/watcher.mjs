// The usual watchers, for latency: a library over WebSocket; each event is one INSERT, then one transaction of its own account.
// WATCHER is "ethers" or "viem".
import { need } from "../../deploy/run/npm.mjs";
import { artifact } from "../../deploy/run/companions.mjs";

const { Client } = need("pg");
const { RPC_URL, WS_URL, CONTRACT_ADDRESS, WATCHER, WATCHER_KEY, WATCHER_PG, WATCHER_TABLE } = process.env;
const pg = new Client(JSON.parse(WATCHER_PG));
pg.on("error", () => process.exit(1)); // the server has ended, and so does the bench
await pg.connect();
let turn = Promise.resolve(); // one query at a time, as its client wants it
const insert = (id, tx, block) => (turn = turn.then(() => pg.query({ name: "in", text: `INSERT INTO ${WATCHER_TABLE} (token_id, tx, block) VALUES ($1, $2, $3)`, values: [String(id), tx, String(block)] })));
const complain = (x) => console.error(`${WATCHER}: ${x.shortMessage ?? x.message}`);

async function ethersWatcher() {
	const { ethers } = need("ethers");
	const ws = new ethers.WebSocketProvider(WS_URL, 31337);
	const wallet = new ethers.Wallet(WATCHER_KEY, new ethers.JsonRpcProvider(RPC_URL, 31337, { staticNetwork: true, batchMaxCount: 1 }));
	let nonce = await wallet.getNonce();
	const contract = new ethers.Contract(CONTRACT_ADDRESS, artifact().abi, ws);
	await contract.on("TokenRevealed", async (id, e) => {
		await insert(id, e.log.transactionHash, e.log.blockNumber).catch(complain);
		await wallet.sendTransaction({ to: wallet.address, value: 0, nonce: nonce++, data: ethers.toBeHex(id, 32) }).catch(complain);
	});
}

async function viemWatcher() {
	const viem = need("viem"), { privateKeyToAccount } = need("viem/accounts");
	const chain = viem.defineChain({ id: 31337, name: "dev", nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 }, rpcUrls: { default: { http: [RPC_URL] } } });
	const account = privateKeyToAccount(WATCHER_KEY);
	const reads = viem.createPublicClient({ chain, transport: viem.webSocket(WS_URL) });
	const writes = viem.createWalletClient({ account, chain, transport: viem.http(RPC_URL) });
	let nonce = await reads.getTransactionCount({ address: account.address });
	reads.watchContractEvent({ address: CONTRACT_ADDRESS, abi: artifact().abi, eventName: "TokenRevealed", onLogs: async (logs) => {
		for (const l of logs) {
			await insert(l.args.tokenId, l.transactionHash, l.blockNumber).catch(complain);
			await writes.sendTransaction({ to: account.address, value: 0n, nonce: nonce++, data: viem.toHex(l.args.tokenId, { size: 32 }) }).catch(complain);
		}
	} });
}

await { ethers: ethersWatcher, viem: viemWatcher }[WATCHER]();
console.log("listening");
