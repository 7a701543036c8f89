export const name = "what rules publish is heard over WebSocket and as server-sent events, in order, filtered, and again from a number; a reorg takes it back";

import { chainWords, soon } from "../lib/world.mjs";
import { socket, stream } from "../lib/topics.mjs";

// Beside what the rule publishes by itself.
export const publishes = (text) => chainWords(soon)(text).replace(/^ {6}- publish: revoked.*\n/m, (line) => `${line}      - { publish: "lock:{lockId}", type: Revoked, data: "SELECT :lockId AS \\"lock.id\\", :signatureHash AS hash, :block.number AS block" }\n`);

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ app: "vcel", mining: "manual", fleet: "all", yaml: publishes });

	const s = await socket(w);
	s.say({ subscribe: "revoked" });
	assert.deepEqual(await s.next((f) => f.subscribed, "the confirmation"), { subscribed: "revoked", seq: 0 });
	const seven = await stream(w, "/ws?topics=lock:7,lock:8");
	assert.deepEqual([seven.status, seven.type], [200, "text/event-stream; charset=utf-8"]);

	const [first] = await w.revoke(7, "one");
	const m = await s.next((f) => f.type === "revoked", "the message");
	assert.equal(m.data.args.lockId, "7");
	assert.equal(m.data.args.signatureHash, w.hash("one"));
	assert.deepEqual([m.seq, m.data.name, m.data.tx, m.data.block, m.retracted], [1, "SignatureRevoked", first.transactionHash, first.block, undefined]);
	assert.match(m.data.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
	await w.waitFor(() => seven.events.length === 1, "the same as an event");
	assert.deepEqual(seven.events[0], { id: "2", event: "lock:7", data: { type: "lock:7", seq: 2, name: "Revoked", data: { lock: { id: "7" }, hash: w.hash("one"), block: first.block } } });

	// filters, on both
	const five = await socket(w);
	five.say({ subscribe: ["revoked", "lock:*"], where: { lockId: ["5", "6"] } });
	await five.next((f) => f.subscribed, "the filtered subscription");
	const filtered = await stream(w, "/ws?topics=revoked&where.lockId=5");
	await w.revoke(7, "two");
	await w.revoke(5, "three");
	await w.revoke(6, "four");
	await five.next((f) => f.data?.args?.lockId === "6", "lock 6");
	assert.deepEqual(five.messages.map((f) => f.data.args.lockId), ["5", "6"]);
	await w.waitFor(() => filtered.events.length === 1, "lock 5 alone");
	await s.next((f) => f.data?.args?.lockId === "6", "all of them");
	assert.deepEqual(s.messages.map((f) => f.data.args.signatureHash), ["one", "two", "three", "four"].map(w.hash));

	// what was missed is heard again, once, in order, and then what comes
	const from = s.messages[1].seq;
	s.close();
	await w.revokeMany(7, 30);
	const back = await socket(w);
	back.say({ subscribe: "revoked", from });
	await w.revokeMany(7, 5);
	await w.waitFor(() => back.messages.length === 37, "what was missed, and the five");
	assert.deepEqual(back.messages.map((f) => f.seq), [...new Set(back.messages.map((f) => f.seq))].sort((a, b) => a - b));
	assert.equal(back.messages[0].data.args.signatureHash, w.hash("three"));
	const rows = await w.sql("SELECT seq FROM fairlead.message WHERE topic = 'revoked' AND seq > $1 ORDER BY seq", [from]);
	assert.deepEqual(back.messages.map((f) => f.seq), rows.map((r) => r.seq));
	const again = await stream(w, "/ws?topics=lock:5", { lastId: 1 });
	await w.waitFor(() => again.events.length === 1, "a stream resumed by its last id");

	// a mistake says what is wrong, and the line stays
	back.say({ subscribe: "revoked", from: 100000 });
	assert.match((await back.next((f) => f.error, "an error")).error.detail, /never sent: the newest is/);
	back.say("{");
	assert.match((await back.next((f) => f.error, "an error")).error.detail, /no JSON/);
	back.say({ ping: 5 });
	assert.deepEqual(await back.next((f) => f.pong, "a pong"), { pong: 5 });
	const bad = await stream(w, "/ws?topic=x");
	assert.equal(bad.status, 400);

	// a reorg
	const before = await w.chain.rpc("evm_snapshot");
	const listening = await socket(w);
	listening.say({ subscribe: "revoked" });
	await listening.next((f) => f.subscribed, "the last one");
	await w.revoke(9, "gone");
	const said = await listening.next((f) => f.type === "revoked", "what will go");
	assert.equal(await w.chain.rpc("evm_revert", before), true);
	await w.chain.rpc("evm_increaseTime", 7);
	await w.mine(3);
	const taken = await listening.next((f) => f.retracted, "that it went");
	assert.deepEqual([taken.type, taken.data], ["revoked", said.data]);
	assert.ok(taken.seq > said.seq);
	const every = await w.sql("SELECT count(*) AS n, max(seq) AS last, count(seq) AS numbered FROM fairlead.message");
	assert.deepEqual([every[0].n, every[0].numbered], [every[0].last, every[0].last], "dense numbers");

	// the document
	const doc = await w.http("/asyncapi.json");
	assert.equal(doc.status, 200);
	assert.equal(doc.json.asyncapi, "3.0.0");
	const lock = Object.values(doc.json.components.messages).find((x) => x.name === "lock:{lockId}");
	assert.deepEqual(lock.payload.properties.data.properties.lock.properties.id.type, ["string", "null"]);
	assert.equal(lock.payload.properties.type.pattern, "^lock:.*$");

	// the server goes: everybody is told
	await w.stop("reconciler");
	assert.equal((await listening.closed).code, 1001);
	await again.over;
}
