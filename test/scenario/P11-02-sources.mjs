export const name = "completeness: sources: one of two endpoints omits and forges; what they differ about is settled by receipts, and with one endpoint the chain waits and says so";

import { liars } from "../lib/lies.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await liars(t, { completeness: "sources" });
	const n = w.scripted;
	for (const [lie, what] of [
		[{ kind: "omit", every: 2 }, "logs left out"],
		[{ kind: "forge", field: "data" }, "other data"],
		[{ kind: "forge", field: "transactionIndex", every: 2 }, "another transaction index"],
		[{ kind: "empty" }, "no logs at all"],
	]) await w.catches(lie, what);
	await w.counted();
	const levels = Object.keys(await w.levels());
	assert.ok(levels.every((l) => l === "sources" || l === "receipts") && levels.includes("sources"), levels.join());

	// neither has receipts: nothing settles what they differ about, so the cursor stays before it
	await n.do({ mood: { method: ["eth_getBlockReceipts", "eth_getTransactionReceipt"], error: { code: -32601, message: "the method does not exist" } } });
	await w.begin();
	await w.blocks(80);
	await w.caught();
	await n.do({ lie: { on: 1, kind: "omit", log: 0, in: "logs" } });
	const before = await n.head();
	await w.blocks(1);
	await w.waitFor(() => w.reader.lines("proof.differ").length > 0, "two that differ to be said");
	await w.blocks(3);
	await w.waitFor(async () => (await w.health(w.reader.name, "/readyz")).body.includes("differ"), "/readyz to say why");
	assert.equal((await w.one("SELECT done::int AS done FROM fairlead.chains")).done, before, "the cursor does not pass a block that two say different things about");
	await n.do({ truth: true });
	await w.caught("both to say the same again");

	await n.do({ down: { on: 1 } });
	await w.blocks(2);
	await w.waitFor(async () => (await w.health(w.reader.name, "/readyz")).body.includes("needs two endpoints on different hosts"), "/readyz to say that one is missing");
	assert.equal(await w.agrees(), false);
	await n.do({ up: { on: 1 } });
	await w.caught("the second endpoint to be back");
}
