export const name = "a crash of PostgreSQL in a history takes back commits that did not wait for the disk: rows and cursor go together, no bell rang for them, the next commit finds the cursor elsewhere, and nothing is missing at the end";
// INV-1, INV-9: a bell is never above what PostgreSQL can't lose; P8 would take one for lost commits

import { reading } from "../lib/reading.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await reading(t, { pg: "own", chain: { range: 20 }, rpc: [{ rps: 60 }] });
	await w.pg.stop();
	Object.assign(w.pg.options, { wal_writer_delay: "10s", wal_writer_flush_after: "1GB", wal_buffers: "16MB", autovacuum: "off" }); // what does not wait stays in memory
	await w.pg.start();
	await w.book(3000, 5);
	await w.n.mine(20);
	await w.start("listener", { wait: "alive" });
	const told = () => w.lines("listener", "events");
	const top = async () => Number(((await w.redis("XREVRANGE", "reading:events:main", "+", "-", "COUNT", 1))[0]?.[0] ?? "0").split("-")[0]);
	let lost = 0;
	for (let i = 0; i < 3; i++) {
		await w.heard("listener", "events", told().length + 1);
		await w.pg.stop("immediate");
		const committed = Number(told().at(-1).seq), rung = await top();
		await w.pg.start();
		const { at, n } = await w.waitFor(() => w.one("SELECT at, (SELECT count(*)::int FROM fairlead.event) AS n FROM fairlead.lane WHERE name = 'listen:main'"), "PostgreSQL to answer");
		assert.equal(n, at, "rows and position are of one commit");
		assert.ok(rung <= at, `number ${rung} was rung, PostgreSQL knows ${at}`);
		lost += committed > at;
	}
	assert.ok(lost > 0, "some commit was lost");

	// between two of its transactions: nobody is told that the connection went, and the cursor is not where it was left
	await w.heard("listener", "events", told().length + 2);
	await w.n.do({ mood: { on: 0, id: "slow", method: "eth_getLogs", latency: 4000 } });
	await w.waitFor(async () => {
		const before = told().length;
		await new Promise((done) => setTimeout(done, 300));
		return told().length === before;
	}, "what was asked before to be committed");
	await w.pg.stop("immediate");
	await w.pg.start();
	const { at } = await w.waitFor(() => w.one("SELECT at FROM fairlead.lane WHERE name = 'listen:main'"), "PostgreSQL to answer");
	assert.ok(at < Number(told().at(-1).seq), "some commit was lost");
	await w.n.do({ calm: "slow" });
	await w.heard("listener", (l) => l.ev === "commit.refused" && /stands at block \d+, not at block \d+: PostgreSQL has lost commits/.test(l.reason));
	await w.waitFor(w.agrees, "all of it");
	await w.waitFor(async () => (await top()) === 15000, "the last bell");
	assert.equal(w.lines("listener", "bus.ahead").length, 0);
	t.note(`${lost} of 3 crashes took commits back`);
}
