export const name = "the scripted node's moods, limits and lies: each once; a 100 MB answer that is never in memory";

import { readFileSync } from "node:fs";
import { nodeBin, post, scriptedNode } from "../lib/scripted.mjs";

const A = "0x5fbdb2315678afecb367f032d93f642f64180aa3";
const hex = (n) => `0x${n.toString(16)}`;

export default async function (t) {
	const { assert } = t;
	const n = await scriptedNode({ t, seed: 3, endpoints: 2 });
	await n.event("e", A, "E(uint256 indexed id, string s)", { id: { seq: 0 } });
	await n.do({ mine: { blocks: 50, logs: { shape: "e", count: 4 } } });
	const url = n.endpoints[1].http;
	const call = (method, params = []) => ({ jsonrpc: "2.0", id: 9, method, params });
	const raw = (method, params) => post(url, call(method, params));
	const range = (from, to) => [{ fromBlock: hex(from), toBlock: hex(to) }];
	const get = (from = 0, to = 50) => n.rpc("eth_getLogs", range(from, to), 1);
	const honest = await n.rpc("eth_getLogs", range(0, 50));
	const inMood = async (mood, fn) => {
		await n.do({ mood: { on: 1, ...mood } });
		await fn();
		await n.do({ calm: true });
	};

	// moods
	await inMood({ error: { code: -32005, message: "slow", data: { x: 1 } }, times: 1 }, async () => {
		await assert.rejects(n.rpc("eth_blockNumber", [], 1), { code: -32005, message: "slow", data: { x: 1 }, status: 200 });
		assert.equal(await n.rpc("eth_blockNumber", [], 1), "0x32");
	});
	await inMood({ method: "eth_chainId", result: null }, async () => {
		assert.equal(await n.rpc("eth_chainId", [], 1), null);
		assert.equal(await n.rpc("eth_blockNumber", [], 1), "0x32");
	});
	await inMood({ status: 503, body: "<html>", type: "text/html", headers: { "Retry-After": "3" } }, async () => {
		const a = await raw("eth_chainId");
		assert.deepEqual([a.status, a.text, a.headers["content-type"], a.headers["retry-after"]], [503, "<html>", "text/html", "3"]);
	});
	await inMood({ status: 400, error: { code: 1, message: "m" } }, async () => {
		const a = await raw("eth_chainId");
		assert.deepEqual([a.status, JSON.parse(a.text).error.code], [400, 1]);
	});
	await inMood({ id: "high", method: "eth_blockNumber", plus: 2, times: 2 }, async () => {
		for (const said of ["0x34", "0x34", "0x32"]) assert.equal(await n.rpc("eth_blockNumber", [], 1), said);
		assert.deepEqual(await n.do({ moods: { on: 1 } }), [{ on: 1, id: "high", touched: 2 }]);
	});
	await inMood({ method: ["eth_blockNumber", "eth_chainId"], plus: -51 }, async () => {
		assert.deepEqual([await n.rpc("eth_blockNumber", [], 1), Number(await n.rpc("eth_chainId", [], 1))], ["0x0", 31337 - 51]);
		assert.equal((await n.rpc("eth_getBlockByNumber", ["0x1", false], 1)).number, "0x1", "what is no quantity stays");
	});
	await inMood({ id_is: "other" }, async () => assert.equal(JSON.parse((await raw("eth_chainId")).text).id, "other"));
	await inMood({ cut: "before" }, () => assert.rejects(raw("eth_chainId"), { code: "ECONNRESET" }));
	await inMood({ cut: "middle" }, () => assert.rejects(raw("eth_getLogs", range(0, 50)), /aborted|cut|hang up/));
	await inMood({ cut: 1000 }, () => assert.rejects(raw("eth_getLogs", range(0, 50)), /aborted|cut|hang up/));
	await inMood({ truncate: true }, async () => {
		const a = await raw("eth_getLogs", range(0, 3));
		assert.equal(a.status, 200);
		assert.throws(() => JSON.parse(a.text));
	});
	await inMood({ hang: true }, () => assert.rejects(post(url, call("eth_chainId"), { timeout: 300 }), /no answer/));
	await inMood({ latency: 80, jitter: 10 }, async () => {
		const from = performance.now();
		await raw("eth_chainId");
		assert.ok(performance.now() - from >= 79, "an answer does not come before its latency");
	});
	await inMood({ skip: 2, times: 1, error: { code: 5, message: "third" } }, async () => {
		const codes = [];
		for (let i = 0; i < 4; i++) codes.push(JSON.parse((await raw("eth_chainId")).text).error?.code);
		assert.deepEqual(codes, [undefined, undefined, 5, undefined]);
	});
	await inMood({ chance: 0.5, seed: 1, error: { code: 5, message: "half" } }, async () => {
		let failed = 0;
		for (let i = 0; i < 60; i++) failed += JSON.parse((await raw("eth_chainId")).text).error ? 1 : 0;
		assert.ok(failed > 10 && failed < 50, `${failed} of 60`);
	});
	await inMood({ holding: "0x7", method: ["eth_getBlockByNumber"], error: { code: 7, message: "seven" } }, async () => {
		await assert.rejects(n.rpc("eth_getBlockByNumber", ["0x7", false], 1), { code: 7 });
		assert.ok(await n.rpc("eth_getBlockByNumber", ["0x8", false], 1));
	});
	// a batch: one call fails, the others are answered; a whole refusal hits all
	await inMood({ method: "eth_chainId", error: { code: 7, message: "x" } }, async () => {
		const a = JSON.parse((await post(url, [call("eth_blockNumber"), call("eth_chainId")])).text);
		assert.deepEqual([a[0].result, a[1].error.code], ["0x32", 7]);
	});
	await inMood({ as: "cloudflare", kind: "rate" }, async () => {
		const a = await raw("eth_chainId");
		assert.deepEqual([a.status, a.headers["retry-after"], a.text.startsWith("<!DOCTYPE")], [429, "1", true]);
	});

	// limits in many words
	const words = await n.do({ words: true });
	assert.ok(Object.keys(words).length >= 20);
	const refusal = async (limit, method, params) => {
		await n.do({ limit: { on: 1, ...limit } });
		const a = await raw(method, params);
		await n.do({ limit: { on: 1, range: 0, results: 0, bytes: 0, timeout: 0, rps: 0, batch: 0, history: 0, addresses: 0, topics: 0, history_empty: false, as: "geth" } });
		return { ...a, error: a.text.startsWith("{") ? JSON.parse(a.text).error : undefined };
	};
	let r = await refusal({ range: 10, as: "alchemy" }, "eth_getLogs", range(5, 30));
	assert.deepEqual([r.status, r.error.code], [400, -32600]);
	assert.match(r.error.message, /\[0x5, 0xe\]$/);
	r = await refusal({ results: 41, as: "infura" }, "eth_getLogs", range(5, 30));
	assert.deepEqual(r.error.data, { from: "0x5", limit: 41, to: "0xe" }); // 10 blocks of 4
	assert.equal(r.status, 200);
	r = await refusal({ bytes: 5000, as: "nginx" }, "eth_getLogs", range(5, 30));
	assert.deepEqual([r.status, r.headers["content-type"]], [413, "text/html"]);
	r = await refusal({ timeout: 5, as: "drpc" }, "eth_getLogs", range(5, 30));
	assert.deepEqual([r.status, r.error.code], [408, 30]);
	r = await refusal({ history: 20, as: "bsc" }, "eth_getLogs", range(5, 30));
	assert.match(r.error.message, /pruned/);
	r = await refusal({ history: 20, history_empty: true }, "eth_getLogs", range(5, 20));
	assert.equal(JSON.parse(r.text).result.length, 4, "wrongly empty below, right above");
	r = await refusal({ addresses: 1 }, "eth_getLogs", [{ fromBlock: "0x1", address: [A, A] }]);
	assert.match(r.error.message, /exceed max addresses/);
	r = await refusal({ range: 1, words: { range: { status: 413, code: -1, message: "{range} > {limit} at {from.hex}", data: [1] } } }, "eth_getLogs", range(5, 30));
	assert.deepEqual([r.status, r.error], [413, { code: -1, message: "26 > 1 at 0x5", data: [1] }]);
	await n.do({ limit: { on: 1, batch: 2, as: "erigon" } });
	assert.match(JSON.parse((await post(url, [1, 2, 3].map(() => call("eth_chainId")))).text).error.message, /batch limit 2 exceeded.*size: 3/);
	await n.do({ limit: { on: 1, batch: 0, rps: 5, as: "quicknode" } });
	const codes = [];
	for (let i = 0; i < 30 && !codes.includes(429); i++) codes.push((await raw("eth_chainId")).status);
	assert.ok(codes.includes(429) && codes[0] === 200);
	await n.do({ limit: { on: 1, rps: 0 } });

	// views that answer wrongly about what they don't have
	const viewed = async (set, fn) => {
		await n.do({ set: { on: 1, ...set } });
		await fn();
		await n.do({ set: { on: 1, lag: 0, beyond: "clamp", future: "empty", unknown_hash: "error", logs_behind: 0, logs_missing: "empty", missing: [], time_in_logs: true } });
	};
	const newest = (await n.rpc("eth_getBlockByNumber", ["latest", false])).hash;
	await viewed({ lag: 3 }, async () => assert.equal((await get(40, 50)).length, 4 * 8));
	await viewed({ lag: 3, beyond: "error" }, () => assert.rejects(get(40, 50), /beyond current head/));
	await viewed({ lag: 3, future: "error" }, () => assert.rejects(get(49, 50), /beyond current head/));
	await viewed({ lag: 3 }, async () => assert.deepEqual(await get(49, 50), []));
	await viewed({ lag: 3 }, () => assert.rejects(n.rpc("eth_getLogs", [{ blockHash: newest }], 1), /unknown block/));
	await viewed({ lag: 3, unknown_hash: "empty" }, async () => assert.deepEqual(await n.rpc("eth_getLogs", [{ blockHash: newest }], 1), []));
	await viewed({ lag: 3, unknown_hash: "null" }, async () => assert.equal(await n.rpc("eth_getLogs", [{ blockHash: newest }], 1), null));
	await viewed({ logs_behind: 1 }, async () => {
		assert.ok(await n.rpc("eth_getBlockByHash", [newest, false], 1));
		assert.deepEqual(await n.rpc("eth_getLogs", [{ blockHash: newest }], 1), []);
	});
	await viewed({ missing: ["eth_getBlockReceipts"] }, () => assert.rejects(n.rpc("eth_getBlockReceipts", ["latest"], 1), { code: -32601 }));
	await viewed({ time_in_logs: false }, async () => assert.equal((await get())[0].blockTimestamp, undefined));

	// lies
	const lied = async (lie, method = "eth_getLogs", params = range(0, 50)) => {
		await n.do({ lie: { on: 1, ...lie } });
		const a = await n.rpc(method, params, 1);
		await n.do({ truth: true });
		return a;
	};
	const keys = (list) => list.map((l) => `${Number(l.blockNumber)}:${Number(l.logIndex)}`);
	assert.deepEqual(keys(await lied({ kind: "omit", every: 4 })), keys(honest).filter((k) => !k.endsWith(":3")));
	assert.deepEqual(keys(await lied({ kind: "omit", log: 0, from: 5, to: 6 })), keys(honest).filter((k) => k !== "5:0" && k !== "6:0"));
	assert.equal((await lied({ kind: "repeat" })).length, 400);
	assert.deepEqual(await lied({ kind: "empty" }), []);
	assert.deepEqual(keys(await lied({ kind: "shuffle" })).sort(), keys(honest).sort());
	assert.notDeepEqual(keys(await lied({ kind: "shuffle" })), keys(honest));
	assert.deepEqual(keys(await lied({ kind: "reverse" })).slice(0, 4), ["1:3", "1:2", "1:1", "1:0"]);
	for (const field of ["address", "topic1", "data", "blockNumber", "blockHash", "transactionHash", "transactionIndex", "logIndex", "blockTimestamp", "removed"]) {
		const list = await lied({ kind: "forge", field, log: 2 });
		const differ = list.filter((l, i) => JSON.stringify(l) !== JSON.stringify(honest[i]));
		assert.equal(differ.length, 50, field);
		assert.equal(new Set(Object.keys(honest[2]).filter((k) => JSON.stringify(list[2][k]) !== JSON.stringify(honest[2][k]))).size, 1, field);
	}
	const forged = await lied({ kind: "forge", field: "address", value: "0x00000000000000000000000000000000000000aa", times: 1 });
	assert.ok(forged.every((l) => l.address.endsWith("aa")));
	const header = await n.rpc("eth_getBlockByNumber", ["0x5", false]);
	for (const field of ["logsBloom", "receiptsRoot", "parentHash", "hash", "timestamp"]) {
		const h = await lied({ kind: "forge", field, in: "headers", from: 5 }, "eth_getBlockByNumber", ["0x5", false]);
		assert.deepEqual(Object.keys(h).filter((k) => JSON.stringify(h[k]) !== JSON.stringify(header[k])), [field]);
	}
	assert.equal((await lied({ kind: "omit", in: "receipts", log: 0 }, "eth_getBlockReceipts", ["0x5"])).flatMap((x) => x.logs).length, 3);
	assert.deepEqual(await get(), honest, "the truth again");

	// down and up, at the same address
	await n.do({ down: { on: 1 } });
	await assert.rejects(raw("eth_chainId"), { code: "ECONNREFUSED" });
	await n.do({ up: { on: 1 } });
	assert.equal((await raw("eth_chainId")).status, 200);

	// a mistake is said
	await assert.rejects(n.do({ mood: { latencyy: 3 } }), /latencyy/);
	await assert.rejects(n.do({ mine: { logs: { shape: "nobody" } } }), /nobody/);
	await assert.rejects(n.do({ set: { on: 7 } }), /0 to 1/);

	// memory
	await n.forget();
	await n.rpc("eth_chainId", [], 1);
	await get(1, 2);
	assert.equal(await n.count(), 2);
	const [heard] = await n.asked({ method: "eth_getLogs", on: 1 });
	assert.deepEqual([heard.on, heard.via, heard.batch, heard.params], [1, "http", 0, range(1, 2)]);
	assert.equal(await n.count({ holding: "0x2", via: "http" }), 1);

	// one dense block, streamed: memory stays far below the answer; both ways to frame it say the same
	await n.do({ mine: { logs: { shape: "e", count: 140000, per_tx: 100 } } });
	const peak = () => Number(readFileSync(`/proc/${n.pid}/status`, "utf8").match(/VmHWM:\s+(\d+)/)[1]);
	const before = peak();
	const sizes = [];
	for (const framing of ["chunked", "length"]) {
		await n.do({ set: { on: 1, framing } });
		const a = await raw("eth_getLogs", range(51, 51));
		sizes.push(a.text.length);
		assert.equal(a.headers["content-length"] === undefined, framing === "chunked");
		assert.equal(JSON.parse(a.text).result.length, 140000);
	}
	assert.equal(sizes[0], sizes[1]);
	assert.ok(sizes[0] > 100e6, `${sizes[0]} bytes`);
	// A sanitizer keeps what was freed: it can't show this.
	assert.ok(nodeBin().includes("asan") || peak() - before < 8192, `the node grew by ${peak() - before} KiB for ${sizes[0] >> 20} MiB`);
	t.note(`${sizes[0] >> 20} MiB, +${peak() - before} KiB`);
}
