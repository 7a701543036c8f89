export const name = "after SIGTERM and SIGINT what is in flight is finished and nothing new is taken: no event, no item";

import { need } from "../../deploy/run/npm.mjs";
import { dbUser } from "../../deploy/run/servers.mjs";

const { Client } = need("pg");

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "auto", fleet: ["listener", "batcher"], env: { BATCH_TIMEOUT_MS: "600000", CATCHUP_BATCH_SIZE: "1" } });
	const holder = new Client({ host: w.pg.dir, user: dbUser, database: w.database });
	await holder.connect();
	t.ends.push(async () => ({ problems: [await holder.end()].filter(Boolean) }));
	const events = async () => (await w.sql("SELECT token_id::int AS id FROM companions.token_revealed ORDER BY _seq")).map((r) => r.id);
	const items = async () => (await w.sql("SELECT key::int AS id FROM fairlead.item ORDER BY id")).map((r) => r.id);
	const blocked = async (who) => (await w.sql("SELECT FROM pg_stat_activity WHERE application_name LIKE $1 AND wait_event_type = 'Lock'", [`fairlead-${who}%`])).length > 0;

	const told = async (program, signal) => {
		const drains = w.lines(program, "drain").length;
		w.programs[program].signal9(signal);
		await w.waitFor(() => w.lines(program, "drain").length > drains, `the ${program} to drain`);
	};

	let id = 0;
	for (const signal of ["SIGTERM", "SIGINT"]) {
		// the batcher waits for a lock in the middle of a run when it is told to end; another event stands behind, and more come in
		const held = ++id, behind = ++id, later = ++id;
		await holder.query(`BEGIN; INSERT INTO fairlead.item (batch_of, key, chain, args) VALUES ('reveal', '${held}', 1, '{}')`);
		await w.revealEach([held, behind]);
		await w.waitFor(() => blocked("batcher"), "the batcher to be at work");
		await told("batcher", signal);
		assert.equal((await w.health("batcher")).status, 503);
		await w.reveal([later]);
		await w.waitFor(async () => (await events()).includes(later), "the later event's row");
		await holder.query("ROLLBACK");
		await w.programs.batcher.exited;
		assert.equal(w.programs.batcher.code, 0);
		assert.ok((await items()).includes(held), "what was in flight is finished");
		assert.deepEqual((await items()).filter((i) => i === behind || i === later), [], "nothing new was taken");

		// the listener likewise, while a commit waits
		const written = ++id, missed = ++id;
		await holder.query("BEGIN; LOCK TABLE companions.token_revealed IN SHARE MODE");
		await w.reveal([written]);
		// its rows leave while the node is still asked; the commit is under way once the answer is there
		await w.waitFor(async () => (await blocked("listener")) && (await w.health("listener", "/status")).body.includes('"phase":"writing"'), "the listener's commit to wait");
		await told("listener", signal);
		await w.reveal([missed]);
		await holder.query("ROLLBACK");
		await w.programs.listener.exited;
		assert.equal(w.programs.listener.code, 0);
		assert.ok((await events()).includes(written), "the commit in flight is finished");
		assert.ok(!(await events()).includes(missed), "nothing new was read");

		// and nothing was lost by it
		await Promise.all([w.start("listener"), w.start("batcher")]);
		await w.waitFor(async () => (await items()).length === id, "every item after a new start");
		assert.deepEqual(await items(), Array.from({ length: id }, (_, i) => i + 1));
	}
}
