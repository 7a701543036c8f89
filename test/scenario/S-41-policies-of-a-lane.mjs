export const name = "limit and spend with room for a part: that part goes, the rest waits and says why; an item whose args were edited by hand is not signed; under a freeze a bump is refused and the no-op of a cancel goes";
export const limit = 120;
// P24, S3

import { box } from "../lib/box.mjs";

export default async function (t) {
	const { assert } = t;
	const most = 10n ** 18n;
	const b = await box(t, { yaml: (y) => y.replace("window: 16", 'window: 16, limit: 3/h, spend: { most: "1 ether", per: 1h }').replace("max: 2,", "max: 1,") });
	const { w, n } = b;
	const ready = (k) => w.waitFor(async () => (await w.one("SELECT count(*) AS n FROM fairlead.batch WHERE state = 'ready'")).n === k, `${k} ready batches`);
	const sends = async () => (await attempts()).filter((a) => a.n === 1).length;
	const attempts = () => w.sql("SELECT nonce, n, kind, fee FROM fairlead.attempt ORDER BY nonce, n");
	const refusals = (code) => w.sql("SELECT batch, nonce, kind, reason FROM fairlead.refusal WHERE reason LIKE $1 ORDER BY seq", [`policy_${code}%`]);
	const used = async (what) => BigInt((await w.one("SELECT coalesce(sum(amount), 0)::text AS n FROM fairlead.used WHERE what = $1", [what])).n);
	const later = () => w.sql("UPDATE fairlead.used SET till = till - interval '2 hours'");
	const done = (...ids) => b.mined(async () => { const is = await b.items(); return ids.every((id) => is[id] === "done"); }, `items ${ids} to be done`);

	// five are ready at once, three may go
	await b.start("listener", "batcher", "reconciler");
	await b.put([1, 2, 3, 4, 5]);
	await ready(5);
	await b.start("submitter");
	await w.waitFor(async () => (await refusals("limit")).length > 0, "the fourth to be refused");
	const [first, ...more] = await refusals("limit");
	assert.match(first.reason, /used="3" most="3" per="3600000" room="0"/);
	assert.deepEqual(more, [], "what three went before is told once, and as it is");
	assert.equal(await sends(), 3);
	assert.equal((await w.one("SELECT reason FROM fairlead.batch WHERE id = $1", [first.batch])).reason.split(" ")[0], "policy_limit");
	assert.equal(await used("limit"), 3n);
	await w.waitFor(async () => /3 transactions/.test((await w.health("submitter")).body), "/readyz to say it");

	// the money for one of the two that wait
	const cost = (await used("spend")) / 3n;
	assert.ok(cost > 0n && cost < most / 10n, String(cost));
	await later();
	await w.sql("INSERT INTO fairlead.used (signer, what, till, amount) VALUES ('owner', 'spend', clock_timestamp() + interval '1 minute', $1)", [String(most - (cost * 3n) / 2n)]);
	await w.stop("submitter");
	await b.start("submitter");
	await w.waitFor(async () => (await refusals("spend")).length > 0, "the refusals of spend");
	assert.ok((await refusals("spend")).every((r) => r.kind === "send" && r.reason.includes(`most="${most}"`)));
	assert.equal(await sends(), 4);
	assert.ok((await w.metric("submitter", "fairlead_policy_refusals_total", 'policy="spend"')) > 0);
	await w.sql("DELETE FROM fairlead.used");
	await w.stop("submitter");
	await b.start("submitter");
	await done(1, 2, 3, 4, 5);

	// what a person wrote into an item that waits is no number: it is not signed, the others are
	await w.sql("SELECT fairlead.freeze('a person', 'owner')");
	await w.sql("DELETE FROM fairlead.used");
	await b.put([6, 7]);
	await ready(2);
	await w.sql(`UPDATE fairlead.item SET args = '{"id": "0xfeed, 8"}' WHERE key = '6'`);
	await w.sql("SELECT fairlead.thaw('a person', 'owner')");
	await done(7);
	await w.waitFor(async () => (await b.items())[6] === "parked", "the edited item to be parked");

	// unmined under a freeze, the market passes it by: no bump; its event goes: the no-op does
	await n.do({ chain: { base_fee: 5e9 } });
	await b.mine(2);
	await b.put([9]);
	await w.waitFor(async () => (await n.do({ pool: true })).length === 1, "the transaction");
	const nonce = (await attempts()).at(-1).nonce;
	await w.sql("SELECT fairlead.freeze('a person', 'owner')");
	await w.waitFor(async () => /frozen/.test((await w.health("submitter")).body), "/readyz to say it");
	await n.do({ chain: { base_fee: 40e9 } });
	await b.mined(async () => (await refusals("frozen")).some((r) => r.kind === "bump" && r.nonce === nonce), "the bump to be refused", { pool: false });
	for (let i = 0; i < 3; i++) await b.mine(1, { pool: false });
	assert.deepEqual((await attempts()).filter((a) => a.nonce === nonce).map((a) => a.kind), ["send"]);
	const head = Number(await n.rpc("eth_blockNumber"));
	const { at } = await w.one("SELECT max(_block) AS at FROM box.put");
	await n.do({ reorg: { depth: head - at + 1, blocks: head - at + 2, keep: "none", pool: false } });
	await b.mined(async () => (await b.slots()).find((s) => s.nonce === nonce).closed === "cancelled", "the no-op to be mined");
	assert.equal((await b.effects())[9], undefined);
	await w.sql("SELECT fairlead.thaw('a person', 'owner')");
	await b.put([10]);
	await done(10);
	for (const id of [1, 2, 3, 4, 5, 7, 10]) assert.equal((await b.effects())[id], 1, `item ${id}`);
	const v = await w.run("reconciler", ["--verify"]);
	assert.equal(v.code, 0, v.text);
}
