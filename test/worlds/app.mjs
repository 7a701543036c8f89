// The application of the random worlds, and what must come of it, computed here from the logs of the final chain alone: the
// oracle shares no line with the fleet.
import { need } from "../../deploy/run/npm.mjs";

const { id } = need("ethers");

export const ledgers = ["0x1111111111111111111111111111111111111111", "0x2222222222222222222222222222222222222222"];
export const desk = "0x3333333333333333333333333333333333333333";
const people = [1, 2, 3, 4, 5, 6].map((n) => `0x${"ab".repeat(19)}0${n}`);
const names = ["", "a", "bb", "ccc", "dddd", "naïve", "0x00"];

// Kinds of logs: what the node makes them of.
export const shapes = [
	{ name: "moved", address: ledgers, event: "Moved(address indexed who, uint256 amount)", args: { who: { pick: people }, amount: { below: 1000000 } } },
	{ name: "named", address: ledgers, event: "Named(uint256 indexed slot, string label)", args: { slot: { below: 7 }, label: { pick: names } } },
	{ name: "opened", address: desk, event: "Opened(uint256 indexed ticket, int64 delta)", args: { ticket: { below: 60 } } },
	{ name: "foreign", address: desk, event: "Closed(uint256 indexed ticket)", args: { ticket: { below: 60 } } }, // nobody declares it
	{ name: "stranger", address: "0x4444444444444444444444444444444444444444", event: "Moved(address indexed who, uint256 amount)", args: { who: { pick: people } } },
];

export const sql = `
CREATE TABLE balance (who text PRIMARY KEY, total numeric NOT NULL, moves bigint NOT NULL, last_block bigint NOT NULL, last_log int NOT NULL);
CREATE TABLE tally (bucket bigint PRIMARY KEY, n bigint NOT NULL);
CREATE TABLE label (slot numeric PRIMARY KEY, label text NOT NULL, block bigint NOT NULL);
CREATE TABLE journal (block bigint, log int, ticket numeric NOT NULL, delta bigint NOT NULL, PRIMARY KEY (block, log));
CREATE TABLE settled (who text PRIMARY KEY, n bigint NOT NULL);
CREATE TABLE folder (ticket numeric PRIMARY KEY, opened bigint NOT NULL);
CREATE TABLE sheet (ticket numeric REFERENCES folder ON DELETE CASCADE, block bigint, log int, PRIMARY KEY (ticket, block, log));
`;

// What a rule does with an event: upsert, last write wins, delete, count through INSERT, plain INSERT, cascade, an item, at: final.
const mixed = `batches:
  open:
    key: ticket
    max: 7
    wait: 30ms
    send: Desk.settle(ticket[], delta[])
    signer: owner
rules:
  - on: Ledger.Moved
    do:
      - sql: |
          INSERT INTO balance (who, total, moves, last_block, last_log) VALUES (:who, :amount, 1, :block.number, :log.index)
          ON CONFLICT (who) DO UPDATE SET total = balance.total + EXCLUDED.total, moves = balance.moves + 1, last_block = EXCLUDED.last_block, last_log = EXCLUDED.last_log
      - sql: "INSERT INTO tally (bucket, n) VALUES (:block.number % 5, 1) ON CONFLICT (bucket) DO UPDATE SET n = tally.n + 1"
  - on: Ledger.Named
    do:
      - sql: "INSERT INTO label (slot, label, block) VALUES (:slot, :label, :block.number) ON CONFLICT (slot) DO UPDATE SET label = EXCLUDED.label, block = EXCLUDED.block"
      - sql: "DELETE FROM label WHERE slot = :slot AND label = ''"
  - on: Desk.Opened
    batch: open
  - on: Desk.Opened
    do:
      - sql: "INSERT INTO journal (block, log, ticket, delta) VALUES (:block.number, :log.index, :ticket, :delta)"
      - sql: "DELETE FROM folder WHERE ticket = :ticket AND :delta::bigint % 3 = 0"
      - sql: "INSERT INTO folder (ticket, opened) VALUES (:ticket, :block.number) ON CONFLICT (ticket) DO NOTHING"
      - sql: "INSERT INTO sheet (ticket, block, log) VALUES (:ticket, :block.number, :log.index)"
  - on: Ledger.Moved
    at: final
    sql: "INSERT INTO settled (who, n) VALUES (:who, 1) ON CONFLICT (who) DO UPDATE SET n = settled.n + 1"
`;
// Rules that are one statement over a run of the backlog.
const setwise = `rules:
  - on: Ledger.Moved
    sql: |
      INSERT INTO balance (who, total, moves, last_block, last_log) VALUES (:who, :amount, 1, :block.number, :log.index)
      ON CONFLICT (who) DO UPDATE SET total = balance.total + EXCLUDED.total, moves = balance.moves + 1, last_block = EXCLUDED.last_block, last_log = EXCLUDED.last_log
  - on: Ledger.Named
    sql: "INSERT INTO label (slot, label, block) VALUES (:slot, :label, :block.number) ON CONFLICT (slot) DO UPDATE SET label = EXCLUDED.label, block = EXCLUDED.block"
  - on: Desk.Opened
    sql: "INSERT INTO journal (block, log, ticket, delta) VALUES (:block.number, :log.index, :ticket, :delta)"
`;
export const ruleSets = { mixed, setwise };

