// The usual watcher, for latency: ethers over WebSocket; each event is one INSERT, then one transaction of its own account.
import { need } from "../../deploy/run/npm.mjs";
import { artifact } from "../../deploy/run/companions.mjs";

const { ethers } = need("ethers");
const { Client } = need("pg");
const { RPC_URL, WS_URL, CONTRACT_ADDRESS, WATCHER_KEY, WATCHER_PG } = process.env;
const pg = new Client(JSON.parse(WATCHER_PG));
pg.on("error", () => process.exit(1)); // the server has ended, and so does the bench
await pg.connect();
const ws = new ethers.WebSocketProvider(WS_URL, 31337);
const wallet = new ethers.Wallet(WATCHER_KEY, new ethers.JsonRpcProvider(RPC_URL, 31337, { staticNetwork: true, batchMaxCount: 1 }));
let nonce = await wallet.getNonce();
const contract = new ethers.Contract(CONTRACT_ADDRESS, artifact().abi, ws);
await contract.on("TokenRevealed", async (id, e) => {
	try {
		await pg.query({ name: "in", text: "INSERT INTO bench_seen (token_id, tx, block) VALUES ($1, $2, $3)", values: [String(id), e.log.transactionHash, e.log.blockNumber] });
		await wallet.sendTransaction({ to: wallet.address, value: 0, nonce: nonce++, data: ethers.toBeHex(id, 32) });
	} catch (x) {
		console.error(x.shortMessage ?? x.message);
	}
});
console.log("listening");
