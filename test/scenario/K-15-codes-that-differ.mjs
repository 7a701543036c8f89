export const name = "codes on the chain that differ from the mapping are reported when the fleet starts, and not overwritten";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "auto", fleet: ["listener", "batcher", "submitter"], env: { BATCH_TIMEOUT_MS: "100" } });
	await w.batchReveal([1, 2, 3]);
	await w.waitFor(() => w.codesSet([1, 2, 3]), "three codes");
	await w.act("preset", 2, "somebody else's"); // the chain changes behind the file
	w.writeMapping({ ...w.codes, 3: "the file's new one" }); // the file changes behind the chain
	await w.waitFor(async () => (await w.one("SELECT value FROM files.codes WHERE key = '3'")).value === "the file's new one", "the file to be read");
	await w.mine(2);
	await w.waitFor(async () => (await w.one("SELECT count(*) AS n FROM token_codes, fairlead.chain WHERE final >= $1", [(await w.head()) - 1])).n === 3, "a final block above all that");

	await w.start("reconciler");
	await w.waitFor(async () => (await w.one("SELECT differences FROM fairlead.clock WHERE name = 'mapping' AND last_run IS NOT NULL"))?.differences === 2, "two reported differences");
	const lines = await w.heard("reconciler", (l) => l.ev === "compare.difference" && l.rule === "mapping", 2);
	assert.deepEqual(lines.map((l) => JSON.parse(l.row).token_id).sort(), ["2", "3"]);
	assert.match(lines.map((l) => l.what).join("\n"), /somebody else's/);

	await w.reveal([4]); // the fleet goes on, and leaves both alone
	await w.waitFor(() => w.codesSet([4]), "a later token");
	assert.equal(await w.code(2), "somebody else's");
	assert.notEqual(await w.code(3), "the file's new one");
	assert.deepEqual((await w.bulks()).map((b) => b.ids), [[1, 2, 3], [4]]);
}
