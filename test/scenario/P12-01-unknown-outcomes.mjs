export const name = "P12: sends whose outcome is unknown, or a lie: every item is done once, with the bytes that were stored";

import { box } from "../lib/box.mjs";

export default async function (t) {
	const { assert } = t;
	const b = await box(t, { yaml: (y) => y.replace("max: 2, wait: 20ms", "max: 1, wait: 20ms") });
	const { w, n } = b;
	await b.start("listener", "batcher", "submitter", "reconciler");
	const open = async () => (await w.one("SELECT count(*) AS n FROM fairlead.slot WHERE closed IS NULL")).n;
	const closed = (n) => b.mined(async () => (await open()) === 0 && (await w.one("SELECT count(*) AS n FROM fairlead.slot")).n === n, `${n} slots to be closed`);

	// accepted, then the answer is lost, is an error, a page, a limit, another hash, nothing; then words that nobody knows
	const harms = [
		["unknown or known", { cut: "before" }], ["unknown or known", { cut: "middle" }], ["unknown", { status: 500, body: "oops" }], ["unknown", { status: 429, body: "slow down", headers: { "retry-after": "0" } }],
		["unknown", { status: 200, body: "<html>hello</html>", type: "text/html" }], ["unknown", { result: `0x${"ab".repeat(32)}` }], ["unknown", { result: null }], ["unknown", { result: true }],
		["nonce too low", { error: { code: -32000, message: "nonce too low" } }], ["known", { error: { code: -32000, message: "already known" } }], ["unknown", { error: { code: -32000, message: "frobnicated" } }],
		["unknown", { error: { code: -32603, message: "Internal error" } }], ["nonce too high", { error: { code: -32000, message: "nonce too high" } }],
	];
	let id = 0;
	for (const [, harm] of harms) {
		await n.do({ mood: { method: "eth_sendRawTransaction", behind: true, times: 1, ...harm } });
		await b.put([++id], { pool: false });
		await w.waitFor(async () => (await w.one("SELECT count(*) AS n FROM fairlead.sending s JOIN fairlead.attempt a USING (hash) WHERE a.nonce = $1", [4 + id])).n > 0, `${JSON.stringify(harm)}: its outcome to be noted`);
		await b.mined(async () => (await b.count()) === 5 + id, `${JSON.stringify(harm)}: it to be mined`);
	}
	// the same, swallowed: it says the hash and has nothing
	await n.do({ mood: { method: "eth_sendRawTransaction", swallow: true, times: 1 } });
	await b.put([++id], { pool: false });
	await closed(id);

	const effects = await b.effects();
	for (let i = 1; i <= id; i++) assert.equal(effects[i], 1, `item ${i}`);
	assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.slot WHERE closed <> 'done'")).n, 0);
	const hashes = new Set((await w.sql("SELECT encode(hash, 'hex') AS h FROM fairlead.attempt")).map((r) => `0x${r.h}`));
	for (const r of await n.raws({ from: b.signer })) assert.ok(hashes.has(r.hash), "what left is a row");
	const answers = await w.sql("SELECT DISTINCT ON (a.nonce) a.nonce, coalesce(s.answer, 'accepted') AS answer FROM fairlead.sending s JOIN fairlead.attempt a USING (hash) ORDER BY a.nonce, s.id");
	for (const [i, [words, harm]] of harms.entries()) assert.ok(words.split(" or ").includes(answers[i].answer), `${JSON.stringify(harm)} was noted as ${answers[i].answer}`);
}
