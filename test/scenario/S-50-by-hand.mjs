export const name = "by hand: cancel, resend, retry, drop and explain, each twice, with wrong words, while PostgreSQL is away, and racing inclusion both ways";

import { writeFileSync, readFileSync } from "node:fs";
import { join } from "node:path";

export default async function (t) {
	const { assert } = t;
	const gwei = 10n ** 9n, cap = 20n * gwei;
	const w = await t.world({ mining: "manual", fleet: ["listener", "batcher", "reconciler"], env: { BATCH_TIMEOUT_MS: "50", MAX_GAS_PRICE: String(cap) } });
	const noKey = { OWNER_PRIVATE_KEY: null }; // no command needs one
	const by = (...args) => w.run("submitter", args, { env: noKey });
	const said = async (code, says, ...args) => {
		const r = await by(...args);
		assert.equal(r.code, code, `${args.join(" ")}: ${r.text}`);
		assert.match(r.text, says, args.join(" "));
		return r.out;
	};
	const market = async (wei) => {
		await w.chain.rpc("anvil_setNextBlockBaseFeePerGas", `0x${wei.toString(16)}`);
		await w.mine();
	};
	const mineFor = (fn, what) => w.waitFor(async () => (await market(2n * gwei)) ?? fn(), what);
	const newest = async () => (await w.one("SELECT max(id) AS id FROM fairlead.batch")).id;
	const batchOf = async (key) => (await w.one("SELECT batch FROM fairlead.item WHERE key = $1", [String(key)])).batch;

	// words that are wrong, and things that are not there
	await said(64, /number of a batch, not of twelve/, "--cancel", "twelve");
	await said(64, /needs BATCH/, "--resend=");
	await said(64, /one thing at a time/, "--cancel", "1", "--resend", "1");
	await said(64, /number of a batch/, "--explain", "0x12");
	for (const [flag, of] of [["--cancel", "999"], ["--resend", "999"], ["--drop", "999"], ["--retry", "reveal:999"], ["--retry", "reveal"], ["--explain", "999"], ["--explain", "0xdeadbeefdead"]]) await said(1, /ktty has no /, flag, of);
	const away = await w.run("submitter", ["--cancel", "1"], { env: { ...noKey, DATABASE_URL: "postgresql://nobody@127.0.0.1:1/none" } });
	assert.equal(away.code, 75, away.text);
	assert.match(away.err, /nothing was done/);
	writeFileSync(join(w.dir, "other.yaml"), readFileSync(w.yaml, "utf8").replace(/^name: ktty/m, "name: another"));
	const other = await w.run("submitter", ["--cancel", "1"], { env: noKey, file: join(w.dir, "other.yaml") });
	assert.equal(other.code, 78, other.text);
	assert.match(other.err, /belongs to the application ktty/);

	// not sent yet: dropped, its items parked; they go when they are retried
	await market(2n * gwei);
	await w.batchReveal([1, 2]);
	await w.waitFor(async () => (await w.one("SELECT state FROM fairlead.batch")).state === "ready", "a ready batch");
	const first = await newest();
	await said(0, /never sent, so there is nothing/, "--resend", String(first));
	await said(0, /not signed yet: 2 items/, "--explain", String(first));
	await said(0, /is cancelled: it was not sent yet and never will be. Its 2 items are parked/, "--cancel", String(first));
	await said(0, /is cancelled already, by \S+: it was never sent/, "--cancel", String(first));
	assert.deepEqual(await w.sql("SELECT state, count(*) AS n FROM fairlead.item GROUP BY 1"), [{ state: "parked", n: 2 }]);
	await said(0, /never sent: 2 items[^]*Cancelled/, "--explain", String(first));
	w.writeMapping({ ...w.codes, 1: "other" }); // a new code for what is cancelled does not send it
	await said(0, /will never be sent/, "--drop", "reveal:2");
	await said(0, /is dropped already, by/, "--drop", "reveal:2");
	await said(0, /waits for the next batch/, "--retry", "reveal:2");
	const second = await w.waitFor(async () => (await newest()) !== first && newest(), "the batch of token 2");
	await said(0, /is on its way in batch/, "--retry", "reveal:2");
	await said(0, /cancel batch \d+ first/, "--drop", "reveal:2");
	assert.equal((await w.one("SELECT state FROM fairlead.item WHERE key = '1'")).state, "parked");

	// sent and lost by the node: it leaves again
	w.node.lose(1);
	await w.start("submitter");
	await w.waitFor(() => w.node.raws.length, "the transaction");
	const [lost] = w.node.raws;
	await said(0, /sent, not mined yet/, "--explain", lost.hash);
	await said(0, /is to be sent again/, "--resend", String(second));
	await w.waitFor(() => w.node.raws.filter((r) => r.hash === lost.hash).length > 1, "the same bytes again");
	assert.deepEqual(new Set(w.node.raws.map((r) => r.hash)).size, 1, "its price was right");
	await mineFor(() => w.codesSet([2]), "the code of token 2");
	await w.waitFor(async () => (await by("--resend", String(second))).out.includes("is mined in block"), "its receipt");
	await said(0, /too late to cancel it/, "--cancel", String(second));
	await w.mine(20);
	await w.waitFor(async () => (await by("--cancel", String(second))).out.includes("which is final"), "it to be final");
	const story = await said(0, /, final: 1 item, .* from event to mined\./, "--explain", String(second));
	for (const line of [/Seen\. {1,2}/, /Batched\. 1 item: its 50 ms were over/, /Signed\. By owner 0x\S+…\S{4} with nonce 1/, /Attempt 1 sent\. Pays up to .* gwei/, /Resend\. By \S+@/, /Sent again\./, /Mined\. Attempt 1 is in block \d+: success/, /Final\. Block \d+ is final/]) assert.match(story, line);
	assert.ok(!story.includes("\x1b") && story.split("\n").length <= 14, story);
	assert.equal(await said(0, /final/, "--explain", lost.hash.slice(0, 10)), story);

	// sent, and its cancel wins: items are parked for a person, and go when they are retried
	w.node.lose(1);
	await w.batchReveal([3]);
	await w.waitFor(() => batchOf(3), "the batch of token 3");
	const third = await batchOf(3);
	await w.waitFor(async () => (await w.one("SELECT state FROM fairlead.batch WHERE id = $1", [third])).state === "bound", "it to be signed");
	await said(0, /The cancel of batch \d+ is ordered/, "--cancel", String(third));
	await w.waitFor(async () => (await by("--cancel", String(third))).out.includes("attempt 2 on nonce 2"), "the cancel to be signed");
	await mineFor(async () => (await by("--cancel", String(third))).out.includes("is mined in block"), "the cancel to be mined");
	await w.mine(20);
	await w.waitFor(async () => (await w.one("SELECT state FROM fairlead.item WHERE key = '3'")).state === "parked", "its item to be parked");
	await said(0, /is cancelled already, in block/, "--cancel", String(third));
	await said(0, /cancelled: 1 item[^]*Cancel\. By[^]*Cancel sent\.[^]*Cancel mined\.[^]*Cancel won\./, "--explain", String(third));
	assert.match((await w.one("SELECT reason FROM fairlead.item WHERE key = '3'")).reason, /^cancelled who=/);
	await said(0, /waits for the next batch/, "--retry", "reveal:3");
	await mineFor(() => w.codesSet([3]), "the code of token 3");
	assert.equal(await w.writes(3), 1);

	// above the cap it is held and says so; it goes when the market falls
	w.node.lose(1);
	await w.batchReveal([4]);
	await w.waitFor(() => batchOf(4), "the batch of token 4");
	const fourth = await batchOf(4);
	await w.waitFor(async () => (await w.one("SELECT state FROM fairlead.batch WHERE id = $1", [fourth])).state === "bound", "it to be signed");
	await market(60n * gwei);
	await w.waitFor(async () => BigInt(await w.metric("submitter", "fairlead_unmined")) === 1n, "the lane to know");
	await w.waitFor(async () => (await market(60n * gwei)) ?? (await by("--cancel", String(fourth))).out.includes("is wanted and held"), "the cancel to be held");
	await mineFor(async () => (await by("--cancel", String(fourth))).out.includes("is mined in block"), "the cancel to be mined");

	// mined before its cancel: it says so
	await w.batchReveal([5]);
	await w.waitFor(() => batchOf(5), "the batch of token 5");
	const fifth = await batchOf(5);
	await w.waitFor(() => w.node.raws.some((r) => String(r.args?.[0]) === "5"), "its transaction");
	w.programs.submitter.freeze();
	await said(0, /is ordered/, "--cancel", String(fifth));
	await said(0, /stands since .* ordered by/, "--cancel", String(fifth));
	await market(2n * gwei);
	w.programs.submitter.thaw();
	await mineFor(async () => w.lines("submitter", "cancel.lost").length, "the cancel to be lost");
	await w.mine(20);
	await w.waitFor(async () => (await by("--explain", String(fifth))).out.includes("Cancel lost."), "its end to be told");
	assert.equal(await w.writes(5), 1);
	assert.equal(await w.writes(4), 0);

	// all of it is in the audit trail, once each
	const acts = await w.sql("SELECT what, count(*) AS n, min(who) AS who FROM fairlead.act GROUP BY 1 ORDER BY 1");
	assert.deepEqual(acts.map((a) => [a.what, a.n]), [["cancel", 4], ["drop", 1], ["resend", 1], ["retry", 2]]);
	for (const a of acts) assert.match(a.who, /^\S+( as \S+)?@\S+$/);
}
