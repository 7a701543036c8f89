// Tokens are revealed as a market would: one by one and many at once, by the minting account.
import { need } from "./npm.mjs";
import { iface } from "./watch.mjs";
import { keys } from "./servers.mjs";

const { ethers } = need("ethers");

export class Traffic {
	constructor(chain, at, supply) {
		Object.assign(this, { chain, at, supply, next: 1, wallet: new ethers.Wallet(keys[1]) });
	}
	async send(name, args, gasLimit) {
		this.nonce ??= Number(await this.chain.rpc("eth_getTransactionCount", this.wallet.address, "latest"));
		const raw = await this.wallet.signTransaction({ type: 2, chainId: 31337, to: this.at.address, data: iface.encodeFunctionData(name, args), nonce: this.nonce, gasLimit, maxFeePerGas: 10n ** 11n, maxPriorityFeePerGas: 10n ** 9n });
		const hash = await this.chain.rpc("eth_sendRawTransaction", raw);
		this.nonce++;
		return hash;
	}
	// how: "one" (a revealToken transaction each) or "batch" (one batchRevealTokens)
	async reveal(ids, how) {
		if (how === "batch") return this.send("batchRevealTokens", [ids], 100000 + 32000 * ids.length);
		for (const id of ids) await this.send("revealToken", [id], 120000);
	}
	every(ms) {
		const turn = async () => {
			const n = Math.min(1 + Math.floor(Math.random() * 12), this.supply - this.next + 1);
			if (n < 1) return this.stop();
			const ids = Array.from({ length: n }, () => this.next++);
			await this.reveal(ids, Math.random() < 0.5 ? "one" : "batch").catch((e) => (this.failure = e));
		};
		turn();
		this.timer = setInterval(turn, ms);
	}
	stop() {
		clearInterval(this.timer);
	}
}
