export const name = "WebSockets: messages shuffled, lost, repeated, logs after heads and before; one that is open and silent; refused, cut; a message of nonsense";
// R1: a message only names a block to read

import { BOOK, reading } from "../lib/reading.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await reading(t, { endpoints: 1, ws: true, chain: { poll: "200ms", silent: "1s" } });
	const { n } = w;
	await w.book(30, [0, 2]);
	await w.start("listener");
	await w.waitFor(w.agrees, "the history");
	for (const set of [{ order: "heads-logs" }, { order: "logs-heads" }, { order: "shuffled" }, { order: "shuffled", lose: 0.5 }, { order: "shuffled", lose: 0.3, repeat: 0.5 }, { lose: 1 }]) {
		await n.do({ set: { on: 0, lose: 0, repeat: 0, ...set } });
		for (let i = 0; i < 6; i++) await w.book(1, [0, 3]);
		await n.do({ reorg: { depth: 2, blocks: 3, keep: "shift" } });
		await w.waitFor(w.agrees, JSON.stringify(set));
	}
	await n.do({ set: { on: 0, lose: 0, repeat: 0, order: "heads-logs" } });

	// nonsense is not believed: a head that nobody has, a log of no block, no JSON, a head far above
	const sub = { jsonrpc: "2.0", method: "eth_subscription", params: { subscription: "0x1", result: { number: "0xffffff", hash: `0x${"77".repeat(32)}`, parentHash: `0x${"66".repeat(32)}` } } };
	const logOf = { jsonrpc: "2.0", method: "eth_subscription", params: { subscription: "0x2", result: { address: BOOK, topics: [`0x${"00".repeat(32)}`], data: "0x", blockNumber: "0x5", blockHash: `0x${"55".repeat(32)}`, transactionHash: `0x${"44".repeat(32)}`, transactionIndex: "0x0", logIndex: "0x0", removed: true } } };
	for (const message of [sub, logOf, "nonsense", "null", [], { method: "eth_subscription" }, { jsonrpc: "2.0", method: "eth_subscription", params: { subscription: "0x1", result: null } }]) {
		await n.do({ push: { on: 0, message } });
		await w.book(1, 1);
		await w.waitFor(w.agrees, `behind ${JSON.stringify(message)}`);
	}

	// open and silent: found out, and polled or connected again meanwhile
	await n.do({ set: { on: 0, silent: true } });
	for (let i = 0; i < 3; i++) {
		await w.book(1, 1);
		await w.waitFor(w.agrees, "the head beside a silent socket");
	}
	await n.do({ set: { on: 0, silent: false } });
	await n.do({ cut: { on: 0, ws: true }, set: { on: 0, refuse: true } });
	await w.book(1, 1);
	await w.waitFor(w.agrees, "the head without a socket");
	await n.do({ set: { on: 0, refuse: false } });
	await w.waitFor(async () => (await n.state()).endpoints?.[0]?.subscriptions > 0 || JSON.stringify(await n.state()).includes('"subscriptions"'), "to be subscribed again");
	await w.book(1, 1);
	await w.waitFor(w.agrees, "the head");
}
