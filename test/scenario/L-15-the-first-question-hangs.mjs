export const name = "start: latest where the endpoint that is asked for the newest block hangs: another one is, and nothing before it is read";

import { BOOK, NOTED, reading } from "../lib/reading.mjs";

export default async function (t) {
	const { assert } = t;
	const contracts = `  Book:\n    chain: main\n    address: "${BOOK}"\n    start: latest\n    abi:\n      - event ${NOTED}\n`;
	const w = await reading(t, { endpoints: 2, ws: true, contracts, chain: { final: 4, timeout: "2s" } });
	await w.book(40);
	const newest = await w.n.head();
	await w.n.do({ mood: { on: 1, method: "eth_chainId", latency: 200 } }); // the first is asked first
	await w.n.do({ mood: { on: 0, method: "eth_blockNumber", hang: true } });
	await w.start("listener");
	await w.waitFor(async () => (await w.done()) >= newest, "the cursor at the newest block");
	await w.book(3);
	await w.waitFor(async () => (await w.done()) === newest + 3, "the head");
	assert.deepEqual([...new Set((await w.rows()).map((r) => r[0]))], [newest + 1, newest + 2, newest + 3]);
}
