export const name = "killed between fetch, store, ring and cursor, in a history and at the head, and while a reorg is taken back; two listeners on one chain; Redis away";

import { reading } from "../lib/reading.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await reading(t, { chain: { range: 20 }, files: { "sql/own.sql": "CREATE TABLE sums (n numeric PRIMARY KEY, times int NOT NULL);" }, sql: "sql/own.sql", rules: "  - on: Book.Noted\n    sql: |\n      INSERT INTO sums (n, times) VALUES (:n, 1) ON CONFLICT (n) DO UPDATE SET times = sums.times + 1" });
	const { n } = w;
	const applied = async () => JSON.stringify((await w.sql("SELECT n::int AS n, times FROM sums ORDER BY n")).map((r) => [r.n, r.times])) === JSON.stringify((await w.sql("SELECT n::int AS n, count(*)::int AS times FROM book.noted GROUP BY 1 ORDER BY 1")).map((r) => [r.n, r.times]));
	const whole = async () => (await w.agrees()) && (await applied());
	await w.start("batcher", { wait: "alive" });
	const killed = async (point, times, provoke) => {
		const p = await w.start("listener", { wait: false, env: { FAIRLEAD_FAULT: `listener.${point}:${times}:kill` } });
		await provoke?.(p);
		await w.waitFor(() => !p.running, `the listener to die at ${point}`);
		assert.equal(p.signal, "SIGKILL");
	};
	for (const point of ["listen_before_commit", "listen_after_commit", "listen_after_ring"]) {
		const id = point;
		for (const times of [1, 2]) { // the first run of a history, and what comes behind it
			await w.book(200, [0, 3]);
			await killed(id, times);
		}
		await w.start("listener");
		await w.waitFor(whole, `all of it behind ${point} in a history`);
		await w.stop("listener");
		await killed(id, 1, async (p) => {
			await w.book(1, 2);
			await w.waitFor(async () => !p.running || (await w.health("listener")).status === 200, "the head").catch(() => {});
			if (p.running) await w.book(1, 2);
		});
	}
	await w.start("listener");
	await w.waitFor(whole, "all of it");
	await w.stop("listener");
	await n.do({ reorg: { depth: 3, blocks: 4, keep: "none", logs: { shape: "note", count: 1 } } });
	for (const id of ["listen_before_retract", "listen_after_retract"]) await killed(id, 1);
	await w.start("listener");
	await w.waitFor(whole, "all of it");

	// a second one stands by; the first is frozen past its lease, and wakes
	const first = w.programs.listener;
	await w.start("listener", { name: "listener2" });
	await w.book(50, [0, 3]);
	await w.waitFor(whole, "fifty blocks");
	assert.equal(w.lines("listener2", "lease.gain").length, 0);
	first.freeze();
	await w.sql("UPDATE fairlead.lane SET until = '-infinity' WHERE name = 'listen:main'");
	await w.waitFor(() => w.lines("listener2", "lease.gain").length > 0, "the second to take over");
	await w.book(30, [0, 3]);
	await w.waitFor(whole, "thirty blocks");
	first.thaw();
	await w.waitFor(() => first.lines("lease.lost").length > 0 || !first.running, "the first to notice");
	await w.book(30, [0, 3]);
	await w.waitFor(whole, "thirty blocks more");

	// Redis away: reading goes on, and what it would have rung is found
	await w.redisServer.stop();
	await w.book(100, [0, 3]);
	await w.book(1, 2);
	await w.waitFor(w.agrees, "a history without Redis");
	await n.do({ reorg: { depth: 2, blocks: 3, keep: "none", logs: { shape: "note", count: 2 } } });
	await w.waitFor(w.agrees, "a reorg without Redis");
	await w.waitFor(applied, "the rules to follow without a bell");
}
