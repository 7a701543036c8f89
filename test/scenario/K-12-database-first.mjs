export const name = "the node is asked nothing before PostgreSQL has said what was processed last, and no log before that stands there as a row";

import { need } from "../../deploy/run/npm.mjs";

export default async function (t) {
	const { assert } = t;
	const { Client } = need("pg");
	const w = await t.world({ mining: "auto" });
	const rows = [];
	for (const method of ["eth_getLogs", "eth_getBlockByNumber"])
		w.node.on(method, async (call, next) => {
			if (call.params[0] === "0x0") return next(); // which chain it is: block 0 is its name
			rows.push(await w.one("SELECT done FROM fairlead.chain WHERE name = 'main'"));
			return next();
		});
	await w.reveal([1]);
	await w.start("listener");
	await w.waitFor(async () => (await w.sql("SELECT 1 FROM companions.token_revealed")).length === 1, "the first event");
	assert.equal(rows[0].done, w.block - 1, "a first start: the row stood before the first question");
	await w.stop("listener");
	const { done } = await w.one("SELECT done FROM fairlead.chain");
	await w.reveal([2, 3]);

	// a restart whose read of the stored blocks has to wait
	const c = new Client({ host: w.pg.dir, user: new URL(w.databaseUrl).searchParams.get("user"), database: w.database });
	await c.connect();
	try {
		await c.query("BEGIN; LOCK TABLE fairlead.block IN ACCESS EXCLUSIVE MODE");
		w.node.forget();
		rows.length = 0;
		await w.start("listener", { wait: "alive" });
		await w.waitFor(async () => (await w.sql("SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'fairlead.block'::regclass")).length, "the listener to ask PostgreSQL first");
		assert.deepEqual(w.node.calls.map((x) => x.method), [], "nothing was asked of the node meanwhile");
		await c.query("ROLLBACK");
	} finally {
		await c.end();
	}
	await w.ready(w.programs.listener);
	await w.waitFor(async () => (await w.sql("SELECT 1 FROM companions.token_revealed")).length === 3, "the missed events");
	assert.equal(rows[0].done, done);
}
