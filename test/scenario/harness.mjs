export const name = "the test harness itself: servers, chain, playable node, contract, without the fleet";

import { Http, RpcError } from "../lib/world.mjs";
import { rpc } from "../../deploy/run/servers.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "auto", mapping: 40 });
	assert.equal(w.address, "0x5FbDB2315678afecb367f032d93F642f64180aa3");
	assert.equal((await w.one("SELECT 1 AS x")).x, 1);
	assert.equal(await w.redis("PING"), "PONG");

	// three ways to reveal, and what each emits
	const revealed = w.iface.getEvent("TokenRevealed").topicHash;
	const many = w.iface.getEvent("TokensRevealed").topicHash;
	const topics = (r) => r.flatMap((x) => x.logs.map((l) => l.topics[0]));
	assert.equal(topics(await w.reveal([1, 2])).filter((x) => x === revealed).length, 2);
	const batch = topics(await w.batchReveal([3, 4, 5]));
	assert.deepEqual([batch.filter((x) => x === many).length, batch.filter((x) => x === revealed).length], [1, 0]);
	assert.equal(topics(await w.revealEach([6, 7, 8])).filter((x) => x === revealed).length, 3);

	// codes are set by the owner only, counted, and refused for a missing token
	const { need } = await import("../../deploy/run/npm.mjs");
	const { ethers } = need("ethers");
	const { keys } = await import("../lib/world.mjs");
	const owner = w.contract.connect(new ethers.Wallet(keys[0], w.provider));
	await (await owner.setBulkTokenCodes([1, 2], [w.codes[1], w.codes[2]])).wait();
	assert.ok(await w.codesSet([1, 2]));
	assert.equal(await w.writes(1), 1);
	assert.equal(await w.code(3), "");
	assert.deepEqual((await w.bulks()).map((b) => b.ids), [[1, 2]]);
	await w.act("burn", 9);
	await assert.rejects(w.contract.setBulkTokenCodes.staticCall([9], ["x"], { from: w.owner }), (e) => e.revert?.name === "InvalidTokenId" || /InvalidTokenId/.test(e.message));
	await assert.rejects(w.code(9));
	await w.act("preset", 10, "somebody else's");
	assert.equal(await w.code(10), "somebody else's");

	// the playable node: records, changes, refuses, comes back
	const call = (method, ...params) => rpc(w.node.http, method, params);
	assert.equal(await call("eth_chainId"), "0x7a69");
	assert.equal(w.node.of("eth_chainId").length, 1);
	const off = w.node.on("eth_chainId", async (c, next) => `${await next()}1`);
	assert.equal(await call("eth_chainId"), "0x7a691");
	off();
	w.node.on("eth_gasPrice", () => {
		throw new RpcError(-32005, "limit exceeded");
	});
	await assert.rejects(call("eth_gasPrice"), { code: -32005 });
	const stop = w.node.whole(() => new Http(503, "no"));
	assert.equal((await fetch(w.node.http, { method: "POST", body: "{}" })).status, 503);
	stop();
	for (const kind of ["500", "html", "truncated", "empty", "cut"]) {
		w.node.fault(kind);
		await assert.rejects(call("eth_blockNumber"), kind);
	}
	w.node.well();
	await w.node.down();
	await assert.rejects(call("eth_blockNumber"));
	await w.node.up();
	assert.ok(await call("eth_blockNumber"));

	// WebSocket: heads arrive, silence, cut, refusal
	const { WebSocket } = need("ws");
	const heard = [];
	let closed = 0;
	const ws = new WebSocket(w.node.ws);
	ws.on("message", (m) => heard.push(JSON.parse(m)));
	ws.on("close", () => closed++);
	await new Promise((done) => ws.once("open", done));
	ws.send(JSON.stringify({ jsonrpc: "2.0", id: 7, method: "eth_subscribe", params: ["newHeads"] }));
	await w.waitFor(() => heard.some((m) => m.id === 7 && m.result), "the subscription");
	await w.mine();
	await w.waitFor(() => heard.some((m) => m.method === "eth_subscription"), "a head");
	w.node.cut();
	await w.waitFor(() => closed, "the socket to be cut");
	w.node.refuse = 1;
	const refused = new WebSocket(w.node.ws);
	await new Promise((done) => refused.once("error", done));
	assert.equal(w.node.refuse, 0);

	// a raw transaction lost on its way: answered with its hash, never mined
	w.node.lose(1);
	const raw = await new ethers.Wallet(keys[2]).signTransaction({ type: 2, chainId: 31337, to: w.owner, nonce: 0, gasLimit: 21000, maxFeePerGas: 10n ** 11n, maxPriorityFeePerGas: 1n });
	const hash = await call("eth_sendRawTransaction", raw);
	assert.equal(hash, ethers.keccak256(raw));
	await w.mine();
	assert.equal(await call("eth_getTransactionReceipt", hash), null);
	assert.equal(w.node.raws.at(-1).nonce, 0);
}
