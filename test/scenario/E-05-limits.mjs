import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { answers, door } from "../lib/door.mjs";

export const name = "limits: a body too large is refused before it is read, JSON too deep, too many headers; slow senders and readers are let go; 4,096 connections an address, 10,240 in all, and 10,000 idle ones cost little; an answer of millions of rows is refused in flat memory";
export const limit = 240;

const routes = `
  POST /take:
    body: { a: { type: array, optional: true }, s: { type: string, optional: true } }
    do: [ { reply: "SELECT length(:s) AS n" } ]
  GET /huge:
    one: "SELECT repeat('x', 30000000) AS x"
  GET /millions:
    all: "SELECT generate_series(1, 2000000) AS i, repeat('x', 50) AS x"
  GET /many:
    all: "SELECT generate_series(1, 1000) AS i"
`;
const rss = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) / 1024;

export default async function (t) {
	const { assert } = t;
	const w = await door(t, { routes });
	const p = w.programs.reconciler;
	const post = `POST /take HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n`;
	const began = Date.now();

	// an answer above its bound: its statement ends, memory stays flat, the next one is served
	const peak = () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${p.pid}/status`, "utf8"))[1]) / 1024;
	const low = peak();
	const large = await Promise.all([w.http("/millions"), w.http("/many"), w.http("/millions"), w.http("/many")]);
	assert.deepEqual(large.map((a) => a.status), [500, 200, 500, 200]);
	assert.match(large[0].json.detail, /LIMIT/);
	assert.equal(large[3].json.length, 1000);
	t.note(`two answers of two million rows: ${(peak() - low).toFixed(1)} MiB more at most`);
	assert.ok(peak() - low < 110, `${peak() - low} MiB`);
	await w.heard("reconciler", (l) => l.ev === "serve.route" && /GET \/millions.*add a LIMIT/.test(l.raw));

	// slow senders: of a head, of a body, byte by byte; one time for the whole request
	const slow = [`${post.slice(0, 30)}`, `${post}Content-Length: 100\r\n\r\n{"s"`, `${post}Transfer-Encoding: chunked\r\n\r\n5\r\n{`].map((bytes) => {
		const l = w.line();
		l.write(bytes);
		return l;
	});
	const dripping = setInterval(() => slow[1].isOpen() && slow[1].write("x"), 300);
	t.ends.push(async () => {
		clearInterval(dripping);
		return { problems: [] };
	});

	// bodies
	let r = await w.http("/take", { method: "POST", json: { s: "x".repeat(1 << 20).slice(0, (1 << 20) - 8) } });
	assert.deepEqual([r.status, r.json.n], [200, (1 << 20) - 8], "just the limit");
	const early = w.line();
	early.write(`${post}Content-Length: 50000000\r\n\r\n{`);
	await w.waitFor(() => /^HTTP\/1\.1 413 /.test(early.text()), "413 before the body has come");
	const chunks = w.line();
	chunks.write(`${post}Transfer-Encoding: chunked\r\n\r\n`);
	const piece = `10000\r\n${"x".repeat(65536)}\r\n`;
	for (let i = 0; i < 17; i++) chunks.write(piece);
	await w.waitFor(() => /^HTTP\/1\.1 413 /.test(chunks.text()), "413 for many small ones");
	assert.equal((await w.raw(`GET /up HTTP/1.1\r\nHost: x\r\nContent-Length: 4097\r\n\r\n`))[0].status, 413, "a GET has little to say");
	const deep = (n) => w.http("/take", { method: "POST", body: `{"a":${"[".repeat(n)}${"]".repeat(n)}}`, headers: { "content-type": "application/json" } });
	assert.equal((await deep(60)).status, 200);
	r = await deep(64);
	assert.equal(r.status, 400);
	assert.match(r.json.detail, /deep/);
	assert.equal((await deep(400000)).status, 400);
	const fields = (n) => w.raw(`GET /up HTTP/1.1\r\nHost: x\r\n${Array.from({ length: n }, (_, i) => `X-${i}: 1\r\n`).join("")}Connection: close\r\n\r\n`);
	assert.deepEqual([(await fields(98))[0].status, (await fields(99))[0].status], [200, 431]);

	// 10,000 that say nothing
	const before = rss(p.pid);
	const many = [];
	t.ends.push(async () => {
		for (const s of many) s.destroy();
		return { problems: [] };
	});
	const open = async (n, from) => {
		const list = await Promise.all(Array.from({ length: n }, () => new Promise((done) => {
			const s = connect({ host: "127.0.0.1", port: w.port(), localAddress: from });
			many.push(s);
			const o = { s, said: "" };
			s.on("data", (d) => (o.said += d));
			s.on("error", () => done(o));
			s.on("connect", () => done(o));
		})));
		return list;
	};
	const three = async (n) => {
		for (let i = 0; i < n; i += 500) for (const from of ["127.0.0.2", "127.0.0.3", "127.0.0.4"]) await open(Math.min(500, n - i), from);
	};
	await three(3334);
	const open10 = await w.waitFor(async () => {
		const fds = (await import("node:fs")).readdirSync(`/proc/${p.pid}/fd`).length;
		return fds > 10000 && fds;
	}, "10,000 to be taken", 60000);
	assert.equal((await w.http("/livez")).status, 200);
	assert.equal((await w.http("/up")).status, 200);
	const cost = rss(p.pid) - before;
	t.note(`${open10} descriptors, ${cost.toFixed(1)} MiB more than before, ${(cost * 1024 / 10000).toFixed(1)} KiB each`);
	assert.ok(cost < 60, `${cost} MiB`);

	// a slow reader: it asks for much and takes nothing
	const reader = w.line();
	reader.socket.pause();
	reader.write("GET /huge HTTP/1.1\r\nHost: x\r\nX-Request-Id: huge\r\n\r\n");

	// one too many of an address, and in all
	const full = async (list) => w.waitFor(() => list.some((o) => /^HTTP\/1\.1 503 /.test(o.said) && /Retry-After: 1/.test(o.said)), "503 for one too many");
	const rest = await open(4096 - 3334 + 5, "127.0.0.2");
	await full(rest);
	assert.equal((await w.http("/livez")).status, 200, "others are served");
	for (const s of many.splice(0)) s.destroy();
	await w.waitFor(async () => (await import("node:fs")).readdirSync(`/proc/${p.pid}/fd`).length < 200, "them to be gone", 60000);
	for (const from of ["127.0.0.2", "127.0.0.3"]) for (let i = 0; i < 4000; i += 500) await open(500, from);
	const over = await open(2400, "127.0.0.4");
	await full(over);
	assert.equal((await w.health("reconciler", "/livez")).status, 200, "the health socket has its own places");
	for (const s of many.splice(0)) s.destroy();
	await w.waitFor(async () => (await w.http("/livez")).status === 200, "room again");

	// what was slow
	await w.waitFor(() => slow.every((l) => !l.isOpen()), "slow senders to be refused");
	for (const l of slow) assert.equal(answers(l.bytes())[0].status, 408);
	const mine = reader.socket.localPort.toString(16).toUpperCase().padStart(4, "0");
	const stands = () => readFileSync("/proc/net/tcp", "utf8").split("\n").some((l) => {
		const [, here, there, state] = l.trim().split(/\s+/);
		return there?.endsWith(`:${mine}`) && here.endsWith(`:${w.port().toString(16).toUpperCase().padStart(4, "0")}`) && state === "01";
	});
	await w.waitFor(() => !stands(), "the reader to be dropped", 60000);
	reader.socket.resume();
	await reader.ended;
	t.note(`the reader had ${reader.bytes().length} of 30,000,000 bytes; ${Math.round((Date.now() - began) / 1000)} s in all`);
	assert.ok(reader.bytes().length < 30000000);
}
