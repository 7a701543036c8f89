export const name = "a rule asks for the proof of its event: those of blocks that could not be proved are put aside, of the past of a contract that came later, too";
// R6: fairlead.proof(chain, block, seq)

import { BOOK, NOTED, reading } from "../lib/reading.mjs";

const LATE = "0x00000000000000000000000000000000001a7e00";
const rule = (on) => `  - on: ${on}.Noted
    do:
      - sql: |
          INSERT INTO kept (n, proof)
          SELECT :n, fairlead.proof(c.id, :block.number, :event.seq) FROM fairlead.chains c
           WHERE c.name = 'main' AND fairlead.proof(c.id, :block.number, :event.seq) = 'receipts'
      - sql: |
          INSERT INTO aside (n)
          SELECT :n FROM fairlead.chains c
           WHERE c.name = 'main' AND fairlead.proof(c.id, :block.number, :event.seq) IS DISTINCT FROM 'receipts'
`;
const contract = (name, address) => `  ${name}:\n    chain: main\n    address: "${address}"\n    start: 1\n    abi:\n      - event ${NOTED}\n`;

export default async function (t) {
	const { assert } = t;
	const w = await reading(t, {
		chain: { completeness: "receipts", window: 8, final: 2 },
		contracts: contract("Book", BOOK),
		sql: "sql/kept.sql",
		files: { "sql/kept.sql": "CREATE TABLE kept (n numeric PRIMARY KEY, proof text NOT NULL);\nCREATE TABLE aside (n numeric PRIMARY KEY);\n" },
		rules: rule("Book"),
	});
	const { n } = w;
	const numbers = async (table) => (await w.sql(`SELECT n::int AS n FROM ${table} ORDER BY n`)).map((r) => r.n);
	const applied = async () => (await w.done()) === (await n.head()) && (await w.one("SELECT seq = applied AND lag = 0 AS x FROM fairlead.chains")).x;
	const level = (l, book) => w.sql(`SELECT b.n::int AS n FROM ${book}.noted b JOIN fairlead.events e ON e.seq = b._seq WHERE (e.proof = 'receipts') = $1 ORDER BY 1`, [l === "receipts"]).then((rows) => rows.map((r) => r.n));

	await n.event("late", LATE, NOTED, { n: { seq: 100001 } });
	const both = [{ shape: "note", count: 1 }, { shape: "late", count: 1 }];
	await n.mine(40, { logs: both });
	await w.start("batcher", { wait: "alive" });
	await w.start("listener");
	await w.waitFor(applied, "a proved history");
	assert.equal((await numbers("kept")).length, 40);

	// nobody gives receipts for a while
	await n.do({ mood: { method: ["eth_getBlockReceipts", "eth_getTransactionReceipt"], error: { code: -32601, message: "the method does not exist" }, id: "none" } });
	for (let i = 0; i < 3; i++) {
		await n.mine(1, { logs: both });
		await w.waitFor(applied, "blocks that can't be proved");
	}
	await n.do({ calm: "none" });
	await n.mine(3, { logs: both });
	await w.waitFor(applied, "proved ones again");
	assert.deepEqual(await numbers("aside"), await level("none", "book"));
	assert.deepEqual(await numbers("kept"), await level("receipts", "book"));
	assert.deepEqual([(await numbers("aside")).length, (await numbers("kept")).length], [3, 43]);

	// the past of another contract is proved by itself, whatever its blocks were when they were read first
	w.rewrite({ contracts: contract("Book", BOOK) + contract("Late", LATE), rules: rule("Book") + rule("Late") });
	for (const program of ["batcher", "listener"]) {
		await w.stop(program);
		await w.start(program);
	}
	await w.waitFor(async () => {
		await n.mine(1, { logs: both });
		return (await w.one("SELECT count(*) = 1 AND bool_and(ended IS NOT NULL) AS x FROM fairlead.histories")).x;
	}, "its history to join the chain");
	await w.waitFor(applied, "all of it");
	const late = await numbers("late.noted");
	assert.ok(late.length > 46);
	assert.deepEqual((await numbers("kept")).filter((x) => x > 100000), late, "each of them is proved");
	assert.deepEqual((await numbers("aside")).filter((x) => x > 100000), []);
}
