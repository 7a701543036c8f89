export const name = "the page's acts on batches, signers and rules, behind the admin token: each says first what it would do, does it once, and stands in the story";

const yaml = (text) => text.replace("  - on: Companions.TokenCodesUpdated\n", "  - name: codes\n    on: Companions.TokenCodesUpdated\n");

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "manual", fleet: "all", yaml, env: { BATCH_TIMEOUT_MS: "50", ADMIN_TOKEN: "a-token-of-the-test" } });
	const headers = { authorization: "Bearer a-token-of-the-test" };
	const asks = async (act, of) => (await w.http(`/_fairlead/act?act=${act}&of=${of}`)).json;
	const does = (act, of, more = headers) => w.http("/_fairlead/act", { method: "POST", json: { act, of: String(of) }, headers: more });
	const done = async (act, of, says, fresh = true) => {
		const r = await does(act, of);
		assert.equal(r.status, 200, `${act} ${of}: ${r.body}`);
		assert.match(r.json.text, says);
		assert.equal(r.json.done, fresh, r.body);
	};
	const batchOf = async (key) => (await w.one("SELECT batch FROM fairlead.item WHERE key = $1", [String(key)])).batch;

	// nobody without the token, nothing that is not there, no words that mean nothing
	for (const [act, of] of [["cancel", "1"], ["resend", "1"], ["freeze", "owner"], ["thaw", "owner"], ["replay", "codes"]]) {
		assert.equal((await does(act, of, {})).status, 401);
		assert.equal((await does(act, of, { authorization: "Bearer no" })).status, 401);
	}
	assert.equal((await does("cancel", "77")).status, 404);
	assert.equal((await does("resend", "77")).status, 404);
	for (const [act, of] of [["cancel", "x"], ["resend", "-1"], ["freeze", "nobody"], ["thaw", ""], ["replay", "nothing"], ["replay", "codes:x"], ["explain", "1"]]) assert.equal((await does(act, of)).status, 400, `${act} ${of}`);
	assert.deepEqual(await w.sql("SELECT * FROM fairlead.act"), []);

	// a batch that the node lost: sent again, then cancelled
	w.node.lose(2);
	await w.batchReveal([1]);
	await w.waitFor(() => w.node.raws.length, "the transaction");
	const batch = await batchOf(1);
	const story = async () => (await w.http(`/_fairlead/story/${(await w.one("SELECT id FROM fairlead.item WHERE key = '1'")).id}`)).json;
	assert.deepEqual((await story()).acts.map((a) => [a.act, a.of]), [["cancel", String(batch)], ["resend", String(batch)]]);
	const would = await asks("resend", batch);
	assert.ok(would.may && /signed bytes of attempt 1 leave again now/.test(would.effect), would.effect);
	assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.slot_order")).n, 0, "asking does nothing");
	await done("resend", batch, /is to be sent again/);
	await w.waitFor(() => w.node.raws.length > 1, "the same bytes");
	const effect = await asks("cancel", batch);
	assert.ok(effect.may && /used up by a transaction that does nothing/.test(effect.effect), effect.effect);
	assert.equal(effect.label, "Cancel it");
	await done("cancel", batch, /The cancel of batch \d+ is ordered/);
	await done("cancel", batch, /The cancel of batch \d+ stands since/, false);
	await w.waitFor(async () => (await w.mine()) && /is mined in block/.test((await asks("cancel", batch)).effect), "the cancel to be mined");
	await w.mine(20);
	await w.waitFor(async () => /is cancelled already/.test((await asks("cancel", batch)).effect), "it to be final");
	const after = await asks("cancel", batch);
	assert.equal(after.may, false);
	const told = (await story()).lines.map((l) => `${l.verb} ${l.text}`);
	for (const line of [/^Resend\. By admin/, /^Sent again\./, /^Cancel\. By admin/, /^Cancel sent\./, /^Cancel mined\./, /^Cancelled\. Cancelled by admin/]) assert.ok(told.some((l) => line.test(l)), `${line} in ${told.join("\n")}`);
	const [group] = await w.waitFor(async () => {
		const { groups } = (await w.http("/_fairlead/figures")).json.parked;
		return groups.length && groups;
	}, "what is parked");
	assert.match(group.cause, /Cancelled by admin/);
	assert.equal((await does("retry", group.of)).status, 200);
	await w.waitFor(async () => (await w.mine()) && w.codesSet([1]), "the code after all");

	// frozen by the page: the verdict says so, nothing new is signed; thawed from a shell: it goes
	const by = async (...args) => {
		const r = await w.run("submitter", args, { env: { OWNER_PRIVATE_KEY: null } });
		assert.equal(r.code, 0, r.text);
		return r.out;
	};
	const figures = async () => (await w.http("/_fairlead/figures")).json;
	assert.match((await asks("freeze", "owner")).effect, /nothing new is signed in its name/);
	await done("freeze", "owner", /Signer owner is frozen/);
	await done("freeze", "owner", /is frozen already, since .* by admin/, false);
	assert.match(await by("--freeze", "owner"), /is frozen already/);
	assert.match(await by("--freeze", w.owner.toLowerCase()), /is frozen already/);
	await w.waitFor(async () => /Signer owner is frozen/.test((await figures()).verdict.h1), "the verdict");
	assert.deepEqual((await figures()).signers[0].acts, ["thaw"]);
	const sent = w.node.raws.length;
	await w.batchReveal([2]);
	await w.waitFor(async () => (await w.one("SELECT count(*) AS n FROM fairlead.batch WHERE state = 'ready'")).n === 1, "a ready batch");
	await w.waitFor(async () => /frozen/.test((await w.health("submitter")).body), "the submitter to say so");
	await w.waitFor(async () => (await w.metric("submitter", "fairlead_lane_held", 'reason="frozen"')) === 1, "its gauge");
	await w.mine(3);
	assert.equal(w.node.raws.length, sent);
	assert.match(await by("--thaw", "owner"), /Signer owner signs again/);
	assert.match(await by("--thaw", "owner"), /is not frozen/);
	await w.waitFor(async () => (await w.mine()) && w.codesSet([2]), "the code of token 2");
	assert.equal((await w.run("submitter", ["--freeze", "nobody"])).code, 1);

	// a rule that no route names is applied again
	await w.waitFor(async () => (await w.one("SELECT count(*) AS n FROM token_codes")).n === 2, "its row");
	await w.mine(80);
	await w.waitFor(async () => (await w.one("SELECT done = $1 AND lag = 0 AS x FROM fairlead.chains", [await w.head()])).x, "the head");
	await w.sql("DELETE FROM token_codes");
	assert.match((await asks("replay", "codes:2")).effect, /applied again to each of its events that stands, from block 2 on/);
	await done("replay", "codes:2", /Rule codes is applied again, from block 2 on/);
	await w.waitFor(async () => (await w.mine()) && (await w.one("SELECT count(*) AS n FROM token_codes")).n === 2, "its row again");
	await w.waitFor(async () => (await w.one("SELECT count(*) AS n FROM fairlead.wish")).n === 0, "the wish to be done");
	assert.equal(await w.writes(1), 1);
	assert.deepEqual((await w.sql("SELECT what, count(*) AS n FROM fairlead.act GROUP BY 1 ORDER BY 1")).map((a) => [a.what, a.n]), [["cancel", 1], ["freeze", 1], ["replay", 1], ["resend", 1], ["retry", 1], ["thaw", 1]]);
}
