export const name = "factories on a chain with completeness: receipts: a creation that the endpoint leaves out is found with all that its child says, and a false one leaves no child behind";
// INV-9, R6, P11

import { reading } from "../lib/reading.mjs";

const F = "0x00000000000000000000000000000000000000f1";
const child = (i) => `0x${(0xc0000 + i).toString(16).padStart(40, "0")}`;
const CREATED = "Created(address indexed child, uint256 n)", SAID = "Said(uint256 indexed n)";

export default async function (t) {
	const { assert } = t;
	const contracts = `  Factory:\n    chain: main\n    address: "${F}"\n    start: 1\n    abi:\n      - event ${CREATED}\n  Child:\n    chain: main\n    address: { from: Factory.Created.child }\n    start: 1\n    abi:\n      - event ${SAID}\n`;
	const w = await reading(t, { contracts, chain: { completeness: "receipts", range: 30, window: 8, final: 2 } });
	const { n } = w;
	const create = (i) => ({ address: F, event: CREATED, args: { child: child(i), n: i } });
	const say = (i, k) => ({ address: child(i), event: SAID, args: { n: k } });
	const block = (...logs) => n.mine(1, { txs: [{ logs }] });
	const said = async () => (await w.sql("SELECT n::int AS n FROM child.said ORDER BY _block, _log")).map((r) => r.n);
	const is = (list) => async () => (await w.done()) === (await n.head()) && JSON.stringify(await said()) === JSON.stringify(list);
	const levels = async () => (await w.sql("SELECT DISTINCT level FROM fairlead.ranges")).map((r) => r.level);

	// honest first: what a chain's receipts are is learned
	await block(create(1), say(1, 1));
	await n.mine(30);
	await w.start("listener");
	await w.waitFor(is([1]), "a history");
	await w.stop("listener");

	// creations are left out of the answers about logs: their children are known by receipts alone
	await block(create(2), say(2, 2));
	const omitted = await n.head();
	await block(say(2, 3), say(3, 99));
	await n.mine(30);
	await block(say(2, 4));
	await n.mine(40);
	await n.do({ lie: { on: w.ours, kind: "omit", log: 0, from: omitted, to: omitted } });
	await w.start("listener");
	await w.waitFor(is([1, 2, 3, 4]), "what the child of a creation that was left out has said");
	assert.deepEqual(await levels(), ["receipts"]);
	await w.stop("listener");
	await n.do({ truth: true });

	// a creation that never was: its child's words are nobody's
	const forged = (await n.head()) + 1;
	await block(create(4), say(4, 5));
	await block(say(7, 98));
	await n.mine(20);
	await block(say(7, 97), say(4, 6));
	await n.mine(40);
	await n.do({ lie: { on: w.ours, kind: "forge", field: "topic1", value: `0x${child(7).slice(2).padStart(64, "0")}`, log: 0, from: forged, to: forged } });
	await w.start("listener");
	await w.waitFor(is([1, 2, 3, 4, 5, 6]), "the children that there are");
	await block(say(7, 96), say(4, 7));
	await n.mine(1);
	await w.waitFor(is([1, 2, 3, 4, 5, 6, 7]), "at the head, too");
	assert.deepEqual(await levels(), ["receipts"]);
	await w.heard("listener", "provider.lied");
}
