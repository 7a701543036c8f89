export const name = "P20: a newer schema is refused in words by every program, the gateway, --check and --top; one that is newer and still allows ours is worked with, old and new side by side under load";
export const limit = 150;
import { programs } from "../lib/world.mjs";
import { requestWorld } from "../lib/requests.mjs";

const routes = `
  POST /note/{what}:
    do: [ { sql: "INSERT INTO note (what) VALUES (:what)" }, { reply: "SELECT true AS ok" }, { sql: "INSERT INTO note (what) VALUES (:what || ' job')" } ]
`;

export default async function (t) {
	const { assert } = t;
	const w = await requestWorld(t, routes, { env: { BATCH_TIMEOUT_MS: "100", POLLING_INTERVAL_MS: "500" }, mining: 0.5 });
	for (const program of programs) await w.start(program, { wait: false });
	await Promise.all(programs.map((p) => w.ready(w.programs[p])));
	await w.revealEach([1]);
	await w.waitFor(() => w.codesSet([1]), "a code");

	// A newer program comes and migrates: a column, a table and a number more, and it still allows ours.
	const { schema, oldest } = await w.one("SELECT schema, oldest FROM fairlead.version");
	await w.sql("ALTER TABLE fairlead.item ADD COLUMN of_tomorrow text");
	await w.sql("CREATE TABLE fairlead.tomorrow (id int PRIMARY KEY)");
	await w.sql("UPDATE fairlead.version SET schema = $1", [schema + 1]);
	let n = 1, told = 0;
	const work = async () => {
		await w.revealEach([++n]);
		const r = await w.post(`/note/${n}`);
		if (r.status === 200) told++;
	};
	for (const program of programs) { // what is old still runs while one after the other starts again
		await work();
		await w.stop(program);
		await w.start(program);
		await work();
	}
	const second = await w.start("reconciler", { name: "second" });
	await work();
	const ids = Array.from({ length: n }, (_, i) => i + 1);
	await w.waitFor(() => w.codesSet(ids), `${n} codes`);
	assert.deepEqual(await Promise.all(ids.map((id) => w.writes(id))), ids.map(() => 1));
	await w.waitFor(async () => (await w.notes()).filter((x) => x.endsWith(" job")).length >= told, "the jobs");
	assert.ok(told > 0);
	assert.deepEqual(await w.one("SELECT schema, oldest FROM fairlead.version"), { schema: schema + 1, oldest }, "nothing was migrated back");
	await second.stop();
	await w.stopAll();

	// One that does not allow ours any more.
	await w.sql("UPDATE fairlead.version SET schema = $1, oldest = $1", [schema + 2]);
	const words = new RegExp(`schema ${schema + 2}.*${schema}.*newer program`);
	for (const [program, args] of [...programs.map((p) => [p, []]), ["reconciler", ["--serve-only"]]]) {
		const p = await w.start(program, { name: `${program}-${args.length}-old`, args, wait: false });
		await w.waitFor(() => !p.running, `${program} ${args} to refuse`);
		assert.equal(p.code, 78, p.text());
		assert.match(p.text(), words);
	}
	const check = await w.run("listener", ["--check"]);
	assert.equal(check.code, 78);
	assert.match(check.text, words);
	assert.deepEqual(await w.one("SELECT schema, oldest FROM fairlead.version"), { schema: schema + 2, oldest: schema + 2 }, "nothing was written");
	t.note(`${n} tokens and ${told} requests while versions mixed`);
}
