export const name = "factories: children from the creating block on, created and used in one block, hundreds of them, forgotten with the block that created them; where: becomes topics";

import { need } from "../../deploy/run/npm.mjs";
import { reading } from "../lib/reading.mjs";

const { ethers } = need("ethers");
const F = "0x00000000000000000000000000000000000000f1";
const child = (i) => `0x${(0xc0000 + i).toString(16).padStart(40, "0")}`;
const CREATED = "Created(address child, uint256 n)", SAID = "Said(uint256 indexed n, uint256 indexed kind)";

export default async function (t) {
	const { assert } = t;
	const contracts = `  Factory:\n    chain: main\n    address: "${F}"\n    start: 1\n    abi:\n      - event ${CREATED}\n  Child:\n    chain: main\n    address: { from: Factory.Created.child }\n    start: 1\n    abi:\n      - event ${SAID}\n`;
	const w = await reading(t, { contracts, chain: { range: 30, window: 12 } });
	const { n } = w;
	const create = (i) => ({ address: F, event: CREATED, args: { child: child(i), n: i } });
	const say = (i, k, kind = 1) => ({ address: child(i), event: SAID, args: { n: k, kind } });
	const said = async () => (await w.sql("SELECT n::int AS n, '0x' || encode(_address, 'hex') AS a, _block::int AS b FROM child.said ORDER BY _seq")).map((r) => [r.b, r.a, r.n]);
	// what a clean reading of the chain would give
	const truth = async () => {
		const logs = await n.rpc("eth_getLogs", [{ fromBlock: "0x1", toBlock: "latest" }], w.oracle);
		const since = new Map(logs.filter((l) => l.address === F).map((l) => [`0x${l.data.slice(26, 66)}`, Number(l.blockNumber)]).reverse());
		return logs.filter((l) => since.get(l.address) <= Number(l.blockNumber)).map((l) => [Number(l.blockNumber), l.address, Number(l.topics[1])]);
	};
	const right = async () => (await w.done()) === (await n.head()) && JSON.stringify(await said()) === JSON.stringify(await truth());
	const block = (...logs) => n.mine(1, { txs: [{ logs }] });
	await block(say(1, 1)); // before it is created: none of ours
	await block(create(1), say(1, 2), create(2));
	await block(say(2, 3), say(3, 4));
	await n.mine(25);
	await block(create(3), say(3, 5)); // another range
	await block(say(1, 6), say(2, 7), say(3, 8));
	for (let k = 0; k < 12; k++) await n.mine(1, { txs: [{ logs: Array.from({ length: 100 }, (_, i) => create(100 + k * 100 + i)) }] });
	await block(...Array.from({ length: 50 }, (_, i) => say(100 + i * 20, 1000 + i)));
	await n.mine(20);
	await w.start("listener");
	await w.waitFor(right, "the history");
	assert.equal((await said()).length, 5 + 50 + 1);
	// live
	await block(create(5000), say(5000, 20), say(5001, 21));
	await w.waitFor(right, "created and used in one block, live");
	await block(say(5000, 22), create(5001), say(5001, 23));
	await w.waitFor(right, "another");
	// the creation is taken back: its child is a stranger
	await n.do({ reorg: { depth: 1, blocks: 1, keep: "none", txs: [{ logs: [say(5001, 24), say(5000, 25)] }] } });
	await n.mine(1);
	await w.waitFor(right, "the creation taken back");
	assert.ok(!(await said()).some((r) => r[2] === 24));
	await w.stop("listener");
	await block(say(5001, 26), say(5000, 27));
	await n.do({ reorg: { depth: 3, blocks: 4, keep: "none", txs: [] } });
	await block(say(5000, 28), create(5001), say(5001, 29));
	await n.mine(14);
	await w.start("listener");
	await w.waitFor(right, "the same while stopped, and behind a restart");

	// where: lists become topics
	const v = await reading(t, { contracts: `  Child:\n    chain: main\n    address: "${child(1)}"\n    start: 1\n    abi:\n      - event ${SAID}\n`, rules: `  - on: Child.Said\n    where: { kind: [3, 5] }\n    log: "said"\n` });
	for (let i = 0; i < 40; i++) await v.n.mine(1, { txs: [{ logs: [say(1, i, i % 7)] }] });
	await v.start("listener");
	const only = async () => (await v.sql("SELECT kind::int AS k FROM child.said ORDER BY _seq")).map((r) => r.k);
	const want = Array.from({ length: 40 }, (_, i) => i % 7).filter((k) => k === 3 || k === 5);
	await v.waitFor(async () => (await v.done()) === 40 && JSON.stringify(await only()) === JSON.stringify(want), "those of the list");
	const topic = (k) => ethers.zeroPadValue(ethers.toBeHex(k), 32);
	for (const c of await v.calls()) assert.deepEqual(c.filter.topics?.[2], [topic(3), topic(5)], JSON.stringify(c.filter));
}
