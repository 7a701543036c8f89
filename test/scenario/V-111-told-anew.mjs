import { need } from "../../deploy/run/npm.mjs";
import { dbUser } from "../../deploy/run/servers.mjs";
const { Client } = need("pg");

export const name = "what the views should say of a chain is told when PostgreSQL is back, though the first telling was cut off";

export default async function (t) {
	const w = await t.world({ mining: "manual", fleet: ["listener"] });
	const well = async () => {
		const r = await w.one("SELECT catching_up, listening, rpc_ok FROM fairlead.chain");
		return !r.catching_up && r.listening && r.rpc_ok;
	};
	await w.waitFor(well, "the chain to be listened to");
	await w.stop("listener");
	// as a listener leaves it that died while it caught up; and the next one's telling waits for this lock
	await w.sql("UPDATE fairlead.chain SET catching_up = true, listening = false");
	const c = new Client({ host: w.pg.dir, user: dbUser, database: w.database });
	c.on("error", () => {});
	await c.connect();
	await c.query("BEGIN; SELECT FROM fairlead.chain FOR UPDATE");
	await w.start("listener", { wait: "alive" });
	// asked beside that transaction: within one, the sessions are those of its first look
	const stuck = "FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'fairlead-listener' AND wait_event_type = 'Lock'";
	await w.waitFor(async () => (await w.sql(`SELECT pid ${stuck}`)).length === 1 && w.lines("listener", "caught_up").length === 2, "the telling to wait");
	await w.sql(`SELECT pg_terminate_backend(pid) ${stuck}`);
	await c.query("COMMIT");
	await c.end();
	await w.waitFor(well, "the truth in the views", 10000);
}
