export const name = "serve.read_url: routes that read go there and nowhere else, writes never do; while it is away a route says so and the rest works";

const more = `
  POST /note:
    auth: admin
    body: { text: string }
    do: [ { sql: "INSERT INTO notes (text) VALUES (:text)" }, { reply: "SELECT count(*) AS n FROM notes" } ]
  GET /notes:
    one: SELECT count(*) AS n, current_setting('application_name') AS who, inet_server_port() AS port, current_setting('port') AS at FROM notes

serve:
  read_url: \${READ_URL}
`;

export default async function (t) {
	const { assert } = t;
	const { writeFileSync, readFileSync } = await import("node:fs");
	const { join } = await import("node:path");
	const w = await t.world({ mining: "auto", pg: "own", env: { ADMIN_TOKEN: "admin" }, yaml: (text) => text.replace("\nserve:\n", more) });
	writeFileSync(join(w.dir, "sql/ktty.sql"), `${readFileSync(join(w.dir, "sql/ktty.sql"), "utf8")}\nCREATE TABLE notes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, text text NOT NULL);\n`);
	// a role of its own stands for the replica: who reads is told apart in pg_stat_activity, and it can write nothing
	await w.sql("CREATE ROLE replica LOGIN SUPERUSER");
	w.env.READ_URL = w.databaseUrl.replace(/user=[^&]*/, "user=replica");
	for (const p of ["listener", "batcher", "reconciler"]) await w.start(p);
	const post = () => w.http("/note", { method: "POST", json: { text: "a" }, headers: { authorization: "Bearer admin" } });
	assert.deepEqual([(await post()).status, (await post()).json.n], [200, 2]);
	assert.deepEqual([(await w.http("/notes")).status, (await w.http("/notes")).json.n], [200, 2]);
	const who = await w.sql("SELECT usename, array_agg(DISTINCT application_name ORDER BY application_name) AS apps FROM pg_stat_activity WHERE application_name LIKE 'fairlead-%' GROUP BY 1");
	const of = (user) => who.find((r) => r.usename === user)?.apps ?? [];
	assert.deepEqual(of("replica"), ["fairlead-routes"]);
	assert.ok(!who.filter((r) => r.usename !== "replica").some((r) => r.apps.includes("fairlead-routes")), "reads go nowhere else");
	assert.ok(who.some((r) => r.usename !== "replica" && r.apps.includes("fairlead-requests")));
	await w.sql("ALTER ROLE replica NOLOGIN");
	await w.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'replica'");
	await w.waitFor(async () => (await w.http("/notes")).status === 503, "the replica to be away");
	assert.equal((await post()).json.n, 3, "writes go on");
	await w.sql("ALTER ROLE replica LOGIN");
	await w.waitFor(async () => (await w.http("/notes")).json?.n === 3, "the replica again");
}
