export const name = "sending, what broke others: restarted with another gas configuration, one bell ten times to four workers, a burst answered out of order as nonce too high, an urgent batch behind cheap ones, a payload that no node takes at the head of the lane";

import { box } from "../lib/box.mjs";

const hurried = (y) =>
	y
		.replace('gas: { max: "1000 gwei" }', 'gas: { max: "${MAX:-1000} gwei", tip: "${TIP:-2} gwei" }')
		.replace("event Put(uint256 indexed id)", "event Put(uint256 indexed id)\n      - event Now(uint256 indexed id)\n      - function now(uint256[] ids)")
		.replace("rules:", '  now: { key: id, max: 1, wait: 20ms, within: 12s, send: "Box.now(id[])", signer: owner }\nrules:\n  - { on: Box.Now, batch: now }')
		.replace("act: { key: id, max: 2", "act: { key: id, max: 1, within: 5m");

export default async function (t) {
	const { assert } = t;
	const b = await box(t, { yaml: hurried });
	const { w, n } = b;
	await n.do({ contract: { address: b.address, function: "now(uint256[] ids)", count: "ids" } });
	await b.start("listener", "batcher", "submitter", "reconciler");
	let last = 0;
	const put = (k) => b.put(Array.from({ length: k }, () => ++last));
	const pooled = (k) => w.waitFor(async () => (await n.do({ pool: true })).length === k, `${k} transactions in the pool`);
	const slots = async () => (await w.one("SELECT count(*)::int AS n FROM fairlead.slot")).n;
	const closed = (k, ms) => b.mined(async () => (await w.one("SELECT count(*)::int AS n FROM fairlead.slot WHERE closed IS NULL")).n === 0 && (await slots()) === k, `${k} slots to be closed`, {}, ms);

	// Stored bytes are what leaves, whatever the file says of gas by then.
	await put(2);
	await pooled(2);
	const before = (await n.raws({ from: b.signer })).map((r) => r.hash);
	await w.kill9("submitter");
	await n.do({ evict: { from: b.signer, nonce: 5 } });
	await w.start("submitter", { env: { MAX: "700", TIP: "9" } });
	await pooled(2);
	assert.deepEqual(new Set((await n.raws({ from: b.signer })).map((r) => r.hash)), new Set(before), "the same bytes");
	await closed(2);

	// One bell, ten times, to four workers.
	for (const name of ["second", "third", "fourth"]) await w.start("submitter", { name });
	await put(4);
	await w.waitFor(async () => (await slots()) >= 2, "it to be taken");
	const [stream] = await w.redis("KEYS", "box:sends:*");
	for (let i = 0; i < 10; i++) await w.redis("XADD", stream, "*", "n", "1");
	await closed(6);

	// Higher nonces come before lower ones, the node says so: they are offered again.
	await n.do({ mood: { id: "high", method: "eth_sendRawTransaction", times: 9, error: { code: -32000, message: "nonce too high" } } });
	await put(5);
	await closed(11);

	// An urgent one does not wait behind what has time.
	await n.do({ mood: { id: "slow", method: ["eth_estimateGas", "eth_call"], latency: 300 } });
	await put(12);
	await b.put([], { txs: [{ key: "now", to: b.address, logs: [{ address: b.address, event: "Now(uint256 indexed id)", args: { id: 1001 } }] }] });
	await w.waitFor(async () => (await w.one("SELECT count(*)::int AS n FROM fairlead.batch WHERE name = 'now' AND state <> 'ready'")).n === 1, "the urgent one to be signed");
	await n.do({ calm: "slow" });
	await closed(24);
	const [urgent] = await w.sql("SELECT rank FROM fairlead.batch WHERE name = 'now'"), [other] = await w.sql("SELECT rank FROM fairlead.batch WHERE name = 'act' LIMIT 1");
	assert.ok(urgent.rank < other.rank);

	// The node takes nothing with this payload, and everything else.
	const bad = last + 1;
	await n.do({ mood: { id: "never", method: "eth_sendRawTransaction", holding: bad.toString(16).padStart(64, "0"), error: { code: -32000, message: "transaction type not permitted here" } } });
	await put(1);
	await w.waitFor(async () => (await slots()) === 25, "the bad one to be signed");
	await put(2);
	await closed(27, 120000);
	const items = await b.items(), effects = await b.effects();
	assert.equal(items[bad], "parked");
	for (let id = 1; id <= last; id++) assert.equal(effects[id] ?? 0, id === bad ? 0 : 1, `item ${id}`);
	assert.equal(effects[1001], 1);
	const fate = await b.slots();
	assert.deepEqual(fate.filter((s) => s.closed !== "done").map((s) => [s.nonce, s.closed, s.kinds.at(-1)]), [[29, "cancelled", "cancel"]]);
	assert.match((await w.run("submitter", ["--explain", String((await w.one("SELECT max(batch) AS n FROM fairlead.slot WHERE closed = 'cancelled'")).n)])).text, /cancel/i);
}
