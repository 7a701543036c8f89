// A world for tests of sending: the scripted node, one contract with events Put(id) that become items, a fleet that calls act(ids); no skip:.
//
//   const b = await box(t, { yaml: (text) => text, env, nonce: 5, … })   options of t.world beside; starts nothing
//   b.w  b.n (the scripted node)  b.address (of the contract)  b.signer (lower case)  b.wallet
//   await b.put([1, 2])          a block with an event for each
//   await b.mine(k, options)     blocks, with what waits in the pool;  await b.mined(fn, what, options)  mines until fn() is true
//   await b.effects()            { id: times }: how often each was done on the chain as it stands
//   await b.count()              the account's count at the head
//   await b.send({ nonce, to, data, … })   a transaction of the same key, signed elsewhere; returns its hash
//   await b.authorize(nonce)     an EIP-7702 authorization of the key, for { txs: [{ type: 4, auths: [...] }] }
//   await b.items()              { id: state };  await b.slots()   [{ nonce, closed, kinds }]
//   await b.start("listener", …) programs
import { need } from "../../deploy/run/npm.mjs";
import { keys } from "./world.mjs";

const { ethers } = need("ethers");
export const ADDRESS = "0x5FbDB2315678afecb367f032d93F642f64180aa3";

// One contract with events Put(id) that become items, a batch act of it, a signer owner.
export const boxYaml = ({ name = "box", final = 3, retry = "100ms", signer = 'key: "${OWNER_PRIVATE_KEY}", gas: { max: "1000 gwei" }, window: 16', batch }) => `
name: ${name}
chains:
  main:
    rpc: \${RPC_URL}
    ws: \${WS_URL}
    poll: 50ms
    timeout: 2s
    retry: { first: "20ms", max: "${retry}" }
    reconnect: { first: "20ms" }
    final: ${final}
contracts:
  Box:
    chain: main
    address: \${CONTRACT_ADDRESS}
    start: 1
    abi:
      - event Put(uint256 indexed id)
      - function act(uint256[] ids)
signers:
  owner: { chain: main, ${signer} }
batches:
  act: { key: id, ${batch} }
rules:
  - on: Box.Put
    batch: act
`;
export const text = boxYaml({ batch: 'max: 2, wait: 20ms, retry: { tries: 9, first: "50ms", max: "200ms" }, send: "Box.act(id[])", signer: owner' });

export async function box(t, { yaml = (x) => x, nonce = 5, contract = {}, ...more } = {}) {
	const wallet = new ethers.Wallet(keys[0]);
	const signer = wallet.address.toLowerCase();
	const w = await t.world({ app: "ktty", chain: "node", mapping: {}, yaml: yaml(text), ...more });
	const n = w.scripted;
	const b = { w, n, wallet, signer, address: ADDRESS };
	await n.do([
		{ account: { address: signer, nonce } },
		{ contract: { address: ADDRESS, function: "act(uint256[] ids)", count: "ids", ...contract } },
	]);
	await n.event("put", ADDRESS, "Put(uint256 indexed id)", {});
	b.mine = (k = 1, options = {}) => n.mine(k, options);
	b.put = (ids, options = {}) => n.mine(1, { txs: ids.map((id) => ({ key: `put ${id}`, to: ADDRESS, logs: [{ address: ADDRESS, event: "Put(uint256 indexed id)", args: { id } }] })), pool: false, ...options });
	b.mined = (fn, what, options = {}, ms = 30000) =>
		w.waitFor(async () => {
			if (await fn()) return true;
			await n.mine(1, options);
			return false;
		}, what, ms);
	b.effects = () => n.do({ effects: { address: ADDRESS } });
	b.count = async (at = "latest") => Number(await n.rpc("eth_getTransactionCount", [signer, at]));
	b.sign = (tx) => wallet.signTransaction({ type: 2, chainId: 31337, to: signer, gasLimit: 100000, maxFeePerGas: 100n * 10n ** 9n, maxPriorityFeePerGas: 50n * 10n ** 9n, ...tx });
	b.send = async (tx) => n.rpc("eth_sendRawTransaction", [await b.sign(tx)]);
	b.authorize = async (at) => {
		const a = await wallet.authorize({ address: "0x63c0c19a282a1B52b07dD5a65b58948A07DAE32B", chainId: 31337, nonce: at });
		return { chainId: Number(a.chainId), address: a.address, nonce: Number(a.nonce), yParity: a.signature.yParity, r: a.signature.r, s: a.signature.s };
	};
	b.items = async () => Object.fromEntries((await w.sql("SELECT key, state FROM fairlead.item ORDER BY id")).map((r) => [r.key, r.state]));
	b.slots = () => w.sql("SELECT s.nonce, s.closed, array(SELECT a.kind FROM fairlead.attempt a WHERE (a.chain, a.signer, a.nonce) = (s.chain, s.signer, s.nonce) ORDER BY n) AS kinds FROM fairlead.slot s ORDER BY nonce");
	b.halt = async () => JSON.parse((await w.health("submitter", "/status")).body).signers[0].halt;
	b.start = async (...names) => {
		for (const p of names) await w.start(p);
	};
	return b;
}
