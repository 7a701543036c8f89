export const name = "completeness: receipts: one of two endpoints omits, forges, and says wrong receipts; no event is lost, none is made up, and the liar is named";

import { liars } from "../lib/lies.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await liars(t, { completeness: "receipts" });
	const said = [];
	for (const [lie, what] of [
		[{ kind: "omit", every: 2 }, "logs left out"],
		[{ kind: "forge", field: "data" }, "other data"],
		[{ kind: "forge", field: "address" }, "another address"],
		[{ kind: "empty" }, "no logs at all"],
		[{ kind: "omit", every: 2, in: "receipts" }, "receipts without a log"],
		[{ kind: "forge", field: "data", in: ["logs", "receipts"] }, "logs and receipts that lie alike"],
		[{ kind: "forge", field: "receiptsRoot", in: "headers" }, "a header with another root"],
	]) said.push(await w.catches(lie, what));
	assert.deepEqual(Object.keys(await w.levels()), ["receipts"], "every block is proved");
	await w.counted();
	t.note(said.map((s) => s.replace(/,? ?block \d+/, "")).join(" · "));
}
