export const name = "the whole way on hardhat, another node than the one all else runs on: 37 tokens";

import { exactlyOnce, withoutSkip } from "../lib/faults.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ chain: "hardhat", mining: 0.5, fleet: "all", yaml: withoutSkip });
	const ids = Array.from({ length: 37 }, (_, i) => i + 1);
	await w.batchReveal(ids);
	const bulks = await exactlyOnce(w, ids);
	assert.deepEqual(bulks.map((b) => b.ids.length), [10, 10, 10, 7]);
	assert.deepEqual(bulks.flatMap((b) => b.ids), ids);
}
