// A small world for what the listener reads: the scripted node, one contract, one file of rules.
//
//   const w = await reading(t, { endpoints: 2, chain: { range: 50 } });
//   await w.book(100, [0, 3]);  await w.start("listener");  await w.waitFor(w.agrees, "the history");
//
// options   endpoints (1), seed, node (options of scriptedNode), ws (true: each endpoint's WebSocket as well), chain: words of the chain,
//           rpc: [words of each endpoint, { role: "archive", rps: 5 }], contracts: text of the block below `contracts:`, rules: text of the list
//           below `rules:`, files: { "sql/x.sql": text } and sql: "sql/x.sql", env, pg, fleet words: fleet
// The contract Book at BOOK emits Noted(uint256 indexed n, uint256 amount) (shape "note", counting n), table book.noted; start: 1.
//
// w.n the scripted node · await w.book(blocks, count, more) mines · await w.rows() what is stored, await w.truth(on) what endpoint `on`
// says (the oracle, one endpoint more that only the test knows: w.oracle; w.ours are the others' numbers, so commands that change what an
// endpoint says name on: w.ours), both as [block, block hash, transaction, log index, address] in chain order · w.agrees() they are equal and the cursor stands at the
// head · w.agreesOn(on) · w.done() · w.reorgs() · w.calls(filter) eth_getLogs heard: [{ on, from, to, hash }], from/to blocks · w.spans(filter) the lengths of those by range
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

export const BOOK = "0x00000000000000000000000000000000000b00c5";
export const NOTED = "Noted(uint256 indexed n, uint256 amount)";

const flow = (o) => `{ ${Object.entries(o).map(([k, v]) => `${k}: ${v}`).join(", ")} }`;
export const defaults = { poll: "50ms", timeout: "10s", retry: '{ first: "20ms", max: "100ms" }', reconnect: '{ first: "20ms", max: "100ms" }', final: 4, window: 16 };

export function yamlOf({ endpoints = 1, ws = false, rpc = [], chain = {}, contracts, rules, sql, fleet = "{ check: 1s }" }) {
	const list = Array.from({ length: endpoints }, (_, i) => `      - ${flow({ url: `"\${RPC_${i}}"`, ...(ws ? { ws: `"\${WS_${i}}"` } : {}), ...rpc[i] })}`);
	const words = Object.entries({ ...defaults, ...chain }).filter(([, v]) => v !== null).map(([k, v]) => `    ${k}: ${v}`);
	return `name: reading
fleet: ${fleet}
chains:
  main:
    rpc:
${list.join("\n")}
${words.join("\n")}
contracts:
${contracts ?? `  Book:\n    chain: main\n    address: "${BOOK}"\n    start: 1\n    abi:\n      - event ${NOTED}\n`}
${sql ? `sql: ${sql}\n` : ""}${rules ? `rules:\n${rules}\n` : ""}`;
}

export async function reading(t, o = {}) {
	const w = await t.world({ chain: "node", node: { endpoints: (o.endpoints ?? 1) + 1, seed: o.seed ?? 1, ...o.node }, yaml: yamlOf(o), pg: o.pg ?? "shared", env: o.env ?? {} });
	const n = (w.n = w.scripted);
	w.oracle = o.endpoints ?? 1;
	w.ours = Array.from({ length: w.oracle }, (_, i) => i);
	n.endpoints.forEach((e, i) => Object.assign(w.env, { [`RPC_${i}`]: e.http, [`WS_${i}`]: e.ws }));
	for (const [name, text] of Object.entries(o.files ?? {})) {
		mkdirSync(dirname(join(w.dir, name)), { recursive: true });
		writeFileSync(join(w.dir, name), text);
	}
	w.rewrite = (more) => writeFileSync(w.yaml, yamlOf({ ...o, ...more }));
	await n.event("note", BOOK, NOTED, { n: { seq: 1 } });
	w.book = (blocks = 1, count = 1, more = {}) => n.mine(blocks, { ...more, logs: { shape: "note", count } });
	w.rows = async () => (await w.sql("SELECT _block::int AS b, '0x' || encode(_block_hash, 'hex') AS h, '0x' || encode(_tx, 'hex') AS t, _log AS l, '0x' || encode(_address, 'hex') AS a FROM fairlead.event ORDER BY _seq")).map((r) => [r.b, r.h, r.t, r.l, r.a]);
	w.truthOf = (logs) => logs.map((l) => [Number(l.blockNumber), l.blockHash, l.transactionHash, Number(l.logIndex), l.address]);
	w.truth = async (on = w.oracle, filter = {}) => w.truthOf(await n.rpc("eth_getLogs", [{ fromBlock: "0x1", toBlock: "latest", address: BOOK, ...filter }], on));
	w.done = async () => (await w.one("SELECT done::int AS done FROM fairlead.chain WHERE name = 'main'"))?.done;
	w.agreesOn = async (on, filter) => (await w.done()) === Number(await n.rpc("eth_blockNumber", [], on)) && JSON.stringify(await w.rows()) === JSON.stringify(await w.truth(on, filter));
	w.agrees = () => w.agreesOn(w.oracle);
	w.reorgs = () => w.sql("SELECT from_block::int AS \"from\", reason, events, was_final FROM fairlead.reorg ORDER BY seq");
	w.calls = async (filter = {}) => (await n.asked({ method: "eth_getLogs", ...filter })).filter((c) => c.on !== w.oracle).map((c) => ({ on: c.on, at: c.at_us, from: c.params[0].fromBlock && Number(c.params[0].fromBlock), to: c.params[0].toBlock && Number(c.params[0].toBlock), hash: c.params[0].blockHash, filter: c.params[0] }));
	w.spans = async (filter) => (await w.calls(filter)).filter((c) => c.from !== undefined).map((c) => c.to - c.from + 1);
	return w;
}
