export const name = "37 tokens through a fleet that is built with address and undefined-behaviour sanitizers";

import { exactlyOnce, withoutSkip } from "../lib/faults.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ build: "asan", mining: 0.5, fleet: "all", yaml: withoutSkip, env: { BATCH_TIMEOUT_MS: "500" } });
	const ids = Array.from({ length: 37 }, (_, i) => i + 1);
	await w.revealEach(ids);
	const bulks = await exactlyOnce(w, ids);
	assert.equal(bulks.length, 4);
	await Promise.all(w.all.map((p) => p.stop()));
	for (const p of w.all) assert.equal(p.code, 0, `${p.name}: ${p.text()}`); // a leak or a report ends with 99
}
