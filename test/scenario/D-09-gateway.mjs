export const name = "--serve-only: no lane, a role of fairlead_gateway that can write no table of the engine, and routes, posts, keys, jobs, topics and health all work through it; without a schema it waits and says so";
import { requestWorld } from "../lib/requests.mjs";

const routes = `
  GET /notes:
    all: SELECT what FROM note ORDER BY id
  POST /note/{what}:
    once: Idempotency-Key
    do:
      - let: INSERT INTO note (what) VALUES (:what) RETURNING id AS id
      - sql: UPDATE note SET what = what || '!' WHERE id = :id
      - sql: INSERT INTO single VALUES (:what, 1) ON CONFLICT (k) DO UPDATE SET n = single.n + 1
      - publish: "notes"
        data: SELECT :id AS id
      - reply: SELECT :id AS id, :job.id AS job
      - sql: DELETE FROM single WHERE k = :what
      - sql: INSERT INTO note (what) VALUES ('job of ' || :what)
  POST /post/{tokenId}:
    params: { tokenId: uint256 }
    do: [ { batch: reveal }, { flush: reveal }, { catchup: main }, { reply: "SELECT true AS ok" } ]
  POST /steal:
    do: [ { sql: "UPDATE fairlead.item SET state = 'done'" }, { reply: "SELECT true AS ok" } ]
`;

export default async function (t) {
	const { assert } = t;
	const w = await requestWorld(t, routes, { pg: "own", env: { BATCH_TIMEOUT_MS: "100" } });
	await w.sql("CREATE ROLE gate LOGIN");
	const url = w.databaseUrl.replace(/user=[^&]*/, "user=gate");
	assert.notEqual(url, w.databaseUrl);
	// nothing is installed: it waits, and serves what it can
	const gate = await w.start("reconciler", { name: "gate", args: ["--serve-only"], env: { DATABASE_URL: url }, wait: "alive" });
	await w.waitFor(async () => /waiting for a program of the fleet to install/.test((await w.health("gate")).body), "the gateway to say what it waits for");
	assert.equal((await w.health("gate")).status, 503);
	assert.equal((await w.http("/notes", { name: "gate" })).status, 503);
	assert.equal((await w.http("/readyz", { name: "gate" })).status, 503);
	assert.equal((await w.one("SELECT count(*) AS n FROM pg_namespace WHERE nspname = 'fairlead'")).n, 0, "it installs nothing");
	await w.start("listener");
	await Promise.all(["batcher", "submitter"].map((p) => w.start(p)));
	await w.sql("GRANT fairlead_gateway TO gate");
	await w.ready(gate);
	assert.equal((await w.http("/readyz", { name: "gate" })).status, 200);
	await w.start("reconciler");
	await w.waitFor(async () => (await w.one("SELECT holder FROM fairlead.lane WHERE name = 'clock'")).holder?.endsWith(`:${w.programs.reconciler.pid}`), "the clock to be the other's");

	const post = (path, o) => w.post(path, undefined, { name: "gate", ...o });
	const one = await post("/note/a", { headers: { "idempotency-key": "x" } }), again = await post("/note/a", { headers: { "idempotency-key": "x" } });
	assert.deepEqual([one.status, again.body], [200, one.body], one.body);
	await w.waitFor(async () => (await w.notes()).length === 2, "the job");
	assert.deepEqual((await w.http("/notes", { name: "gate" })).json, [{ what: "a!" }, { what: "job of a" }]);
	assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.message WHERE topic = 'notes'")).n, 1);
	assert.equal((await w.one("SELECT count(*) AS n FROM single")).n, 0);
	assert.equal((await post("/post/3")).status, 200);
	await w.waitFor(() => w.codesSet([3]), "the post's transaction");
	// jobs by the gateway alone
	await w.stop("reconciler");
	assert.equal((await post("/note/b")).status, 200);
	await w.waitFor(async () => (await w.notes()).includes("job of b"), "a job that the gateway did");

	// what this role can't do
	const steal = await post("/steal");
	assert.equal(steal.status, 500);
	const { Client } = (await import("../../deploy/run/npm.mjs")).need("pg");
	const c = new Client({ host: w.pg.dir, user: "gate", database: w.database });
	await c.connect();
	try {
		const tables = (await w.sql("SELECT relname FROM pg_class WHERE relnamespace = 'fairlead'::regnamespace AND relkind = 'r'")).map((r) => r.relname);
		assert.ok(tables.includes("item") && tables.includes("lane") && tables.includes("attempt") && tables.includes("answer") && tables.includes("job"));
		for (const table of tables)
			for (const sql of [`DELETE FROM fairlead.${table}`, `INSERT INTO fairlead.${table} DEFAULT VALUES`, `TRUNCATE fairlead.${table}`, `UPDATE fairlead.${table} SET ${(await w.one("SELECT quote_ident(attname) AS a FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND attgenerated = '' AND attidentity = '' LIMIT 1", [`fairlead.${table}`])).a} = DEFAULT`])
				await assert.rejects(c.query(sql), { code: "42501" }, sql);
		await assert.rejects(c.query("SELECT raw FROM fairlead.attempt"), { code: "42501" }, "signed bytes are not for the public door");
		await assert.rejects(c.query("SELECT fairlead.wish_for('flush', 'nobody')"), { code: "FL005" });
		await assert.rejects(c.query("SELECT fairlead.post_item('nobody', 'k', '{}', NULL)"), { code: "FL005" });
		await assert.rejects(c.query("DROP TABLE note"), { code: "42501" });
	} finally {
		await c.end();
	}
	// health tells the truth
	await w.pg.stop("immediate");
	await w.waitFor(async () => (await w.health("gate")).status === 503 && (await w.http("/readyz", { name: "gate" })).status === 503, "the gateway to say that PostgreSQL is away", 5000);
	assert.equal((await w.http("/livez", { name: "gate" })).status, 200);
	await w.pg.start();
	await w.ready(gate);
	assert.equal(await gate.stop(), 0);
	const none = await w.run("reconciler", ["--serve-only"], { env: { DATABASE_URL: url }, file: await nothing(w) });
	assert.equal(none.code, 78);
	assert.match(none.text, /serves nothing/);
}

async function nothing(w) {
	const { readFileSync, writeFileSync } = await import("node:fs");
	writeFileSync(`${w.dir}/nothing.yaml`, readFileSync(w.yaml, "utf8").replace(/\n {2}listen:.*/, ""));
	return `${w.dir}/nothing.yaml`;
}
