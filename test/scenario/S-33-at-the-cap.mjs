export const name = "P13, K-19: at gas.max a replacement is held, said once, and the same bytes are mined when the market falls; a cancel is held too, and goes above it with cancel_max";

import { box } from "../lib/box.mjs";

const gwei = 10n ** 9n;

export default async function (t) {
	const { assert } = t;
	const cap = 20n * gwei;
	const world = async (more, ...rest) => {
		const b = await box(t, { yaml: (text) => text.replace('max: "1000 gwei" }', `max: "20 gwei" }${more}`).replace("final: 3", "final: 3\n    window: 5000") });
		await b.n.do({ chain: { base_fee: 15e9 } });
		await b.mine(3);
		await b.start("listener", "batcher", "submitter", "reconciler");
		await b.put([1]);
		await b.w.waitFor(async () => (await b.n.do({ pool: true })).length === 1, "the transaction");
		for (const id of rest) {
			await b.put([id]);
			await b.w.waitFor(async () => (await b.slots()).length === id, `the batch of ${id}`);
		}
		await b.n.do({ chain: { base_fee: 21e9 } });
		await b.mine(1, { pool: false });
		return b;
	};
	const attempts = (b) => b.w.sql("SELECT kind, fee FROM fairlead.attempt ORDER BY nonce, n");
	// All but the first three blocks: the event's among them.
	const gone = async (b) => {
		const head = Number(await b.n.rpc("eth_blockNumber"));
		return { depth: head - 3, blocks: head - 2, keep: "none", pool: false };
	};
	const held = (b, re) => b.w.lines("submitter", "gas.high").filter((l) => re.test(l.text));

	const b = await world("");
	await b.mined(() => held(b, /A replacement is held/).length, "the line", { pool: false });
	for (let i = 0; i < 5; i++) await b.mine(1, { pool: false });
	assert.equal(held(b, /replacement/).length, 1, "said once");
	assert.deepEqual(await attempts(b), [{ kind: "send", fee: String(cap) }]);
	const offered = await b.n.raws({ from: b.signer });
	assert.ok(offered.length > 1, "they left again");
	assert.equal(new Set(offered.map((r) => r.hash)).size, 1, "the same bytes");
	// its event goes: a cancel is wanted, and may not pay more either
	await b.n.do({ reorg: await gone(b) });
	await b.mined(() => held(b, /A cancel is wanted and held/).length, "the cancel to be held", { pool: false });
	assert.deepEqual((await attempts(b)).map((a) => a.kind), ["send"]);
	// the market falls: the first bytes are mined, by themselves
	await b.n.do({ chain: { base_fee: 12e9 } });
	await b.mined(async () => (await b.count()) === 6, "the nonce to be used");
	assert.deepEqual((await attempts(b)).map((a) => a.kind), ["send"]);

	const c = await world(', cancel_max: "60 gwei"', 2);
	const above = (a) => {
		assert.equal(a.kind, "cancel");
		assert.ok(BigInt(a.fee) * 8n >= cap * 9n && BigInt(a.fee) <= 60n * gwei, a.fee);
	};
	await c.mined(() => held(c, /A replacement is held/).length, "the line", { pool: false });
	// by hand: the second batch
	const { batch } = await c.w.one("SELECT batch FROM fairlead.slot ORDER BY nonce DESC LIMIT 1"), ordered = await c.w.run("submitter", ["--cancel", String(batch)]);
	assert.match(ordered.text, /is ordered/);
	await c.mined(async () => (await attempts(c)).length > 2, "the cancel that was ordered", { pool: false });
	above((await attempts(c))[2]);
	await c.n.do({ reorg: await gone(c) });
	await c.mined(async () => (await attempts(c)).length > 3, "the cancel", { pool: false });
	above((await attempts(c))[1]);
	await c.mined(async () => (await c.slots()).every((s) => s.closed === "cancelled"), "the slots to be closed");
	assert.deepEqual(await c.effects(), {});
}
