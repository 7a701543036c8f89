// The world of deploy/apps/vcel: t.world({ app: "vcel", … }).
//
//   w.hash("a signature")               as the contract names it; 32 bytes of hex are a hash already
//   await w.revoke(lock, …signatures)   a transaction each (texts or hashes); the lock is registered first where it is new
//   await w.revokeMany(lock, n | list)  in few transactions (400 each); n: texts of its own, another n each time. A lock takes 1000
//   await w.announce(lock, signature)   SignatureRevoked again, of what may have been revoked before
//       All as w.act: they mine when mining is "manual", wait, and return receipts; { wait: false } as the last argument: hashes.
//       The receipts are those of the revocations only, never of the registration.
//   show = w.hide(signature)            the node leaves its log out of every answer and message, until show()
//   await w.place()                     one contract more: { address, block }
//   await w.rows(lock?)                 revoked_signatures in the order of the chain
//   await w.source()                    the row of fairlead.sources: { live, swept, last_live, last_sweep, pending }
//   await w.whole()                     true when the cursor stands at the head and every event is applied
//   await w.swept()                     true when a sweep has gone up to the cursor
//   w.ranges(calls?)                    [[from, to], …] of the eth_getLogs by range that w.node saw
//   w.said(text or /re/)                lines of the batcher's log whose message that is (rules speak there)
//
// Environment: SEPOLIA_RPC_URL SEPOLIA_CONTRACT_ADDRESS SEPOLIA_START_BLOCK. rpc: "http" (default) | "ws": the one address of the
// chain, of w.node. chainWords({ sweep: "1s" }) as yaml: puts words into the chain's block (null takes one away).
import { compile, place } from "../../deploy/run/contract.mjs";
import { need } from "../../deploy/run/npm.mjs";

const { ethers } = need("ethers");

// Polling by the tick instead of by the 5 s of the default.
export const soon = { poll: "50ms" };
export const chainWords = (words) => (text) => {
	for (const [word, value] of Object.entries(words)) {
		text = text.replace(new RegExp(`^    ${word}:.*\n`, "m"), "");
		if (value !== null) text = text.replace(/^( {4}rpc:.*\n)/m, `$1    ${word}: ${value}\n`);
	}
	return text;
};

const artifact = () => compile("deploy/apps/vcel/AccessControl.sol");

export const vcel = {
	artifact,
	defaults: { rpc: "http" },
	deploy: (url, o, mine) => place(url, artifact(), [], mine),

	env: (w, http, ws) => ({
		SEPOLIA_RPC_URL: w.options.rpc === "ws" ? ws : http, SEPOLIA_CONTRACT_ADDRESS: w.address, SEPOLIA_START_BLOCK: w.block === undefined ? undefined : String(w.block),
	}),

	looks(w) {
		w.hash = (s) => (/^0x[0-9a-f]{64}$/i.test(s) ? s.toLowerCase() : ethers.keccak256(ethers.toUtf8Bytes(s)));
		w.rows = (lock) => w.sql("SELECT * FROM revoked_signatures WHERE $1::text IS NULL OR lock_id = $1 ORDER BY block_number, id", [lock === undefined ? null : String(lock)]);
		w.source = () => w.one("SELECT live, swept, last_live, last_sweep, pending FROM fairlead.sources WHERE event = 'AccessControl.SignatureRevoked'");
		w.whole = async () => (await w.one("SELECT done = $1 AND lag = 0 AS x FROM fairlead.chains WHERE name = 'net'", [await w.head()]))?.x;
		w.swept = async () => (await w.one("SELECT swept_to = done AS x FROM fairlead.chain"))?.x;
		w.ranges = (calls = w.node.calls) => calls.filter((c) => c.method === "eth_getLogs" && c.params[0].fromBlock !== undefined).map((c) => [Number(c.params[0].fromBlock), Number(c.params[0].toBlock)]);
		w.said = (what) => w.lines("batcher", (l) => (what instanceof RegExp ? what.test(l.text ?? "") : l.text === what));
		w.hide = (s) => {
			const hash = w.hash(s);
			const seen = (l) => l.topics?.[2] !== hash;
			const receipt = (r) => r && { ...r, logs: r.logs.filter(seen) };
			const off = [
				w.node.on("eth_getLogs", async (call, next) => (await next()).filter(seen)),
				w.node.on("eth_getBlockReceipts", async (call, next) => (await next())?.map(receipt) ?? null),
				w.node.on("eth_getTransactionReceipt", async (call, next) => receipt(await next())),
				w.node.push((m) => (seen(m.params?.result ?? {}) ? m : null)),
			];
			return () => off.forEach((f) => f());
		};
	},

	verbs(w, act, mine) {
		const known = new Set();
		let texts = 0;
		const lastOf = (args) => (args.length && typeof args.at(-1) === "object" && !Array.isArray(args.at(-1)) ? args.pop() : undefined);
		const onLock = async (lock, list, how) => {
			const first = known.has(lock) ? [] : [{ name: "registerLock", args: [lock, w.minting, "0x04"], gas: 250000 }];
			known.add(lock);
			return (await act([...first, ...list], how)).slice(first.length);
		};
		w.revoke = (lock, ...signatures) => {
			const how = lastOf(signatures);
			return onLock(lock, signatures.map((s) => (w.hash(s) === s ? { name: "revokeSignatureHash", args: [lock, s], gas: 150000 } : { name: "revokeSignature", args: [lock, s], gas: 200000 })), how);
		};
		w.revokeMany = (lock, which, how) => {
			const hashes = (typeof which === "number" ? Array.from({ length: which }, () => `signature ${texts++}`) : which).map(w.hash);
			const list = [];
			for (let i = 0; i < hashes.length; i += 400) {
				const part = hashes.slice(i, i + 400);
				list.push({ name: "revokeMany", args: [lock, part], gas: 120000 + part.length * 32000 });
			}
			return onLock(lock, list, how);
		};
		w.announce = (lock, s, how) => act([{ name: "announce", args: [lock, w.hash(s)], gas: 100000 }], how);
		w.place = () => place(w.chain.http, artifact(), [], mine);
	},
};
