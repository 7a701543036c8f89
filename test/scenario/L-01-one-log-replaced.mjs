export const name = "reorgs by content: a log replaced by another, a transaction mined again elsewhere, a log gone; the same event has the same name, another one never";
// INV-2, INV-3: what a rule wrote follows, and an event that only moved makes no second item

import { BOOK, reading } from "../lib/reading.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await reading(t, {
		files: { "sql/own.sql": "CREATE TABLE noted (n numeric PRIMARY KEY, amount numeric NOT NULL, times int NOT NULL DEFAULT 1);" },
		sql: "sql/own.sql",
		rules: `  - on: Book.Noted\n    sql: |\n      INSERT INTO noted (n, amount) VALUES (:n, :amount)\n      ON CONFLICT (n) DO UPDATE SET amount = EXCLUDED.amount, times = noted.times + 1`,
	});
	const { n } = w;
	const log = (id, amount) => ({ address: BOOK, event: "Noted(uint256 indexed n, uint256 amount)", args: { n: id, amount } });
	const tx = (key, ...logs) => ({ key, logs });
	const ids = async () => Object.fromEntries((await w.sql("SELECT n::int AS n, encode(_id, 'hex') AS id FROM book.noted ORDER BY _seq")).map((r) => [r.n, r.id]));
	const table = async () => (await w.sql("SELECT n::int AS n, amount::int AS amount, times FROM noted ORDER BY n")).map((r) => [r.n, r.amount, r.times]);
	const settled = async () => (await w.agrees()) && (await w.one("SELECT lag = 0 AS x FROM fairlead.chains")).x;
	await n.mine(5);
	for (const p of ["listener", "batcher"]) await w.start(p);
	await n.mine(1, { txs: [tx("a", log(1, 10)), tx("b", log(2, 20), log(3, 30)), tx("c", log(4, 40))] });
	await w.waitFor(settled, "the block at the head");
	await w.waitFor(async () => (await table()).length === 4, "the rule");
	const first = await ids();

	// the same transaction says something else; another is gone; one stands in another block, behind a transaction that is new
	await n.do({ reorg: { depth: 1, blocks: 1, keep: "none", txs: [tx("a", log(1, 11)), tx("d", log(5, 50))] }, mine: { blocks: 1, txs: [tx("b", log(2, 20), log(3, 30))] } });
	await w.waitFor(settled, "the other branch");
	const second = await ids();
	assert.deepEqual(Object.keys(second).map(Number).sort(), [1, 2, 3, 5]);
	assert.notEqual(second[1], first[1], "the same transaction with other content is another event");
	assert.deepEqual([second[2], second[3]], [first[2], first[3]], "mined again elsewhere is the same event");
	await w.waitFor(async () => JSON.stringify(await table()) === JSON.stringify([[1, 11, 1], [2, 20, 1], [3, 30, 1], [5, 50, 1]]), "the rule's table to follow");
	assert.deepEqual((await w.reorgs()).map((r) => [r.reason, r.events, r.was_final]), [["reorg", 4, false]]);
	assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.retraction")).n, 4);

	// equal logs of one transaction are told apart by rank: one of three goes
	const same = (k) => tx("e", ...Array.from({ length: k }, () => log(7, 70)));
	await n.mine(1, { txs: [same(3)] });
	await w.waitFor(settled, "three equal logs");
	const three = (await w.sql("SELECT encode(_id, 'hex') AS id FROM book.noted WHERE n = 7 ORDER BY _seq")).map((r) => r.id);
	assert.equal(new Set(three).size, 3);
	await n.do({ reorg: { depth: 1, blocks: 1, keep: "none", txs: [same(2)] }, mine: 1 });
	await w.waitFor(settled, "the branch with fewer");
	const left = (await w.sql("SELECT encode(_id, 'hex') AS id FROM book.noted WHERE n = 7 ORDER BY _seq")).map((r) => r.id);
	assert.deepEqual(left, three.slice(0, 2), "by rank");
	await w.waitFor(async () => (await table()).find((r) => r[0] === 7)?.[2] === 2, "the rule ran once for each that stands");
}
