export const name = "SIGTERM and SIGINT: exit 0, and neither PostgreSQL, Redis nor the node sees a connection torn";

import { readFileSync } from "node:fs";
import { programs } from "../lib/world.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ pg: "own", mining: "auto", env: { BATCH_TIMEOUT_MS: "50" } });
	await w.sql("ALTER SYSTEM SET log_min_messages = 'debug1'");
	await w.sql("ALTER SYSTEM SET log_disconnections = on");
	await w.sql("SELECT pg_reload_conf()");
	const closes = [];
	let id = 0;
	for (const signal of ["SIGTERM", "SIGINT"]) {
		await Promise.all(programs.map((p) => w.start(p)));
		await w.reveal([++id]);
		await w.waitFor(() => w.codesSet([id]), "a code");
		await w.waitFor(() => w.node.sockets.size === 2, "the sockets of listener and submitter");
		for (const s of w.node.sockets) s.on("close", (code) => closes.push(code));
		assert.ok((await w.sql("SELECT FROM pg_stat_activity WHERE application_name LIKE 'fairlead-%'")).length >= 4);
		const codes = await Promise.all(programs.map((p) => w.stop(p, signal)));
		assert.deepEqual(codes, [0, 0, 0, 0]);
		for (const p of programs) assert.ok(w.lines(p, "end").length > 0, `${p} says that it has drained`);
		await w.waitFor(async () => (await w.sql("SELECT FROM pg_stat_activity WHERE application_name LIKE 'fairlead-%'")).length === 0, "PostgreSQL to be left");
		await w.waitFor(() => closes.length === 2 * id, "both sockets to be closed");
		await w.waitFor(async () => !/name=\S*(listener|batcher|submitter|reconciler)|cmd=xread/.test(await w.redis("CLIENT", "LIST")), "Redis to be left");
	}
	for (const code of closes) assert.ok(code === 1000 || code === 1001, `a WebSocket ended with ${code}: without goodbye`);
	// every lane was given back, none left to run out
	assert.deepEqual(await w.sql("SELECT name, holder FROM fairlead.lane WHERE holder IS NOT NULL"), []);
	// the last totals were waited for
	assert.equal((await w.one("SELECT sum(value) AS n FROM fairlead.counter WHERE name = 'fairlead_batches_sent_total'")).n, 2);
	const log = readFileSync(w.pg.log, "utf8");
	assert.match(log, /disconnection: .*database=t/);
	const torn = log.split("\n").filter((l) => /unexpected EOF|Connection reset|Broken pipe|could not (receive|send) data|terminating connection/.test(l));
	assert.deepEqual(torn, []);
	assert.doesNotMatch(await w.redis("INFO", "errorstats"), /errorstat_(?!BUSYGROUP|NOGROUP)/);
}