export const yaml = (plan, endpoints) => `name: worlds
fleet: { drain: 5s }
chains:
  main:
    rpc:
${endpoints.map((e, i) => `      - { url: "${plan.endpoints[i].ws === "only" ? e.ws : e.http}"${plan.endpoints[i].ws === true ? `, ws: "${e.ws}"` : ""} }`).join("\n")}
    poll: 20ms
    timeout: 400ms
    silent: 1s
    retry: { first: 10ms, max: 50ms }
    reconnect: { first: 10ms, max: 50ms }
${Object.entries(plan.chain).map(([k, v]) => `    ${k}: ${v}`).join("\n")}
contracts:
  Ledger:
    chain: main
    address: [ "${ledgers.join('", "')}" ]
    start: ${plan.start}
    abi:
      - event Moved(address indexed who, uint256 amount)
      - event Named(uint256 indexed slot, string label)
  Desk:
    chain: main
    address: "${desk}"
    start: ${plan.start}
    abi:
      - event Opened(uint256 indexed ticket, int64 delta)
      - function settle(uint256[] tickets, int64[] deltas)
signers:
  owner: { chain: main, key: "\${OWNER_KEY}" }
sql: app.sql
${ruleSets[plan.rules]}`;

// ── the oracle ──

const topic = { [id("Moved(address,uint256)")]: "moved", [id("Named(uint256,string)")]: "named", [id("Opened(uint256,int64)")]: "opened" };
const word = (data, i) => data.slice(2 + 64 * i, 66 + 64 * i);
const decode = {
	moved: (l) => ({ who: `0x${l.topics[1].slice(26)}`, amount: BigInt(l.data).toString() }),
	named: (l) => {
		const n = Number(BigInt(`0x${word(l.data, 1)}`));
		return { slot: BigInt(l.topics[1]).toString(), label: Buffer.from(l.data.slice(130, 130 + 2 * n), "hex").toString() };
	},
	opened: (l) => ({ ticket: BigInt(l.topics[1]).toString(), delta: BigInt.asIntN(64, BigInt(l.data)).toString() }),
};

// The declared events among logs of the chain, in its order.
export function eventsOf(logs, start) {
	const list = [];
	for (const l of logs) {
		const kind = topic[l.topics[0]], at = Number(l.blockNumber);
		if (!kind || at < start || !(kind === "opened" ? [desk] : ledgers).includes(l.address)) continue;
		list.push({ kind, block: at, hash: l.blockHash, tx: l.transactionHash, log: Number(l.logIndex), address: l.address, ...decode[kind](l) });
	}
	return list.sort((a, b) => a.block - b.block || a.log - b.log);
}

