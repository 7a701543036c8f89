export const name = "the scripted node's WebSockets: pushes in each order, removed logs, lost, repeated, silent, refused, cut";

import { need } from "../../deploy/run/npm.mjs";
import { until } from "../../deploy/run/proc.mjs";
import { scriptedNode } from "../lib/scripted.mjs";

const { WebSocket } = need("ws");
const { createPublicClient, webSocket, parseAbiItem } = need("viem");
const A = "0x5fbdb2315678afecb367f032d93f642f64180aa3";

function connect(url) {
	const s = new WebSocket(url, { perMessageDeflate: false });
	const c = { s, pushes: [], pongs: 0 };
	const waiting = new Map();
	let id = 0;
	s.on("message", (m) => {
		const o = JSON.parse(m.toString());
		if (o.method) return c.pushes.push(o.params);
		for (const x of [o].flat()) waiting.get(x.id)?.(x);
	});
	s.on("pong", () => c.pongs++);
	s.on("error", () => {});
	c.closed = new Promise((done) => s.on("close", done));
	c.ask = (method, params = []) => new Promise((done) => {
		waiting.set(++id, done);
		s.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
	});
	return new Promise((done, fail) => {
		s.once("open", () => done(c));
		s.once("error", fail);
	});
}

export default async function (t) {
	const { assert } = t;
	const n = await scriptedNode({ t, endpoints: 2 });
	await n.event("e", A, "E(uint256 indexed id)", { id: { seq: 1 } });
	const c = await connect(n.ws);
	const heads = (await c.ask("eth_subscribe", ["newHeads"])).result;
	const logs = (await c.ask("eth_subscribe", ["logs", { address: A }])).result;
	await c.ask("eth_subscribe", ["logs", { address: "0x00000000000000000000000000000000000000b0" }]);
	assert.equal((await n.state()).endpoints[0].subscriptions, 3);
	assert.ok((await c.ask("eth_subscribe", ["syncing"])).error);
	await assert.rejects(n.rpc("eth_subscribe", ["newHeads"]), /not supported/);
	// What was pushed, once a marker of ours has come behind it: "h5" a head, "l5.0" a log, "-5.0" a log removed.
	const pushed = async () => {
		await n.do({ push: { on: 0, message: { jsonrpc: "2.0", method: "eth_subscription", params: { subscription: "mark" } } } });
		await until(() => c.pushes.at(-1)?.subscription === "mark", "the marker");
		const list = c.pushes.splice(0).slice(0, -1);
		assert.ok(list.every((p) => p.subscription === heads || p.subscription === logs));
		return list.map(({ result: r, subscription }) => (subscription === heads ? `h${Number(r.number)}` : `${r.removed ? "-" : "l"}${Number(r.blockNumber)}.${Number(r.logIndex)}`));
	};
	const mine = (blocks = 1) => n.do({ mine: { blocks, logs: { shape: "e", count: 2 } } });

	await mine();
	assert.deepEqual(await pushed(), ["h1", "l1.0", "l1.1"]);
	await n.do({ set: { on: 0, order: "logs-heads" } });
	await mine(2);
	assert.deepEqual(await pushed(), ["l2.0", "l2.1", "h2", "l3.0", "l3.1", "h3"]);
	await n.do({ set: { on: 0, order: "heads-logs" } });
	await n.do({ reorg: { depth: 2, blocks: 3, keep: "none" } });
	assert.deepEqual(await pushed(), ["-3.0", "-3.1", "-2.0", "-2.1", "h2", "h3", "h4"]);
	await n.do({ set: { on: 0, removed: false } });
	await mine();
	await n.do({ reorg: { depth: 1, blocks: 1 } });
	assert.deepEqual(await pushed(), ["h5", "l5.0", "l5.1", "h5"]);
	await n.do({ set: { on: 0, order: "shuffled", removed: true } });
	await mine(6);
	const shuffled = await pushed();
	assert.equal(new Set(shuffled).size, 18);
	assert.notDeepEqual(shuffled, [...shuffled].sort());
	await n.do({ set: { on: 0, order: "heads-logs", lose: 0.5 } });
	await mine(20);
	assert.ok((await pushed()).length < 55);
	await n.do({ set: { on: 0, lose: 0, repeat: 1 } });
	await mine();
	assert.equal((await pushed()).length, 6);
	await n.do({ set: { on: 0, repeat: 0 }, lie: { on: 0, kind: "omit", log: 0, in: "pushes" } });
	await mine();
	assert.equal((await pushed()).length, 2);
	await n.do({ truth: true, set: { on: 0, pushes: false } });
	await mine();
	assert.deepEqual(await pushed(), []);
	await n.do({ set: { on: 0, pushes: true, lag: 2 } });
	await pushed();
	await mine();
	assert.equal((await pushed()).filter((p) => p.startsWith("h")).length, 1, "a node behind tells its own head");
	await n.do({ set: { on: 0, lag: 0 } });

	// requests: singly, in a batch, large ones in fragments, delayed ones pass each other
	assert.equal(Number((await c.ask("eth_blockNumber")).result), await n.head());
	await n.do({ mine: { logs: { shape: "e", count: 3000 } } });
	assert.ok((await c.ask("eth_getLogs", [{ fromBlock: "0x0", toBlock: "latest" }])).result.length > 3000);
	await n.do({ mood: { method: "eth_chainId", via: "ws", latency: 200, times: 1 } });
	const order = [];
	await Promise.all([c.ask("eth_chainId").then(() => order.push("slow")), c.ask("eth_blockNumber").then(() => order.push("quick"))]);
	assert.deepEqual(order, ["quick", "slow"]);
	assert.equal(await n.count({ via: "ws", method: "eth_chainId" }), 1);
	assert.equal((await c.ask("eth_unsubscribe", [logs])).result, true);
	assert.ok((await c.ask("eth_unsubscribe", [logs])).error);
	c.s.ping();
	await until(() => c.pongs === 1, "a pong");

	// silent: nothing at all, the socket stays open
	c.pushes.length = 0;
	await n.do({ set: { on: 0, silent: true } });
	await mine();
	c.s.ping();
	c.ask("eth_blockNumber");
	await until(async () => (await n.count({ via: "ws", method: "eth_blockNumber" })) === 3, "the silent node to have heard");
	assert.deepEqual([c.pushes.length, c.pongs, c.s.readyState], [0, 1, WebSocket.OPEN]);
	await n.do({ set: { on: 0, silent: false }, cut: { ws: true } });
	await c.closed;

	// refused, then let in again
	await n.do({ set: { on: 0, refuse: 1 } });
	await assert.rejects(connect(n.ws), /503/);
	const again = await connect(n.ws);
	again.s.close();
	await again.closed;
	await until(async () => (await n.state()).endpoints[0].ws === 0, "the socket to be gone");

	// a client of others
	const viem = createPublicClient({ transport: webSocket(n.endpoints[1].ws) });
	const seen = [];
	const stop = viem.watchEvent({ address: A, event: parseAbiItem("event E(uint256 indexed id)"), onLogs: (l) => seen.push(...l) });
	await until(async () => (await n.state()).endpoints[1].subscriptions === 1, "viem to subscribe");
	await mine();
	await until(() => seen.length === 2, "viem to see two events");
	stop();
	(await viem.transport.getRpcClient()).close();
}
