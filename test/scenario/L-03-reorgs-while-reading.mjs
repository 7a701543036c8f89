export const name = "a thousand blocks rolled back; a reorg in the middle of a history, of a range, of another reorg; a slow consumer; the rule's sums are those of a clean reading";

import { reading } from "../lib/reading.mjs";

export default async function (t) {
	const { assert } = t;
	const sums = {
		files: { "sql/own.sql": "CREATE TABLE sums (bucket int PRIMARY KEY, total numeric NOT NULL, times int NOT NULL, last numeric NOT NULL);" }, sql: "sql/own.sql",
		rules: "  - on: Book.Noted\n    sql: |\n      INSERT INTO sums (bucket, total, times, last) VALUES (:n % 7, :n, 1, :n)\n      ON CONFLICT (bucket) DO UPDATE SET total = sums.total + EXCLUDED.total, times = sums.times + 1, last = EXCLUDED.last",
	};
	const w = await reading(t, { ...sums, chain: { final: 4, window: 1200, range: 100 } });
	const { n } = w;
	const table = (x) => x.sql("SELECT bucket, total::text, times, last::text FROM sums ORDER BY bucket");
	const fresh = async () => (await w.sql("SELECT (n % 7)::int AS bucket, sum(n)::text AS total, count(*)::int AS times, (array_agg(n ORDER BY _block DESC, _log DESC))[1]::text AS last FROM book.noted GROUP BY 1 ORDER BY 1"));
	const whole = async () => (await w.agrees()) && JSON.stringify(await table(w)) === JSON.stringify(await fresh());
	await w.start("listener");
	const b = await w.start("batcher", { wait: "alive" });
	// reorgs beside a history that is being read
	await w.book(2500, [0, 2]);
	for (let i = 0; i < 8; i++) {
		await n.do({ reorg: { depth: 300 + 100 * i, blocks: 301 + 100 * i, keep: "none", logs: { shape: "note", count: [0, 2] } } });
		await w.waitFor(async () => (await n.count({ on: 0, method: "eth_getLogs" })) > 3 * i, "it to be read");
	}
	await w.waitFor(whole, "the branch that stands", 60000);
	// nobody applies: the listener goes on, and reads what it must
	b.freeze();
	await n.do({ reorg: { depth: 1000, blocks: 1001, keep: "none", logs: { shape: "note", count: [0, 2] } } });
	await w.waitFor(w.agrees, "a thousand blocks to be rolled back", 60000);
	await n.do([{ reorg: { depth: 20, blocks: 21, keep: "none", logs: { shape: "note", count: 1 } } }, { reorg: { depth: 400, blocks: 380, keep: "none", logs: { shape: "note", count: 1 } } }]);
	await w.waitFor(w.agrees, "a chain that is shorter", 60000);
	b.thaw();
	await w.waitFor(whole, "the rule to follow", 60000);
	assert.deepEqual((await w.sql("SELECT kind FROM fairlead.odd WHERE kind NOT IN ('was_final')")), []);
	t.note(`${(await w.reorgs()).length} reorgs, ${(await w.rows()).length} events`);
}
