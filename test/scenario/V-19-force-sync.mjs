export const name = "POST /api/v1/monitor/force-sync answers at once while the chain is read again from START_BLOCK; nothing comes of it twice; asked ten times it runs once";

import { chainWords, soon } from "../lib/world.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ app: "vcel", mining: "manual", yaml: chainWords({ ...soon, sweep: "1h" }) });
	await w.revokeMany(7, 20);
	await w.mine(300);
	await w.revokeMany(8, 20);
	for (const p of ["listener", "batcher", "reconciler"]) await w.start(p, { wait: p === "batcher" ? "alive" : "ready" });
	await w.waitFor(w.whole, "the chain");
	await w.waitFor(w.swept, "the second look at the window");
	const look = async () => ({ rows: (await w.rows()).length, events: await w.sql("SELECT encode(_id, 'hex') AS id, _seq FROM accesscontrol.signature_revoked ORDER BY 1"), counters: await w.source().then((s) => s.live + s.swept) });
	const before = await look();
	assert.equal(before.rows, 40);
	w.node.forget();
	let go;
	const gate = new Promise((done) => (go = done));
	w.node.on("eth_getLogs", async (call, next) => {
		if (call.params[0].fromBlock !== undefined) await gate;
		return next();
	});
	const answers = await Promise.all(Array.from({ length: 10 }, () => w.http("/api/v1/monitor/force-sync", { method: "POST" })));
	for (const r of answers) {
		assert.equal(r.status, 200);
		assert.deepEqual(Object.keys(r.json), ["success", "message", "timestamp"]);
		assert.deepEqual([r.json.success, r.json.message], [true, "Force full sync initiated"]);
		assert.match(r.json.timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
	}
	await w.waitFor(() => w.ranges().length > 0, "the sync to begin");
	assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.wish")).n, 1, "it runs, and all have their answer");
	await w.waitFor(async () => (await w.http("/api/v1/monitor/health")).json.batchSyncActive, "the sync to be seen");
	// real time goes on meanwhile
	await w.revokeMany(9, 1);
	await w.waitFor(async () => (await w.rows(9)).length === 1, "what is new");
	go();
	await w.waitFor(async () => (await w.one("SELECT count(*) AS n FROM fairlead.wish")).n === 0, "the sync to end");
	const read = new Set();
	for (const [a, b] of w.ranges()) for (let n = a; n <= b; n++) read.add(n);
	for (let n = w.block; n <= w.block + 300; n++) assert.ok(read.has(n), `block ${n} is read again`);
	assert.equal((await w.heard("listener", "catchup.done")).length, 1);
	const after = await look();
	assert.deepEqual([after.rows, after.events.length, after.counters], [41, 41, 41]);
	assert.deepEqual(after.events.filter((e) => before.events.some((b) => b.id === e.id)), before.events);
}
