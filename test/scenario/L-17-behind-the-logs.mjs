export const name = "an endpoint that hangs in a question behind the logs is left for another one, long before its time is over: for children of factories, for times of blocks, and in a sweep";

import { reading } from "../lib/reading.mjs";

const F = "0x00000000000000000000000000000000000000f1", C = "0x00000000000000000000000000000000000c0001";
const CREATED = "Created(address indexed child, uint256 n)", SAID = "Said(uint256 indexed n)";
const contracts = `  Factory:\n    chain: main\n    address: "${F}"\n    start: 1\n    abi:\n      - event ${CREATED}\n  Child:\n    chain: main\n    address: { from: Factory.Created.child }\n    start: 1\n    abi:\n      - event ${SAID}\n`;

export default async function (t) {
	const chain = { timeout: "120s" }; // longer than this row may take
	const hangs = (w, how) => w.n.do({ mood: { on: w.ours, times: 1, hang: true, ...how } });

	let w = await reading(t, { endpoints: 2, contracts, chain });
	await w.n.mine(1, { txs: [{ logs: [{ address: F, event: CREATED, args: { child: C, n: 1 } }, { address: C, event: SAID, args: { n: 1 } }] }] });
	await w.n.mine(60);
	await hangs(w, { method: "eth_getLogs", holding: C.slice(2), via: "http" });
	await w.start("listener");
	await w.waitFor(async () => (await w.done()) === (await w.n.head()) && (await w.sql("SELECT FROM child.said")).length === 1, "what the child has said");
	await w.stopAll();

	w = await reading(t, { endpoints: 2, chain });
	await w.n.do({ set: { time_in_logs: false } });
	await w.book(60, 1);
	await hangs(w, { method: "eth_getBlockByHash" });
	await w.start("listener");
	await w.waitFor(w.agrees, "the history, with its times");
	await w.stopAll();

	w = await reading(t, { endpoints: 2, chain: { ...chain, sweep: "1s" } });
	await w.book(30, 1);
	await w.start("listener");
	await w.waitFor(w.agrees, "the head");
	await hangs(w, { method: "eth_getLogs", holding: "fromBlock" });
	await w.book(5, 1);
	await w.waitFor(w.agrees, "live blocks");
	const head = await w.n.head();
	await w.waitFor(async () => (await w.one("SELECT swept_to >= $1 AS x FROM fairlead.chain", [head])).x, "the sweep to have gone by them");
}
