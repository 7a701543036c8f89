export const name = "completeness: bloom: blocks that their bloom proves empty are not asked for logs; one of two endpoints says [] or shows another bloom, and nothing is lost";

import { liars } from "../lib/lies.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await liars(t, { completeness: "bloom" });
	const n = w.scripted;
	await w.catches({ kind: "empty" }, "no logs at all");
	await w.catches({ kind: "forge", field: "logsBloom", in: "headers" }, "a header with another bloom");
	await w.catches({ kind: "forge", field: "topic1" }, "a topic that the bloom does not hold");
	await w.counted();

	await n.forget();
	await w.begin();
	await w.blocks(1);
	await w.caught();
	await n.forget();
	for (let i = 0; i < 5; i++) {
		await n.mine(60);
		await w.waitFor(w.done, "blocks without logs");
	}
	const asked = (await n.count({ method: "eth_getLogs" }));
	await w.stopAll();
	await w.blocks(1); // shows that blooms are kept here
	await n.mine(300);
	await w.blocks(1);
	await w.begin();
	await w.caught("a history by hash");
	const levels = await w.levels();
	assert.ok(levels.bloom >= 500 && levels.none > 0, JSON.stringify(levels));
	// a block with logs is not proved by its bloom, one without is
	const proved = (await w.sql("SELECT DISTINCT fairlead.proof(_chain, _block) AS level FROM box.put")).map((r) => r.level);
	assert.deepEqual(proved, ["none"]);
	t.note(`${asked} questions for logs of 300 empty blocks`);
	assert.ok(asked <= 5, "only the newest, whose logs and header are one question");
}
