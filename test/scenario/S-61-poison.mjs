export const name = "S6: one item that can never go among 10, and among 250: it alone is parked, with the contract's word for it, all others land once; the node is asked at most 2·⌈log2 n⌉ + 2 times, and twice at another head";

import { need } from "../../deploy/run/npm.mjs";

const { ethers } = need("ethers");
const yaml = `
name: poison
chains:
  main: { rpc: "\${RPC_URL}", ws: "\${WS_URL}", poll: 100ms, timeout: 5s, final: 2 }
contracts:
  Box:
    address: \${CONTRACT_ADDRESS}
    start: 1
    abi:
      - event Put(uint256 indexed id)
      - function act(uint256[] ids)
      - error Missing(uint256 id)
signers:
  owner: { key: "\${OWNER_PRIVATE_KEY}" }
batches:
  act: { key: id, max: 250, wait: 300ms, retry: { tries: 3, first: 1h }, send: "Box.act(id[])" }
rules:
  - { on: Box.Put, batch: act }
`;

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ app: "ktty", chain: "node", proxy: "js", mapping: {}, yaml });
	const n = w.scripted, A = w.address, errors = new ethers.Interface(["error Missing(uint256 id)"]);
	const selector = ethers.id("act(uint256[])").slice(0, 10);
	await n.event("put", A, "Put(uint256 indexed id)", { id: { seq: 1 } });
	let turning = true;
	const miner = (async () => {
		for (; turning; await new Promise((r) => setTimeout(r, 60))) await n.mine(1);
	})();
	t.ends.push(async () => {
		turning = false;
		await miner;
		return { problems: [] };
	});
	const sick = [7, 10 + 133];
	await n.do([{ contract: { address: A, returns: "0x" } }, { contract: { address: A, function: "act(uint256[] ids)", count: "ids", gas: 30000, gas_each: 25000, poison: sick, revert: errors.encodeErrorResult("Missing", [7]) } }]);
	for (const p of ["listener", "batcher", "submitter", "reconciler"]) await w.start(p);
	let last = 0;
	for (const size of [10, 250]) {
		const ids = Array.from({ length: size }, () => ++last), bad = ids.find((id) => sick.includes(id));
		w.node.forget();
		await n.mine(1, { logs: { shape: "put", count: size } });
		await w.waitFor(async () => {
			const e = await n.do({ effects: { address: A } });
			return ids.every((id) => id === bad || e[id] === 1);
		}, `all but one of ${size}`, 60000);
		await w.waitFor(async () => (await w.one("SELECT count(*)::int AS n FROM fairlead.item WHERE state = 'parked' AND key = $1", [String(bad)])).n === 1, `item ${bad} to be parked`, 60000);
		const asked = w.node.calls.filter((c) => /^eth_(estimateGas|call)$/.test(c.method) && (c.params[0]?.data ?? "").startsWith(selector)).length;
		const most = 2 * Math.ceil(Math.log2(size)) + 2 + 2 + 1; // and once more at another head: itself, and something that passes; what passes is asked anew where it waited
		assert.ok(asked <= most, `${asked} questions, at most ${most}`);
		t.note(`${size}: ${asked} questions`);
	}
	const parked = await w.sql("SELECT key::int AS id, reason FROM fairlead.item WHERE state IN ('parked', 'dead') ORDER BY key::int");
	assert.deepEqual(parked.map((r) => r.id), sick);
	for (const r of parked) assert.match(r.reason, /Missing/);
	const e = await n.do({ effects: { address: A } });
	assert.ok(Object.values(e).every((k) => k === 1) && Object.keys(e).length === last - 2);
}
