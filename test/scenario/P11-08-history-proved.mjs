export const name = "history and a contract that the file gains later are proved like any other range, several on their way; what an endpoint leaves out of them is found";
// INV-9, R4, R6

import { liars } from "../lib/lies.mjs";

const LATE = "0x00000000000000000000000000000000001a7e00";
const late = `  Late:
    chain: net
    address: "${LATE}"
    start: 1
    abi:
      - event Set(uint256 indexed id, bytes32 what)
`;

export default async function (t) {
	const { assert } = t;
	for (const completeness of ["receipts", "sources"]) {
		const w = await liars(t, { completeness, words: "    window: 8\n    final: 2" });
		const n = w.scripted;
		await n.event("late", LATE, "Set(uint256 indexed id, bytes32 what)", { id: { seq: 1 } });
		const both = [{ shape: "put", count: 2 }, { shape: "late", count: 2 }];
		await n.mine(100, { logs: both });
		await n.do({ mood: { latency: 150, id: "far" } });
		await w.begin();
		await w.waitFor(async () => (await n.asked({ method: "eth_getLogs" })).length > 1, "several ranges on their way");
		const asked = (await n.asked({ method: "eth_getLogs" })).filter((c) => c.params[0].fromBlock);
		const early = asked.filter((c) => c.at_us < asked[0].at_us + 150000); // before anything could be answered
		assert.ok(early.length > 1 && early.length <= 8, `${early.length} ranges on their way`);
		assert.ok(asked.every((c) => Number(c.params[0].toBlock) - Number(c.params[0].fromBlock) < 32), "a range holds as many blocks as can be proved at once");
		await n.do({ calm: "far" });
		await w.caught("a history");
		assert.deepEqual(w.lied(w.reader), []);
		assert.ok(Object.keys(await w.levels()).every((l) => l === completeness), JSON.stringify(await w.levels()));

		// the file gains a contract, and the faster endpoint leaves out each third log
		await n.do({ lie: { on: 1, kind: "omit", every: 3 } });
		w.more(late);
		await w.begin();
		await n.mine(20, { logs: both });
		const stored = async () => (await w.sql("SELECT id::int AS id, what FROM late.set ORDER BY _block, _log")).map((r) => `${r.id} ${r.what}`);
		const truth = async () => (await n.rpc("eth_getLogs", [{ fromBlock: "0x1", toBlock: "latest", address: LATE }])).map((l) => `${Number(l.topics[1])} ${l.data}`);
		await w.waitFor(async () => {
			await n.mine(1, { logs: both });
			return (await w.one("SELECT bool_and(ended IS NOT NULL) AS x FROM fairlead.histories")).x;
		}, "its history to join the chain");
		await w.waitFor(async () => (await w.done()) && JSON.stringify(await stored()) === JSON.stringify(await truth()), "all that it ever emitted");
		const lies = w.lied(w.reader);
		assert.ok(lies.length > 0 && lies.every((l) => l.endpoint.startsWith("localhost:")), `the liar is found: ${lies[0]?.raw}`);
		const ranges = await w.sql("SELECT first::int AS a, last::int AS b, level, events::int AS n FROM fairlead.ranges WHERE source = '1' ORDER BY first");
		const h = await w.one("SELECT first::int AS a, last::int AS b, found::int AS n FROM fairlead.histories");
		// what two endpoints differed about was settled by receipts
		assert.ok(ranges.every((r) => r.level === completeness || r.level === "receipts"), JSON.stringify(ranges));
		assert.equal(ranges.reduce((x, r) => x + r.b - r.a + 1, 0), h.b - h.a + 1, "all of its blocks");
		assert.equal(ranges.reduce((x, r) => x + r.n, 0), h.n, "all of its events");
		assert.ok(h.n >= 150, `${h.n} events of the past`);
		const proofs = (await w.sql("SELECT DISTINCT proof FROM fairlead.events WHERE seq < 0 AND event = 'Late.Set'")).map((r) => r.proof);
		assert.ok(proofs.length > 0 && proofs.every((p) => p === completeness || p === "receipts"), proofs.join());
		await w.stopAll();
	}
}
