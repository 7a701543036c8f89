// What the contenders of send.mjs stand on: a chain whose blocks are made on demand, the file of the submitter, batches that are ready.
import { request, Agent } from "node:http";
import { compile, place } from "../../deploy/run/contract.mjs";
import { need } from "../../deploy/run/npm.mjs";
import * as servers from "../../deploy/run/servers.mjs";

const { ethers } = need("ethers");
const WebSocket = need("ws");
export const artifact = () => compile("test/bench/Sink.sol");
export const iface = new ethers.Interface(["function put(uint256[] ids)", "function total() view returns (uint256)", "function twice() view returns (uint256)"]);
const mnemonic = "test test test test test test test test test test test junk";
export const senders = Array.from({ length: 4 }, (_, i) => ethers.HDNodeWallet.fromPhrase(mnemonic, undefined, `m/44'/60'/0'/0/${i + 2}`));
const hex = (n) => `0x${n.toString(16)}`;

// One kept-alive connection; ask(list of [method, params]) → the text of the answer.
export function line(port) {
	const agent = new Agent({ keepAlive: true, maxSockets: 1, noDelay: true });
	const post = (body) => new Promise((done, fail) => {
		const q = request({ agent, port, host: "127.0.0.1", method: "POST", path: "/", headers: { "content-type": "application/json", "content-length": body.length } }, (a) => {
			const parts = [];
			a.on("data", (d) => parts.push(d));
			a.on("end", () => done(Buffer.concat(parts)));
		});
		q.on("error", fail);
		q.end(body);
	});
	return { post, ask: (calls) => post(Buffer.from(JSON.stringify(calls.map(([method, params], id) => ({ jsonrpc: "2.0", id, method, params }))))), close: () => agent.destroy() };
}

// An anvil of its own with the contract on it. seal(total): from now on a block is made whenever 100 more transactions were
// accepted, when some wait and no more came for 10 ms, and when the last one of all was; and an empty one where none was made for
// 200 ms, as chains do. Each block is told to onBlock.
export async function sealed(dir) {
	const chain = await servers.anvil(dir, { mining: "manual", gasLimit: 1000000000, args: ["--timestamp", "1700000000", "--accounts", "10"] });
	const deployed = await place(chain.http, artifact(), [], () => chain.rpc("evm_mine"));
	const ws = new WebSocket(chain.ws);
	await new Promise((done, fail) => ws.once("open", done).once("error", fail));
	let accepted = 0, waiting = 0, total = Infinity, mining = false, id = 10, told = () => {}, made = 0;
	const answers = new Map();
	const call = (method, params = []) => new Promise((done) => {
		answers.set(++id, done);
		ws.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
	});
	let heard = 0, last = 0, sealing = false;
	async function seal() {
		const quiet = performance.now();
		const due = waiting >= 100 || (waiting > 0 && (accepted >= total || quiet - heard > 10)) || quiet - last > 200;
		if (mining || !sealing || !due) return;
		mining = true;
		waiting = 0;
		await call("evm_mine");
		last = performance.now();
		made++;
		mining = false;
		told();
		seal();
	}
	const clock = setInterval(seal, 10);
	ws.on("message", (m) => {
		const o = JSON.parse(m);
		if (o.id) {
			answers.get(o.id)?.(o.result);
			answers.delete(o.id);
		} else {
			accepted++;
			waiting++;
			heard = performance.now();
			if (waiting >= 100 || accepted >= total) seal();
		}
	});
	await call("eth_subscribe", ["newPendingTransactions"]);
	return {
		...chain, ...deployed, made: () => made,
		seal(n, onBlock = () => {}) {
			[accepted, waiting, total, told, made] = [0, 0, n, onBlock, 0];
			last = performance.now();
			sealing = true;
		},
		async end() {
			clearInterval(clock);
			ws.close();
			await chain.stop();
		},
		async check(n, name) {
			const read = async (fn) => Number(await chain.rpc("eth_call", { to: deployed.address, data: iface.encodeFunctionData(fn) }, "latest"));
			const [sum, twice] = [await read("total"), await read("twice")];
			if (sum !== n || twice !== 0) throw new Error(`${name}: ${sum} of ${n} calls stand on the chain, ${twice} of them more than once`);
		},
	};
}

export const dataOf = (id) => iface.encodeFunctionData("put", [[id]]);
// The same transactions, signed before: for each sender its share of the numbers, nonces from 0 on.
export async function presigned(n, count, to) {
	const raws = [];
	for (let i = 0; i < n; i++) {
		const w = senders[i % count];
		raws.push(await w.signTransaction({ type: 2, chainId: 31337, to, data: dataOf(i + 1), nonce: Math.floor(i / count), gasLimit: 100000, maxFeePerGas: 100n * 10n ** 9n, maxPriorityFeePerGas: 10n ** 9n }));
	}
	return raws;
}

// What the limit sends: a hundred a request.
export function bodies(raws) {
	const list = [];
	for (let i = 0; i < raws.length; i += 100)
		list.push(Buffer.from(JSON.stringify(raws.slice(i, i + 100).map((raw, id) => ({ jsonrpc: "2.0", id, method: "eth_sendRawTransaction", params: [raw] })))));
	return list;
}
export const blockReceipts = (number) => [["eth_getBlockReceipts", [hex(number)]]];

// The file of the programs. fixed: gas.limit and no skip; else every batch is estimated and every item's skip is asked.
export const yaml = ({ count = 1, fixed = true } = {}) => `name: bench
chains:
  main:
    rpc: \${RPC_URL}
    ws: \${WS_URL:-}
    final: 1
contracts:
  Sink:
    chain: main
    address: \${CONTRACT_ADDRESS}
    start: 0
    abi:
      - event Put(uint256 indexed id)
      - function put(uint256[] ids)
      - function done(uint256 id) view returns (bool)
signers:
  s:
    chain: main
    ${count === 1 ? "key: ${KEY_0}" : `keys: [${senders.slice(0, count).map((_, i) => `"\${KEY_${i}}"`).join(", ")}]`}
    gas: { ${fixed ? "limit: 100000, " : ""}max: 1000 gwei, tip: 1 gwei }
    window: 2000
batches:
  mark:
    key: id
    max: 10
    wait: 0ms
${fixed ? "" : "    skip: Sink.done(id)\n"}    send: Sink.put(id[])
    signer: s
rules:
  - on: Sink.Put
    batch: mark
`;
export const secrets = Object.fromEntries(senders.map((w, i) => [`KEY_${i}`, w.privateKey]));

// n batches of one item each, ready when this commits.
export async function makeReady(c, n, from = 1) {
	await c.query(`WITH b AS (
			INSERT INTO fairlead.batch (name, pool, chain, items)
			SELECT 'mark', 's', (SELECT id FROM fairlead.chain WHERE name = 'main'), 1 FROM generate_series(1, $1::int) i RETURNING id),
		nb AS (SELECT id, row_number() OVER (ORDER BY id) + $2 - 1 AS i FROM b)
		INSERT INTO fairlead.item (batch_of, key, chain, cause, args, state, batch)
		SELECT 'mark', nb.i::text, (SELECT id FROM fairlead.chain WHERE name = 'main'), 0, jsonb_build_object('id', nb.i), 'batched', nb.id FROM nb ORDER BY nb.id`, [n, from]);
}
