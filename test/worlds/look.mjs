// What holds in every database at any rest, whatever happened before: each query gives the rows that break it.
const rules = {
	"an id stands once (INV-2)": "SELECT encode(_id, 'hex') AS id, count(*) FROM fairlead.event GROUP BY 1 HAVING count(*) > 1",
	"a number is given once": `SELECT seq, count(*) FROM (SELECT _seq AS seq FROM fairlead.event UNION ALL SELECT seq FROM fairlead.reorg) x GROUP BY 1 HAVING count(*) > 1`,
	"a number of a retracted event is not given again": "SELECT seq FROM fairlead.retraction JOIN fairlead.event ON _seq = seq",
	"numbers follow the chain's order (INV-3)": "SELECT seq, block, log FROM (SELECT _seq AS seq, _block AS block, _log AS log, lag((_block, _log)) OVER (ORDER BY _seq) AS before, (_block, _log) AS me, _late FROM fairlead.event WHERE NOT _late) x WHERE before >= me",
	"the lane stands at the highest number": `SELECT at, (SELECT max(s) FROM (SELECT max(_seq) AS s FROM fairlead.event UNION ALL SELECT max(seq) FROM fairlead.reorg) x) AS top FROM fairlead.lane
		WHERE name = 'listen:main' AND at < (SELECT coalesce(max(s), 0) FROM (SELECT max(_seq) AS s FROM fairlead.event UNION ALL SELECT max(seq) FROM fairlead.reorg) x)`,
	"each number up to the lane's is an event, a retraction or an entry of a reorg": `SELECT n FROM fairlead.lane l, generate_series(1, l.at) n WHERE l.name = 'listen:main'
		AND NOT EXISTS (SELECT FROM fairlead.event WHERE _seq = n) AND NOT EXISTS (SELECT FROM fairlead.retraction WHERE seq = n) AND NOT EXISTS (SELECT FROM fairlead.reorg WHERE seq = n)`,
	"an entry of a reorg counts its retractions": "SELECT g.seq, g.events, count(r.seq) FROM fairlead.reorg g LEFT JOIN fairlead.retraction r ON r.reorg = g.seq GROUP BY 1, 2 HAVING g.events <> count(r.seq)",
	"what was retracted stood in the suffix of its entry": "SELECT r.seq FROM fairlead.retraction r JOIN fairlead.reorg g ON g.seq = r.reorg WHERE r.seq < g.first_seq OR r.seq >= g.seq OR r.block < g.from_block",
	"what was retracted is gone from that block": "SELECT r.seq FROM fairlead.retraction r JOIN fairlead.event e ON e._id = r.id AND e._block_hash = r.block_hash AND e._seq < r.reorg",
	"an item a key (INV-4)": "SELECT batch_of, key FROM fairlead.item GROUP BY 1, 2 HAVING count(*) > 1",
	"an item's cause is an event": "SELECT id, cause FROM fairlead.item WHERE cause > 0 AND NOT EXISTS (SELECT FROM fairlead.event WHERE _seq = cause)",
	"a ready batch holds as many items as it says (P14)": "SELECT b.id, b.items, count(i.id) FROM fairlead.batch b LEFT JOIN fairlead.item i ON i.batch = b.id WHERE b.state = 'ready' GROUP BY 1, 2 HAVING b.items <> count(i.id)",
	"nothing is read that was not committed (INV-9)": "SELECT done, head FROM fairlead.chain WHERE done > head",
	"no event stands above the cursor": "SELECT _seq, _block FROM fairlead.event, fairlead.chain WHERE _block > done",
	"the cursor's blocks are a chain": "SELECT b.number FROM fairlead.block b JOIN fairlead.block p ON p.number = b.number - 1 WHERE b.parent <> p.hash",
	"each event's block is the chain's": "SELECT _seq FROM fairlead.event JOIN fairlead.block ON number = _block WHERE hash <> _block_hash",
	"the window is whole": "SELECT c.done, c.floor, count(b.number) FROM fairlead.chain c LEFT JOIN fairlead.block b ON b.number > greatest(c.floor, START - 1) AND b.number <= c.done GROUP BY 1, 2 HAVING count(b.number) <> greatest(0, c.done - greatest(c.floor, START - 1))",
	"ranges have no gap and end at the cursor or before it": `SELECT first, last, before FROM (SELECT first, last, lag(last) OVER (ORDER BY first) AS before FROM fairlead.range WHERE source = '') x WHERE before <> first - 1
		UNION ALL SELECT max(last), max(c.done), 0 FROM fairlead.range, fairlead.chain c HAVING max(last) > max(c.done)`,
	"nothing was poison": "SELECT what, sqlstate, message FROM fairlead.dead_letter",
	"nothing was left undone by a rollback": "SELECT * FROM fairlead.odd WHERE kind = 'undo'",
	"nothing did not decode": "SELECT event, why FROM fairlead.undecoded",
};

export const broken = (w, name) => w.db(rules[name].replaceAll("START", String(w.plan.start)));

export async function invariants(w) {
	const problems = [];
	for (const name of Object.keys(rules)) {
		const rows = await broken(w, name);
		if (rows.length) problems.push(`${name}: ${rows.length} rows break it: ${JSON.stringify(rows.slice(0, 3))}`);
	}
	return problems;
}
