export const name = "an empty database gets the schema at start, whoever comes first; a second start changes nothing";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ template: "template1", mining: "auto" });
	const schema = () => w.sql(`
		SELECT n.nspname || '.' || c.relname AS name, c.relkind AS kind, c.oid AS id
		  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		 WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' ORDER BY 1`);
	assert.deepEqual(await schema(), []);

	// all of them at once: one migrates, the others wait for it
	await Promise.all(["listener", "batcher", "reconciler"].map((p) => w.start(p)));
	const first = await schema();
	for (const wanted of ["fairlead.event", "fairlead.item", "fairlead.attempt", "companions.token_revealed", "companions.tokens_revealed", "public.token_codes"])
		assert.ok(first.some((r) => r.name === wanted), `${wanted} is there`);
	const version = await w.one("SELECT * FROM fairlead.version");

	await w.stopAll();
	await Promise.all(["listener", "batcher", "reconciler"].map((p) => w.start(p)));
	assert.deepEqual(await schema(), first, "the same objects, none made again");
	assert.deepEqual(await w.one("SELECT * FROM fairlead.version"), version);
	t.note(`${first.length} relations`);
}
