export const name = "S6: batches that fail through no fault of an item: a contract that is paused, another owner, a slot of ours that is still unmined, more gas than a transaction may have, halves that pass where the whole fails. Nothing is parked, everything lands once";

import { RpcError } from "../lib/node.mjs";
import { need } from "../../deploy/run/npm.mjs";

const { ethers } = need("ethers");

const yaml = `
name: innocent
chains:
  main: { rpc: "\${RPC_URL}", ws: "\${WS_URL}", poll: 100ms, timeout: 2s, final: 2 }
contracts:
  Box:
    address: \${CONTRACT_ADDRESS}
    start: 1
    abi:
      - event Put(uint256 indexed id)
      - event Big(uint256 indexed id)
      - function act(uint256[] ids)
      - function big(uint256[] ids)
      - function owner() view returns (address)
signers:
  owner: { key: "\${OWNER_PRIVATE_KEY}", must: "Box.owner() == owner.address()" }
batches:
  act: { key: id, max: 4, wait: 20ms, send: "Box.act(id[])" }
  big: { key: id, max: 10, gas: 8000000, wait: 20ms, send: "Box.big(id[])" }
rules:
  - { on: Box.Put, batch: act }
  - { on: Box.Big, batch: big }
`;

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ app: "ktty", chain: "node", proxy: "js", mapping: {}, yaml });
	const n = w.scripted, A = w.address;
	const act = "act(uint256[] ids)", word = (address) => `0x${"00".repeat(12)}${address.slice(2)}`;
	await n.event("put", A, "Put(uint256 indexed id)", { id: { seq: 1 } });
	await n.event("big", A, "Big(uint256 indexed id)", { id: { seq: 1001 } });
	await n.do([
		{ contract: { address: A, returns: word(w.owner) } },
		{ contract: { address: A, function: act, count: "ids", gas: 30000, gas_each: 25000 } },
		{ contract: { address: A, function: "big(uint256[] ids)", count: "ids", gas: 30000, gas_each: 3000000 } },
	]);
	let mining = true;
	let turning = true;
	const miner = (async () => {
		while (turning) {
			await n.mine(1, mining ? {} : { pool: false });
			await new Promise((r) => setTimeout(r, 60));
		}
	})();
	t.ends.push(async () => {
		turning = false;
		await miner;
		return { problems: [] };
	});
	for (const p of ["listener", "batcher", "submitter", "reconciler"]) await w.start(p);
	const effects = () => n.do({ effects: { address: A } });
	const lands = (ids, what) => w.waitFor(async () => {
		const e = await effects();
		return ids.every((id) => e[id] === 1);
	}, what, 60000);
	let last = 0;
	const put = async (k) => {
		await n.mine(1, { pool: mining, logs: { shape: "put", count: k } });
		return Array.from({ length: k }, () => ++last);
	};
	const blocked = (text) => w.waitFor(async () => text.test((await w.health("submitter")).body), `/readyz to say ${text}`, 30000);
	const none = async (what) => assert.equal((await w.one("SELECT count(*)::int AS n FROM fairlead.item WHERE state IN ('parked', 'dead')")).n, 0, `nothing is parked: ${what}`);

	await lands(await put(4), "a batch as usual");

	await n.do({ contract: { address: A, function: act, revert: "Pausable: paused" } });
	const paused = await put(8);
	await blocked(/is blocked: Box.act: .*paused/);
	await none("paused");
	await n.do({ contract: { address: A, function: act, count: "ids", gas: 30000, gas_each: 25000 } });
	await lands(paused, "what waited for the pause to end");

	await n.do([{ contract: { address: A, function: act, revert: "Ownable: caller is not the owner" } }, { contract: { address: A, function: "owner()", returns: word(`0x${"22".repeat(20)}`) } }]);
	const disowned = await put(4);
	await blocked(/is blocked: .*may not send: Box.owner\(\) is 0x2222.*it must be 0x/i);
	await none("another owner");
	await n.do([{ contract: { address: A, function: act, count: "ids", gas: 30000, gas_each: 25000 } }, { contract: { address: A, function: "owner()", returns: word(w.owner) } }]);
	await lands(disowned, "what waited for the owner");

	// What comes second needs what is unmined: it fails until that is mined.
	mining = false;
	const first = await put(4);
	await w.waitFor(async () => Object.values(await n.do({ pool: true })).flat().length === 1, "the first of two to wait in the pool");
	await n.do({ contract: { address: A, function: act, count: "ids", poison: [last + 1, last + 2, last + 3, last + 4], revert: "the other one first" } });
	const second = await put(4);
	await w.waitFor(async () => (await w.one("SELECT count(*)::int AS n FROM fairlead.batch WHERE state = 'ready'")).n === 1, "the second to wait");
	await none("it waits for one of ours");
	await n.do({ contract: { address: A, function: act, count: "ids", gas: 30000, gas_each: 25000 } });
	mining = true;
	await lands([...first, ...second], "both");

	// A contract that takes two at a time, no more.
	const selector = ethers.id("act(uint256[])").slice(0, 10), twoAtMost = new ethers.Interface(["error Error(string)"]).encodeErrorResult("Error", ["two at most"]);
	const many = (call, next) => {
		const data = call.params[0]?.data ?? "";
		if (!data.startsWith(selector) || parseInt(data.slice(10 + 64, 10 + 128), 16) <= 2) return next();
		throw new RpcError(3, "execution reverted: two at most", twoAtMost);
	};
	const offs = ["eth_estimateGas", "eth_call"].map((m) => w.node.on(m, many));
	await lands(await put(8), "halves that pass where the whole fails");
	offs.forEach((off) => off());
	await none("two at most");

	// 3,000,000 gas each, 8,000,000 a batch: two at a time, learned from the first one that was too large.
	await n.mine(1, { logs: { shape: "big", count: 10 } });
	await lands(Array.from({ length: 10 }, (_, i) => 1001 + i), "ten that one transaction can't hold");
	await none("too much gas");
	await n.mine(1, { logs: { shape: "big", count: 6 } });
	await lands(Array.from({ length: 6 }, (_, i) => 1011 + i), "six more");
	const cut = await w.sql("SELECT items FROM fairlead.batch WHERE name = 'big' AND state IN ('bound', 'done') ORDER BY id DESC LIMIT 3");
	assert.deepEqual(cut.map((r) => r.items), [2, 2, 2], "the cut knows by now how many fit");
	const e = await effects();
	assert.ok(Object.values(e).every((k) => k === 1), "each effect once");
	t.note(`${Object.keys(e).length} items`);
}
