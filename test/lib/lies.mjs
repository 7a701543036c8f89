// Endpoints that lie: a world of the scripted node with two endpoints of one chain, on two hosts, and one event with data.
//
//   const w = await liars(t, { completeness: "receipts", words: "…more lines of the chain", node: {…} })
//   await w.blocks(n, options)        mines n blocks, three logs in two transactions each (options of `mine` go over it)
//   await w.agrees()                  true when the table is what endpoint 0 says of the chain, byte by byte, each event once
//   await w.caught()                  waits for that
//   await w.lies()                    answers that were counted as lies, by endpoint: [n, n]
//   await w.catches(lie, what)        a row of its own: the listener begins anew and reads enough to know the chain's ways; then endpoint
//                                     1 lies until it was caught, and until nothing of it is in the table
//   await w.levels()                  { level: blocks } of fairlead.ranges
//   w.more(text)                      puts that at the end of the file's contracts, for the next start of a program
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";

const yaml = (completeness, words) => `
name: proof
chains:
  net:
    rpc: [ "\${RPC_1}", "\${RPC_2}" ]
    poll: 30ms
    timeout: 5s
    retry: { first: "20ms", max: "200ms" }
    completeness: ${completeness}
${words}
contracts:
  Box:
    chain: net
    address: "\${CONTRACT_ADDRESS}"
    start: 1
    abi:
      - event Put(uint256 indexed id, bytes32 what)
`;

export async function liars(t, { completeness = "none", words = "", node = {}, more = "" } = {}) {
	const w = await t.world({ app: "vcel", chain: "node", node: { seed: 11, endpoints: 2, ...node }, yaml: yaml(completeness, words) + more });
	w.more = (text) => writeFileSync(w.yaml, yaml(completeness, words) + text);
	const n = w.scripted;
	const [one, two] = n.endpoints.map((e) => e.http);
	Object.assign(w.env, { CONTRACT_ADDRESS: w.address, RPC_1: one, RPC_2: two.replace("127.0.0.1", "localhost") });
	await n.do({ mood: { on: 0, latency: 12 } }); // the liar is the faster one, so it is asked
	await n.event("put", w.address, "Put(uint256 indexed id, bytes32 what)", { id: { seq: 1 } });
	w.blocks = (count, options = {}) => n.mine(count, { logs: { shape: "put", count: 3, per_tx: 2 }, ...options });
	const hex = (b) => `0x${b.toString("hex")}`;
	const stored = async () => (await w.sql("SELECT id::text, what, _block::int AS block, _block_hash AS hash, _tx AS tx, _log::int AS log FROM box.put ORDER BY _block, _log")).map((r) => [r.id, typeof r.what === "string" ? r.what : hex(r.what), r.block, hex(r.hash), hex(r.tx), r.log]);
	const truth = async () => (await n.rpc("eth_getLogs", [{ fromBlock: "0x1", toBlock: "latest", address: w.address }])).map((l) => [BigInt(l.topics[1]).toString(), l.data, Number(l.blockNumber), l.blockHash, l.transactionHash, Number(l.logIndex)]);
	w.done = async () => (await w.one("SELECT done::int AS done FROM fairlead.chains")).done === (await n.head());
	w.agrees = async () => (await w.done()) && JSON.stringify(await stored()) === JSON.stringify(await truth());
	w.caught = async (what = "the table to be what the chain holds") => {
		try {
			await w.waitFor(w.agrees, what, 8000);
		} catch (e) {
			const [s, c] = [await stored(), await truth()];
			const i = c.findIndex((r, k) => JSON.stringify(r) !== JSON.stringify(s[k]));
			e.message += `\nat ${(await w.one("SELECT done FROM fairlead.chains")).done} of ${await n.head()}; ${s.length} rows, ${c.length} logs; the first that differ: ${JSON.stringify(s[i])} ${JSON.stringify(c[i])}`;
			throw e;
		}
	};
	w.lied = (p) => p.lines("provider.lied");
	let life = 0;
	w.begin = async () => {
		if (w.reader?.running) await w.reader.stop();
		w.reader = await w.start("listener", { name: `listener${++life}`, wait: "alive" });
		return w.reader;
	};
	w.catches = async (lie, what = JSON.stringify(lie)) => {
		if (w.reader?.running) await w.reader.stop();
		await w.blocks(80);
		await w.begin();
		await w.caught(`the chain before the lie: ${what}`);
		await n.do({ lie: { on: 1, ...lie } });
		for (let i = 0; w.lied(w.reader).length === 0; i++) {
			assert.ok(i < 60, `nobody noticed: ${what}`);
			await w.blocks(1);
			await w.caught(what);
		}
		const liar = w.lied(w.reader)[0];
		assert.match(liar.endpoint, /^localhost:/, `${what}: the liar is accused, not the honest one: ${liar.raw}`);
		await n.do({ truth: { on: 1 } });
		await w.blocks(1);
		await w.caught(`${what}: after it`);
		return liar.reason;
	};
	w.levels = async () => Object.fromEntries((await w.sql("SELECT level, sum(blocks)::int AS n FROM fairlead.ranges GROUP BY level")).map((r) => [r.level, r.n]));
	w.counted = async () => {
		let lies;
		await w.waitFor(async () => {
			await w.blocks(1); // what is known of endpoints is stored now and then, while something happens
			lies = (await w.sql("SELECT place, lies FROM fairlead.endpoints ORDER BY place")).map((r) => r.lies);
			if (lies[0] === 0 && lies[1] > 0) return true;
			throw new Error(`counted so far: ${lies}`);
		}, "the lies to be counted in fairlead.endpoints, of the liar alone", 15000);
	};
	return w;
}