// The tables as the rules must have left them.
export function tablesOf(events, rules, final) {
	const balance = new Map(), tally = new Map(), label = new Map(), journal = [], items = new Map(), folder = new Map(), settled = new Map();
	for (const e of events) {
		if (e.kind === "moved") {
			const b = balance.get(e.who) ?? { total: 0n, moves: 0 };
			balance.set(e.who, { total: b.total + BigInt(e.amount), moves: b.moves + 1, block: e.block, log: e.log });
			tally.set(e.block % 5, (tally.get(e.block % 5) ?? 0) + 1);
			if (e.block <= final) settled.set(e.who, (settled.get(e.who) ?? 0) + 1);
		} else if (e.kind === "named") {
			label.set(e.slot, [e.label, e.block]);
			if (e.label === "" && rules === "mixed") label.delete(e.slot);
		} else {
			journal.push([e.block, e.log, e.ticket, e.delta]);
			if (!items.has(e.ticket)) items.set(e.ticket, e.delta);
			if (BigInt(e.delta) % 3n === 0n) folder.delete(e.ticket);
			if (!folder.has(e.ticket)) folder.set(e.ticket, { opened: e.block, sheets: [] });
			folder.get(e.ticket).sheets.push([e.ticket, e.block, e.log]);
		}
	}
	const all = {
		balance: [...balance].map(([who, b]) => [who, String(b.total), b.moves, b.block, b.log]),
		label: [...label].map(([slot, [text, block]]) => [slot, text, block]),
		journal,
	};
	if (rules === "mixed")
		Object.assign(all, {
			tally: [...tally], settled: [...settled], items: [...items].map(([ticket, delta]) => [ticket, ticket, delta]),
			folder: [...folder].map(([ticket, f]) => [ticket, f.opened]), sheet: [...folder.values()].flatMap((f) => f.sheets),
		});
	for (const k of Object.keys(all)) all[k] = all[k].map((r) => JSON.stringify(r)).sort();
	return all;
}

// The same of a database: query by table.
export const queries = {
	balance: "SELECT who, total::text, moves, last_block, last_log FROM balance",
	label: "SELECT slot::text, label, block FROM label",
	journal: "SELECT block, log, ticket::text, delta::text FROM journal",
	tally: "SELECT bucket, n FROM tally",
	settled: "SELECT who, n FROM settled",
	folder: "SELECT ticket::text, opened FROM folder",
	sheet: "SELECT ticket::text, block, log FROM sheet",
	items: "SELECT key, args->>'ticket', args->>'delta' FROM fairlead.item WHERE state IN ('waiting', 'batched')",
};
export const eventQuery = `
SELECT 'moved' AS kind, _block AS block, '0x' || encode(_block_hash, 'hex') AS hash, '0x' || encode(_tx, 'hex') AS tx, _log AS log, '0x' || encode(_address, 'hex') AS address, who AS a, amount::text AS b FROM ledger.moved
UNION ALL SELECT 'named', _block, '0x' || encode(_block_hash, 'hex'), '0x' || encode(_tx, 'hex'), _log, '0x' || encode(_address, 'hex'), slot::text, label FROM ledger.named
UNION ALL SELECT 'opened', _block, '0x' || encode(_block_hash, 'hex'), '0x' || encode(_tx, 'hex'), _log, '0x' || encode(_address, 'hex'), ticket::text, delta::text FROM desk.opened
ORDER BY block, log`;
export const eventLine = (e) => [e.kind, e.block, e.hash, e.tx, e.log, e.address, ...(e.a !== undefined ? [e.a, e.b] : [e.who ?? e.slot ?? e.ticket, e.amount ?? e.label ?? e.delta])].join(" ");
