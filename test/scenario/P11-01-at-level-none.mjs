export const name = "no proof is wanted, and one of two endpoints contradicts its header or itself: asked elsewhere, counted, never stored";

import { liars } from "../lib/lies.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await liars(t);
	const said = [];
	for (const [lie, what] of [
		[{ kind: "forge", field: "blockHash" }, "another block hash"],
		[{ kind: "forge", field: "removed", value: true, every: 2 }, "a removed log"],
		[{ kind: "forge", field: "transactionIndex", every: 2 }, "another transaction index"],
		[{ kind: "forge", field: "logIndex", value: "0x0" }, "log indexes twice"],
		[{ kind: "forge", field: "transactionHash", every: 2 }, "a transaction that is not of the block"],
		[{ kind: "forge", field: "topic1" }, "a topic that the bloom does not hold"],
		[{ kind: "empty" }, "no logs where the bloom says that there may be some"],
		[{ kind: "forge", field: "logsBloom", in: "headers" }, "a header with another bloom"],
	]) said.push((await w.catches(lie, what)).replace(/(,|of)? ?block \d+/, ""));
	await w.counted();

	// copies and another order are no lies: each log counts once
	await w.begin();
	const before = w.lied(w.reader).length;
	for (const kind of ["repeat", "shuffle", "reverse"]) {
		await w.scripted.do({ lie: { on: [0, 1], kind, id: kind } });
		await w.blocks(3);
		await w.waitFor(async () => (await w.one("SELECT count(*)::int AS n, count(DISTINCT (_block, _log))::int AS d, max(_block)::int AS top FROM box.put").then(async (r) => r.n === r.d && r.top === await w.scripted.head())), kind);
		await w.scripted.do({ truth: kind });
		await w.caught(kind);
	}
	assert.equal(w.lied(w.reader).length, before);
	t.note(said.join(" · "));
}
