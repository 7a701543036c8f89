export const name = "a factory that the file gains later: children that its past creates are asked for from then on, and what they said while nobody knew them comes as a second history; each log once, through kill -9";
// R4

import { pastWorld } from "../lib/past.mjs";

const file = (w, factory) => `name: past
chains:
  net:
    rpc: "\${RPC_URL}"
    poll: 50ms
    range: 10
    final: 2
    window: 12
contracts:
  Old:
    chain: net
    address: "${w.address}"
    start: 1
    abi: [ "event Ping(uint256 indexed n)" ]
${factory ? `  Factory:
    chain: net
    address: "${factory}"
    start: 3
    abi: [ "event Created(address child)" ]
  Child:
    chain: net
    address: { from: Factory.Created.child }
    start: 3
    abi: [ "event Ping(uint256 indexed n)" ]
` : ""}
sql: sql/count.sql
rules:
  - on: Old.Ping
    do:
      - sql: INSERT INTO counted (what, tx, hash, lock, seq, block) VALUES ('Old', :tx.hash, :n::text, '', :event.seq, :block.number) ON CONFLICT (what, tx, hash) DO UPDATE SET n = counted.n + 1
${factory ? `  - on: Child.Ping
    do:
      - sql: INSERT INTO counted (what, tx, hash, lock, seq, block) VALUES ('Child', :tx.hash, :n::text, '', :event.seq, :block.number) ON CONFLICT (what, tx, hash) DO UPDATE SET n = counted.n + 1
` : ""}`;

export default async function (t) {
	const { assert } = t;
	const w = await pastWorld(t, { app: "ktty", chain: "node", node: { seed: 11 }, mining: 1 });
	const n = w.scripted, factory = `0x${"fa".repeat(20)}`;
	await n.do({ contract: { address: w.address, returns: `0x${"00".repeat(32)}` } });
	const children = [], due = { Old: [], Child: [] };
	let k = 0;
	// one block: a child is created when asked for, the old contract and every child speak
	const block = async (creates) => {
		const logs = [], say = (what, address) => (due[what].push(String(++k)), logs.push({ address, event: "Ping(uint256 indexed n)", args: { n: k } }));
		say("Old", w.address);
		if (creates) {
			children.push(`0x${(0xc0 + children.length).toString(16).repeat(20)}`);
			logs.push({ address: factory, event: "Created(address child)", args: { child: children.at(-1) } });
		}
		for (const c of children) say("Child", c);
		await n.mine(1, { logs });
	};
	await n.mine(4);
	for (let i = 0; i < 40; i++) await block(i % 10 === 9); // the last one stands inside the window
	w.become(file(w));
	await w.start("batcher", { wait: "alive" });
	await w.start("listener");
	await w.waitFor(w.upTo, "the head");

	w.become(file(w, factory));
	await w.restart("batcher");
	await w.restart("listener");
	await w.waitFor(async () => (await w.histories()).length === 1, "one history for both contracts");
	assert.deepEqual((await w.histories())[0].events.sort(), ["Child.Ping", "Factory.Created"]);
	await block();
	await block(true); // one that the chain's own reading meets
	await w.programs.listener.kill9();
	await w.start("listener");
	for (let i = 0; i < 14; i++) {
		await block();
		await w.waitFor(w.upTo, "the head");
	}
	await w.waitFor(async () => (await n.mine(1), w.joined()), "all to join");
	for (const what of ["Old", "Child"]) {
		const rows = await w.counted(what);
		assert.deepEqual(rows.filter((r) => r.n !== 1), [], `${what}: once each`);
		assert.deepEqual(rows.map((r) => Number(r.hash)).sort((a, b) => a - b), due[what].map(Number), `${what}: all of them`);
	}
	const all = await w.histories();
	assert.ok(all.length >= 2, "what the children said meanwhile was a history of its own");
	assert.deepEqual(all.at(-1).events, ["Child.Ping"]);
	t.note(`${all.length} histories, ${due.Child.length} of children`);
}
