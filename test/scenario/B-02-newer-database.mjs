export const name = "a database that needs a newer program is refused with a sentence; one that is newer and still allows ours is used";

import { programs } from "../lib/world.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ template: "template1", mining: "auto", fleet: ["listener"] });
	await w.stopAll();
	const { schema, oldest } = await w.one("SELECT schema, oldest FROM fairlead.version");
	await w.sql("UPDATE fairlead.version SET schema = $1, oldest = $1", [schema + 90]);
	for (const program of programs) {
		const p = await w.start(program, { name: `${program}-old`, wait: false });
		await w.waitFor(() => !p.running, `${program} to refuse`);
		assert.equal(p.code, 78, p.text());
		const [line] = p.lines((l) => l.raw.includes(String(schema + 90)));
		assert.ok(line, `a sentence with the schema's number: ${p.text()}`);
		assert.match(line.raw, /newer/);
	}
	assert.deepEqual(await w.one("SELECT schema, oldest FROM fairlead.version"), { schema: schema + 90, oldest: schema + 90 }, "nothing was written");

	await w.sql("UPDATE fairlead.version SET oldest = $1", [oldest]);
	for (const program of programs) await w.start(program, { wait: false });
	await Promise.all(programs.map((p) => w.ready(w.programs[p])));
	assert.equal((await w.one("SELECT schema FROM fairlead.version")).schema, schema + 90, "and nothing is migrated back");
	await w.revealEach([1, 2]);
	await w.waitFor(() => w.codesSet([1, 2]), "two codes");
}
