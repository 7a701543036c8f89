// The hand-written back end that Fairlead is measured against: ethers over WebSocket, tokens in memory, batches of ten
// or after two seconds, the chain asked whether a code is set already, up to 64 transactions in flight.
import { readFileSync } from "node:fs";
import { need } from "../../deploy/run/npm.mjs";
import { artifact } from "../../deploy/run/companions.mjs";

const { ethers } = need("ethers");
const { RPC_URL, WS_URL, CONTRACT_ADDRESS, OWNER_PRIVATE_KEY, TOKEN_MAPPING_FILE_PATH } = process.env;
const codes = JSON.parse(readFileSync(TOKEN_MAPPING_FILE_PATH, "utf8"));
const http = new ethers.JsonRpcProvider(RPC_URL, 31337, { staticNetwork: true, batchMaxCount: 100 });
const ws = new ethers.WebSocketProvider(WS_URL, 31337);
const wallet = new ethers.Wallet(OWNER_PRIVATE_KEY, http);
const contract = new ethers.Contract(CONTRACT_ADDRESS, artifact().abi, wallet);
const heard = new ethers.Contract(CONTRACT_ADDRESS, artifact().abi, ws);

const waiting = [];
let inFlight = 0, timer = null, nonce = await wallet.getNonce("pending");

async function send(ids) {
	inFlight++;
	try {
		const set = await Promise.all(ids.map((id) => contract.getTokenCode(id).catch(() => "")));
		const todo = ids.filter((id, i) => set[i] !== codes[id] && codes[id]);
		if (todo.length === 0) return;
		const args = [todo, todo.map((id) => codes[id])];
		const gasLimit = (await contract.setBulkTokenCodes.estimateGas(...args)) * 12n / 10n;
		const tx = await contract.setBulkTokenCodes(...args, { gasLimit, nonce: nonce++, maxFeePerGas: 100n * 10n ** 9n, maxPriorityFeePerGas: 10n ** 9n });
		await tx.wait();
	} finally {
		inFlight--;
		pump(false);
	}
}
function pump(all) {
	while (inFlight < 64 && (waiting.length >= 10 || (all && waiting.length > 0))) send(waiting.splice(0, 10)).catch((e) => console.error(e.shortMessage ?? e.message));
	clearTimeout(timer);
	if (waiting.length > 0) timer = setTimeout(() => pump(true), 2000);
}
function push(id) {
	waiting.push(Number(id));
	pump(false);
}
await heard.on("TokenRevealed", (id) => push(id));
await heard.on("TokensRevealed", (ids) => ids.forEach(push));
console.log("listening");
