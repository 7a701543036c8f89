export const name = "a run of rules that takes longer than a lease is committed once, not cut off for ever";

export default async function (t) {
	const { assert } = t;
	const slow = "  - on: Companions.TokenRevealed\n    sql: INSERT INTO token_codes (token_id, code, tx, at) SELECT :tokenId, 'x', :tx.hash, :block.time FROM pg_sleep(10)\n";
	const w = await t.world({ mining: "auto", fleet: ["listener", "batcher"], yaml: (y) => y.replace(/ {2}- on: Companions\.TokenRevealed\n {4}batch: reveal\n/, `$&${slow}`) });
	await w.reveal([1]);
	await w.waitFor(async () => (await w.one("SELECT count(*) AS n FROM token_codes")).n === 1, "the slow rule's row", 40000);
	await w.ready(w.programs.batcher);
	assert.equal((await w.one("SELECT at FROM fairlead.lane WHERE name = 'apply:main'")).at, 1);
	assert.equal(w.lines("batcher", "pg.down").length, 0, "the connection was never cut");
}
