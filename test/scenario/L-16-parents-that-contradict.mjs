export const name = "an endpoint whose blocks are not the children of those before them: no reorg, asked again with growing gaps, said, and read on when it is right";
// INV-11

import { reading } from "../lib/reading.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await reading(t, { chain: { range: 20, retry: '{ first: "2s", max: "3s" }' } });
	await w.book(40, [0, 2]);
	await w.start("listener");
	await w.waitFor(w.agrees, "a beginning");
	await w.stop("listener");
	await w.book(120, [0, 2]);
	// from the first header on that is asked for now, so that nothing is known of how hashes are made here
	await w.n.do({ lie: { on: w.ours, kind: "forge", field: "parentHash", in: "headers" } });
	await w.n.forget();
	await w.start("listener", { wait: "alive" });
	await w.waitFor(async () => {
		const { body } = await w.health("listener", "/readyz");
		if (body.includes("do not agree")) return true;
		throw new Error(body);
	}, "/readyz to say why", 8000);
	const asked = (await w.spans()).length;
	assert.ok(asked <= 40, `${asked} ranges were asked before it was waited for`);
	await w.heard("listener", (l) => l.ev === "provider.lied" && l.reason.includes("is not the child"));
	assert.deepEqual(await w.reorgs(), []);
	await w.n.do({ truth: true });
	await w.waitFor(w.agrees, "the history");
}
