import { need } from "../../deploy/run/npm.mjs";
import { dbUser } from "../../deploy/run/servers.mjs";
const { Client } = need("pg");

export const name = "K-08: a look-up file that changed while PostgreSQL was lost is read when it is back, without a second change";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "manual", mapping: { 1: "a" }, fleet: ["batcher"] });
	const codes = async () => (await w.sql("SELECT key, value FROM files.codes ORDER BY key")).map((r) => `${r.key}=${r.value}`).join(" ");
	assert.equal(await codes(), "1=a");
	// the unit that looks at the file's digest waits for this lock until its connection is ended
	const c = new Client({ host: w.pg.dir, user: dbUser, database: w.database });
	await c.connect();
	await c.query("BEGIN; LOCK TABLE fairlead.file IN ACCESS EXCLUSIVE MODE");
	w.writeMapping({ 1: "a", 2: "b" });
	const stuck = "FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'fairlead-batcher' AND wait_event_type = 'Lock'";
	await w.waitFor(async () => (await w.sql(`SELECT pid ${stuck}`)).length === 1, "the read to wait");
	await w.sql(`SELECT pg_terminate_backend(pid) ${stuck}`);
	await c.query("COMMIT");
	await c.end();
	await w.waitFor(async () => (await codes()) === "1=a 2=b", "the file's new content", 10000);
}
