export const name = "a rule is applied again to events that stand, from a block on: rows that were lost are back, no item and no transaction comes twice, nothing is said twice; what a reorg can still reach follows when it can't; a kill goes on with it";

const routes = `
  POST /again/codes:
    do: [ { replay: codes, from: start }, { reply: SELECT true AS success } ]
  POST /again/codes/late:
    do: [ { replay: codes, from: 300 }, { reply: SELECT true AS success } ]
  POST /again/reveals:
    do: [ { replay: reveals, from: start }, { reply: SELECT true AS success } ]
`;
const yaml = (text) => text.replace("\nserve:\n", `${routes}\nserve:\n`)
	.replace("  - on: Companions.TokenRevealed\n    batch: reveal", '  - name: reveals\n    on: Companions.TokenRevealed\n    do: [ { log: "revealed {tokenId}" }, { batch: reveal } ]')
	.replace("  - on: Companions.TokenCodesUpdated\n", "  - name: codes\n    on: Companions.TokenCodesUpdated\n");

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "auto", fleet: "all", yaml, env: { BATCH_TIMEOUT_MS: "100", CATCHUP_BATCH_SIZE: "2", MAX_BATCH_SIZE: "5" } });
	const post = (path) => w.http(path, { method: "POST" });
	const codes = async () => (await w.sql("SELECT token_id::int AS id, code FROM token_codes ORDER BY 1")).map((r) => r.id);
	const done = () => w.waitFor(async () => (await w.one("SELECT count(*) AS n FROM fairlead.wish")).n === 0, "the wish to be done");
	const all = Array.from({ length: 30 }, (_, i) => i + 1);
	await w.reveal(all);
	await w.waitFor(() => w.codesSet(all), "thirty codes");
	await w.waitFor(async () => (await codes()).length === 30, "thirty rows");
	await w.mine(200);
	const settled = () => w.waitFor(async () => (await w.one("SELECT done = $1 AND lag = 0 AS x FROM fairlead.chains", [await w.head()])).x, "the head");
	await settled();
	await w.waitFor(async () => (await w.one("SELECT count(*) AS n FROM fairlead.item WHERE state = 'done'")).n === 30, "all to be final");
	const before = await w.sql("SELECT id, state, cause, args FROM fairlead.item ORDER BY id");
	const txs = (await w.bulks()).length;

	// rows that somebody has deleted
	await w.sql("DELETE FROM token_codes WHERE token_id > 10");
	assert.equal((await post("/again/codes")).status, 200);
	await done();
	assert.deepEqual(await codes(), all);

	// items that stand
	await post("/again/reveals");
	await done();
	assert.deepEqual(await w.sql("SELECT id, state, cause, args FROM fairlead.item ORDER BY id"), before);
	assert.equal((await w.bulks()).length, txs);
	for (const id of all) assert.equal(w.lines("batcher", (l) => l.text === `revealed ${id}`).length, 1, "each is told once");

	// from a block on: nothing below it
	await w.mine(Math.max(1, 310 - (await w.head())));
	await settled();
	await w.reveal([31]);
	await w.waitFor(() => w.codesSet([31]), "a late one");
	await settled();
	await w.waitFor(async () => (await codes()).includes(31), "its row");
	const inside = (await w.one("SELECT count(*) AS n FROM companions.token_codes_updated e, fairlead.chain c WHERE e._block > c.floor")).n;
	await w.sql("DELETE FROM token_codes WHERE token_id IN (1, 31)");
	await post("/again/codes/late");
	if (inside) {
		await w.waitFor(async () => (await w.one("SELECT began IS NOT NULL AS x FROM fairlead.wish"))?.x, "it to begin");
		assert.ok(!(await codes()).includes(31), "a reorg could still take it");
		await w.kill9("batcher");
		await w.mine(200);
		await w.start("batcher");
	}
	await done();
	assert.deepEqual(await codes(), [...all, 31].filter((id) => id !== 1));
	t.note(inside ? "with a wait for the window" : "no window");
	assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.dead")).n, 0);
}
