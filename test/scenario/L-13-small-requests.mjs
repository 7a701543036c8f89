export const name = "an endpoint that takes few calls a request, few addresses a filter, few calls a second: history and head are read all the same, and the limit is kept to";

import { reading } from "../lib/reading.mjs";

export default async function (t) {
	const { assert } = t;
	const addresses = Array.from({ length: 12 }, (_, i) => `0x${"00".repeat(19)}${(0x10 + i).toString(16)}`);
	const contracts = `  Book:\n    chain: main\n    address: [${addresses.map((a) => `"${a}"`).join(", ")}]\n    start: 1\n    abi:\n      - event Noted(uint256 indexed n, uint256 amount)\n`;
	const w = await reading(t, { contracts });
	const { n } = w;
	await n.event("many", addresses, "Noted(uint256 indexed n, uint256 amount)", { n: { seq: 1 } });
	const book = (blocks, count = [0, 4]) => n.mine(blocks, { logs: { shape: "many", count } });
	const agrees = () => w.agreesOn(w.oracle, { address: addresses });
	await w.start("listener");
	await w.stop("listener");
	const both = async (limit) => {
		await w.sql("UPDATE fairlead.endpoint SET calls_cap = NULL, filter_cap = NULL, range_cap = NULL, results_cap = NULL");
		await n.do({ limit: { on: w.ours, ...limit } });
		await book(60);
		await w.start("listener");
		await w.waitFor(agrees, `the history with ${JSON.stringify(limit)}`);
		for (let i = 0; i < 2; i++) {
			await book(1, 2);
			await w.waitFor(agrees, `the head with ${JSON.stringify(limit)}`);
		}
		await n.do({ reorg: { depth: 2, blocks: 3, keep: "none", logs: { shape: "many", count: 2 } } });
		await w.waitFor(agrees, `a reorg with ${JSON.stringify(limit)}`);
		await w.stop("listener");
		await n.do({ limit: { on: w.ours, batch: 0, addresses: 0, rps: 0 } });
	};
	for (const limit of [{ batch: 5 }, { batch: 3 }, { batch: 2 }, { batch: 1 }, { addresses: 5 }, { addresses: 1 }, { rps: 150, as: "cloudflare" }, { rps: 40 }]) await both(limit);
	assert.ok((await w.rows()).length > 100);
}
