// Rows H-11..H-16: an application whose file gains something later. Contracts are AccessControl of deploy/apps/vcel; every rule counts.
//
//   file = past([{ name: "A", address, start, locks: [1] }, …])   the YAML; final: [names] have a rule `at: final`, too
//   await w.become(file)        replaces the file of the fleet (programs read it at their next start)
//   await w.at(address, fn)     what fn sends goes to that contract
//   await w.counted("A")        rows of what the rules did, in the order in which they did it
//   await w.restart(name)       drains it and starts it again
//   await w.joined()            true when no history is open and everything is applied
//   await w.upTo()              true when the chain itself is read and applied to its head, histories aside
//   w.histories()               rows of fairlead.histories;  w.source2("A.SignatureRevoked"): its row of fairlead.sources
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const table = `CREATE TABLE counted (
	what  text NOT NULL,
	tx    text NOT NULL,
	hash  text NOT NULL,
	lock  text NOT NULL,
	seq   bigint NOT NULL,
	block bigint NOT NULL,
	n     int NOT NULL DEFAULT 1,
	turn  bigint GENERATED ALWAYS AS IDENTITY,
	PRIMARY KEY (what, tx, hash)
);
`;
const rule = (c, what, words) => `  - on: ${c.name}.SignatureRevoked
${words}    do:
      - sql: |
          INSERT INTO counted (what, tx, hash, lock, seq, block)
          VALUES ('${what}', :tx.hash, :signatureHash, :lockId::text, :event.seq, :block.number)
          ON CONFLICT (what, tx, hash) DO UPDATE SET n = counted.n + 1
`;

export const past = (contracts, { window = 8, range = 20, run = 1000 } = {}) => `name: past
chains:
  net:
    rpc: "\${SEPOLIA_RPC_URL}"
    poll: 50ms
    range: ${range}
    run: ${run}
    final: 2
    window: ${window}
contracts:
${contracts.map((c) => `  ${c.name}:
    chain: net
    address: ${JSON.stringify([c.address].flat())}
    start: ${c.start}
    abi:
      - event SignatureRevoked(uint256 indexed lockId, bytes32 indexed signatureHash, address indexed owner)
`).join("")}
sql: sql/count.sql
rules:
${contracts.map((c) => {
	const where = c.locks ? `    where: { lockId: ${JSON.stringify(c.locks.map(String))} }\n` : "";
	return rule(c, c.name, where) + (c.final ? rule(c, `${c.name} final`, `${where}    at: final\n`) : "");
}).join("")}`;

export async function pastWorld(t, options = {}) {
	const w = await t.world({ app: "vcel", mining: "manual", ...options });
	mkdirSync(join(w.dir, "sql"), { recursive: true });
	writeFileSync(join(w.dir, "sql/count.sql"), table);
	w.become = (text) => writeFileSync(w.yaml, text);
	w.at = async (address, fn) => {
		const before = w.address;
		w.address = address;
		try {
			return await fn();
		} finally {
			w.address = before;
		}
	};
	w.counted = (what) => w.sql("SELECT hash, lock, seq, block, n FROM counted WHERE what = $1 ORDER BY turn", [what]);
	w.source2 = (event) => w.one("SELECT * FROM fairlead.sources WHERE event = $1", [event]);
	w.histories = () => w.sql("SELECT * FROM fairlead.histories ORDER BY n");
	w.upTo = async () => (await w.one("SELECT done = $1 AND seq = applied AS x FROM fairlead.chains", [await w.head()]))?.x;
	w.restart = async (name) => {
		await w.stop(name);
		await w.start(name);
	};
	w.joined = async () => (await w.one("SELECT count(*) FILTER (WHERE ended IS NULL) = 0 AND (SELECT bool_and(lag = 0) FROM fairlead.chains) AS x FROM fairlead.histories")).x;
	// every effect once, and in the order of its own log
	w.once = async (what, hashes) => {
		const rows = await w.counted(what);
		t.assert.deepEqual(rows.filter((r) => r.n !== 1), [], `${what}: every effect once`);
		t.assert.deepEqual(rows.map((r) => r.hash).sort(), hashes.map((h) => w.hash(h)).sort(), `${what}: all of them and no other`);
		return rows;
	};
	return w;
}

export const inOrder = (rows, by) => rows.every((r, i) => i === 0 || rows[i - 1][by] <= r[by]);
export const names = (prefix, n) => Array.from({ length: n }, (_, i) => `${prefix} ${i}`);
