export const name = "10,000 idle listeners in bounded memory; one message reaches 1,000 of them; who does not read is closed and told why";

import { createConnection } from "node:net";
import { readFileSync } from "node:fs";
import { socket } from "../lib/topics.mjs";
import { publishes } from "./T-01-topics.mjs";

const resident = (p) => Number(readFileSync(`/proc/${p.pid}/status`, "utf8").match(/VmRSS:\s+(\d+)/)[1]) / 1024;

// A WebSocket with as little of our own as can be: the handshake, one frame out, bytes in.
function plain(port, from, topic) {
	const s = { bytes: "", messages: 0 };
	const text = Buffer.from(JSON.stringify({ subscribe: topic }));
	s.open = new Promise((done, fail) => {
		const line = createConnection({ host: "127.0.0.1", port, localAddress: from });
		s.line = line;
		line.on("error", fail);
		line.on("connect", () => line.write(`GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`));
		line.on("data", (d) => {
			const got = d.toString("latin1");
			if (!s.upgraded) {
				s.bytes += got;
				if (!s.bytes.includes("\r\n\r\n")) return;
				s.upgraded = true;
				if (!s.bytes.startsWith("HTTP/1.1 101")) fail(new Error(s.bytes));
				s.bytes = "";
				line.write(Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), text]));
				return;
			}
			if (!s.subscribed) {
				s.bytes += got;
				if (!s.bytes.includes('"subscribed"')) return;
				s.subscribed = true;
				s.bytes = "";
				done(s);
				return;
			}
			s.messages += (got.match(/\{"type":/g) ?? []).length;
		});
	});
	return s;
}

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ app: "vcel", mining: "auto", fleet: ["listener", "batcher", "reconciler"], yaml: publishes });
	const server = w.programs.reconciler, port = Number(new URL(w.door()).port);
	const before = resident(server);
	const crowd = [];
	t.ends.push(async () => {
		for (const s of crowd) s.line.destroy();
		return { problems: [] };
	});
	for (let i = 0; i < 10000; i += 250) {
		const some = Array.from({ length: 250 }, (_, k) => plain(port, `127.0.0.${2 + (i + k) % 4}`, (i + k) % 10 ? `lock:${(i + k) % 10}` : "revoked"));
		crowd.push(...some);
		await Promise.all(some.map((s) => s.open));
	}
	const full = resident(server);
	assert.equal(await w.metric("reconciler", "fairlead_topic_peers"), 10000);
	t.note(`${((full - before) * 1024 / 10000).toFixed(1)} KiB a listener`);
	assert.ok(full - before < 60, `10,000 idle listeners take ${full - before} MiB`);

	// one message, a thousand listeners
	const mine = crowd.filter((_, i) => i % 10 === 0);
	await w.revoke(20, "heard by a thousand");
	await w.waitFor(() => mine.every((s) => s.messages === 1), "all of the thousand");
	assert.ok(crowd.every((s, i) => s.messages === (i % 10 ? 0 : 1)), "nobody else");

	// one that does not read, among those who do
	const slow = await socket(w), good = await socket(w);
	for (const s of [slow, good]) {
		s.say({ subscribe: "lock:30" });
		await s.next((f) => f.subscribed, "the confirmation");
	}
	slow.line._socket.pause();
	let sent = 0;
	while (w.lines("reconciler", "topics.slow").length === 0 && sent < 60000) {
		await w.sql("INSERT INTO fairlead.message (topic, data) SELECT 'lock:30', to_jsonb(repeat('x', 2000)) FROM generate_series(1, 500)");
		sent += 500;
		await w.waitFor(() => good.messages.length === sent, "the one who reads");
	}
	assert.ok(sent < 60000, "the slow one is closed");
	slow.line._socket.resume();
	const end = await slow.closed;
	assert.ok([1008, 1006].includes(end.code), `${end.code}`);
	if (end.code === 1008) assert.match(end.reason, /too slowly.*resume from \d+/);
	assert.ok(resident(server) - full < 40, "what it left unread is bounded");
	const seqs = good.messages.map((f) => f.seq);
	assert.deepEqual(seqs, seqs.map((_, i) => seqs[0] + i), "the other got all of it");
}
