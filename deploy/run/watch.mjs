// What really happened, read from the chain itself and by nobody else's word: when each token was revealed, which
// setBulkTokenCodes transactions were mined, and (at the end) what the contract says about every token.
import { need } from "./npm.mjs";
import { artifact } from "./companions.mjs";

const { ethers } = need("ethers");
export const iface = new ethers.Interface(artifact().abi);

export class Watch {
	// chain: servers.anvil's; at: { address, block } of the contract; owner: whose transactions count
	constructor(chain, at, owner) {
		Object.assign(this, { chain, at, owner: owner.toLowerCase(), next: at.block, events: new Map(), tokens: new Map(), transactions: [], waiting: [] });
		this.topics = Object.fromEntries(["TokenRevealed", "TokensRevealed"].map((n) => [iface.getEvent(n).topicHash, n]));
	}
	async start() {
		this.provider = new ethers.WebSocketProvider(this.chain.ws, 31337, { staticNetwork: true });
		this.provider.websocket.onerror = () => {};
		await this.provider.on("block", () => this.look());
		await this.look();
	}
	onBatch(fn) {
		this.said = fn;
	}
	// Reads every block up to the head, once and in order. at: when we heard of it (chain time has whole seconds only).
	look() {
		const at = Date.now();
		this.turn = (this.turn ?? Promise.resolve()).then(() => this.read(at)).catch((e) => {
			if (!this.closed) this.failure = e;
		});
		return this.turn;
	}
	async read(at) {
		const head = Number(await this.chain.rpc("eth_blockNumber"));
		for (; this.next <= head; this.next++) {
			const number = ethers.toQuantity(this.next);
			const logs = await this.chain.rpc("eth_getLogs", { address: this.at.address, fromBlock: number, toBlock: number, topics: [Object.keys(this.topics)] });
			for (const l of logs) {
				const e = iface.parseLog(l);
				for (const id of e.name === "TokenRevealed" ? [e.args[0]] : e.args[0]) if (!this.events.has(Number(id))) this.events.set(Number(id), { block: this.next, at });
			}
			const block = await this.chain.rpc("eth_getBlockByNumber", number, true);
			for (const tx of block.transactions) {
				if (tx.from.toLowerCase() !== this.owner || tx.to?.toLowerCase() !== this.at.address.toLowerCase()) continue;
				const call = iface.parseTransaction({ data: tx.input });
				if (call?.name !== "setBulkTokenCodes") continue;
				const receipt = await this.chain.rpc("eth_getTransactionReceipt", tx.hash);
				const t = { hash: tx.hash, nonce: Number(tx.nonce), block: this.next, at, ids: call.args[0].map(Number), ok: receipt.status === "0x1" };
				this.transactions.push(t);
				if (t.ok) for (const id of t.ids) if (!this.tokens.has(id)) this.tokens.set(id, t);
				this.said?.(t, this);
			}
		}
		this.head = head;
	}
	ms(id) {
		const t = this.tokens.get(id), e = this.events.get(id);
		return t && e ? t.at - e.at : undefined;
	}
	// The contract's own words, all at one block: [{ id, code, writes, exists }].
	async readBack(ids) {
		const block = ethers.toQuantity(await this.chain.rpc("eth_blockNumber"));
		const ask = async (name, id) => iface.decodeFunctionResult(name, await this.chain.rpc("eth_call", { to: this.at.address, data: iface.encodeFunctionData(name, [id]) }, block))[0];
		const tokens = [];
		for (const id of ids) tokens.push({ id, code: await ask("getTokenCode", id), writes: Number(await ask("codeWrites", id)) });
		return { block: Number(block), tokens };
	}
	close() {
		this.closed = true;
		this.provider?.websocket.close();
		this.provider?.destroy().catch(() => {});
	}
}
