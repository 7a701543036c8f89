import { gunzipSync } from "node:zlib";
import { answers, door } from "../lib/door.mjs";

export const name = "one connection: answers in order though the first is slow, kept alive; gzip with weak ETags and 304; odd paths; whatever could be read in two ways is refused and ends the line";

const routes = `
  GET /slow:
    one: "SELECT 'slow' AS n FROM pg_sleep(0.7)"
  GET /n/{id}:
    one: SELECT :id AS n
  GET /rest/{path*}:
    one: SELECT :path AS path
  GET /sized:
    params: { size: string }
    one: SELECT :size AS n
  GET /big:
    cache: 1h
    all: "SELECT i, repeat('abc', 10) AS word FROM generate_series(1, 500) i"
  GET /small:
    cache: 1h
    one: SELECT 1 AS n
  POST /say:
    body: { n: int }
    do: [ { reply: "SELECT :n AS n" } ]
`;

export default async function (t) {
	const { assert } = t;
	const w = await door(t, { routes });
	const get = (path, more = "") => `GET ${path} HTTP/1.1\r\nHost: x\r\n${more}\r\n`;
	const last = (path, more = "") => get(path, `${more}Connection: close\r\n`);
	const post = (body) => `POST /say HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

	// pipelined: the slow one first
	let all = await w.raw(get("/slow") + get("/n/1") + get("/nothing") + post('{"n":2}') + get("/n/3") + last("/n/4"));
	assert.deepEqual(all.map((r) => [r.status, r.json.n]), [[200, "slow"], [200, "1"], [404, undefined], [200, 2], [200, "3"], [200, "4"]]);
	assert.equal(all.at(-1).headers.connection, "close");
	all = await w.raw(Array.from({ length: 99 }, (_, i) => get(`/n/${i}`)).join("") + last("/n/99"));
	assert.deepEqual(all.map((r) => r.json.n), Array.from({ length: 100 }, (_, i) => String(i)), "more than are taken at once");
	const kept = w.line();
	for (let i = 0; i < 5; i++) {
		kept.write(get(`/n/${i}`));
		await w.waitFor(() => kept.text().endsWith(`{"n":"${i}"}`), "its answer");
	}
	assert.ok(kept.isOpen() && !/^connection:/im.test(kept.text()));
	kept.socket.destroy();
	[...all] = await w.raw("GET /n/1 HTTP/1.0\r\n\r\n");
	assert.deepEqual([all.length, all[0].status], [1, 200], "HTTP/1.0 ends by itself");
	const drip = w.line(); // byte by byte
	for (const b of last("/n/7")) drip.write(b);
	await drip.ended;
	assert.equal(answers(drip.bytes())[0].json.n, "7");

	// gzip, ETags
	const fetchRaw = async (path, headers) => {
		const l = w.line();
		l.write(last(path, Object.entries(headers).map(([k, v]) => `${k}: ${v}\r\n`).join("")));
		await l.ended;
		const at = l.bytes().indexOf("\r\n\r\n");
		const head = l.bytes().subarray(0, at).toString(), h = (n) => new RegExp(`^${n}: (.*)$`, "im").exec(head)?.[1];
		return { status: Number(head.split(" ")[1]), h, head, body: l.bytes().subarray(at + 4) };
	};
	const plain = await fetchRaw("/big", {});
	assert.deepEqual([plain.status, plain.h("content-encoding")], [200, undefined]);
	assert.match(plain.head, /^Vary: Accept-Encoding$/m);
	for (const [accept, packed] of [["gzip", true], ["deflate, gzip;q=0.5", true], ["*", true], ["gzip;q=0", false], ["gzip;q=0, *;q=1", false], ["identity", false], ["*;q=0, identity", false], ["br", false]]) {
		const r = await fetchRaw("/big", { "Accept-Encoding": accept });
		assert.equal(r.h("content-encoding"), packed ? "gzip" : undefined, accept);
		assert.equal(Number(r.h("content-length")), r.body.length);
		assert.ok((packed ? gunzipSync(r.body) : r.body).equals(plain.body), accept);
		if (packed) assert.ok(r.body.length * 4 < plain.body.length);
	}
	assert.equal((await fetchRaw("/small", { "Accept-Encoding": "gzip" })).h("content-encoding"), undefined, "not worth it");
	for (const [accept, type] of [["application/json", /json/], ["text/plain", /^text\/plain/]]) {
		const r = await w.http("/small", { headers: { accept } });
		assert.match(r.headers["content-type"], type);
		assert.match(r.headers.vary, /(^|, )Accept(,|$)/, "two forms at one address");
	}
	const etag = plain.h("etag");
	assert.match(etag, /^W\/"/, "both forms bear it");
	for (const [given, status] of [[etag, 304], [etag.slice(2), 304], ["*", 304], [`"a", ${etag}`, 304], ['"a"', 200], [etag.replace('W/"', 'W/"0'), 200], [etag.slice(3, -1), 200]]) {
		const r = await fetchRaw("/big", { "If-None-Match": given, "Accept-Encoding": "gzip" });
		assert.equal(r.status, status, given);
		if (status === 304) assert.deepEqual([r.body.length, r.h("etag"), r.h("vary")], [0, etag, "Accept-Encoding"]);
	}

	// paths
	for (const [path, status, n] of [["/n/a%2Fb", 200, "a/b"], ["/n/a%20b", 200, "a b"], ["/n/%C3%A4", 200, "ä"], ["/n/..", 200, ".."], ["/n/a+b", 200, "a+b"], ["/n/1/", 200, "1"], ["/n/1?x=1#", 400], ["/n//", 404], ["//n/1", 404], ["/n//1", 404], ["/../etc/passwd", 404], ["/n/../../etc/passwd", 404], ["/..%2f..%2fetc/passwd", 404],
		["/n/%00", 400], ["/n/%", 400], ["/n/%4", 400], ["/n/%ff", 400], ["/n/%c0%ae", 400], ["/_fairlead/../n/1", 404], ["/_fairlead/..%2fpage.js", 404], ["/_fairlead/index.html", 404], [`/n/${"a".repeat(8100)}`, 200], [`/n/${"a".repeat(8192)}`, 414], [`/${"a/".repeat(4000)}`, 404]]) {
		const [r] = await w.raw(last(path));
		assert.equal(r.status, status, path.slice(0, 40));
		if (n) assert.equal(r.json.n, n);
	}
	const bytes = (path) => w.raw(Buffer.from(last(path), "latin1"));
	assert.deepEqual([(await bytes("/n/\u00c3\u00a4"))[0].json?.n, (await bytes("/n/\u00ff"))[0].status, (await bytes("/n/1?x=\u00ff"))[0].status, (await bytes("/sized?size=\u00ff"))[0].status], ["ä", 400, 200, 400], "bytes as they are");
	for (const [path, rest] of [["/rest/a/b", "a/b"], ["/rest/../..", "../.."], ["/rest/a%2F%2Fb", "a//b"], ["/rest/a//b", "a//b"]]) assert.equal((await w.raw(last(path)))[0].json.path, rest, path);

	// whose it is
	const host = (lines, target = "/n/1") => w.raw(`GET ${target} HTTP/1.1\r\n${lines}Connection: close\r\n\r\n`);
	for (const [lines, target, status] of [["Host: x\r\n", "http://other.example/n/1", 200], ["Host: x\r\n", "HTTP://other.example:80/n/1?a", 200], ["Host:\r\n", "/n/1", 200], ["", "/n/1", 400], ["Host: a\r\nHost: a\r\n", "/n/1", 400], ["Host: a b\r\n", "/n/1", 400], ["Host: u@a\r\n", "/n/1", 400], ["Host: a\r\n", "http:///n/1", 400], ["Host: a\r\n", "http://u@a/n/1", 400], ["Host: a\r\n", "ftp://a/n/1", 400], ["Host: a\r\n", "n/1", 400], ["Host: a\r\n", "*", 400]]) {
		const got = await host(lines, target);
		assert.deepEqual(got.map((r) => r.status), [status], `${target} ${lines}`);
	}

	// smuggling: one refusal, and what stands behind is never taken for a request
	const hidden = get("/n/hidden");
	const say = "POST /say HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
	const chunk = '7\r\n{"n":5}\r\n0\r\n\r\n';
	for (const [what, bytes, status] of [
		["a length and chunks", `${say}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}`, 400],
		["chunks and a length", `${say}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n${chunk}`, 400],
		["chunked twice", `${say}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}`, 400],
		["chunked, chunked", `${say}Transfer-Encoding: chunked, chunked\r\n\r\n${chunk}`, 400],
		["identity", `${say}Transfer-Encoding: identity\r\n\r\n`, 400],
		["xchunked", `${say}Transfer-Encoding: xchunked\r\n\r\n${chunk}`, 400],
		["chunked of HTTP/1.0", `${say.replace("1.1", "1.0")}Transfer-Encoding: chunked\r\n\r\n${chunk}`, 400],
		["two lengths", `${say}Content-Length: 7\r\nContent-Length: 8\r\n\r\n{"n":5}`, 400],
		["a signed length", `${say}Content-Length: +7\r\n\r\n{"n":5}`, 400],
		["a space before the colon", `${say}Content-Length : 7\r\n\r\n{"n":5}`, 400],
		["a folded line", `${say}Transfer-Encoding:\r\n chunked\r\n\r\n${chunk}`, 400],
		["LF alone", `${say.replaceAll("\r", "")}Content-Length: 7\n\n{"n":5}`, 400],
		["CR alone", `${say}X: a\rTransfer-Encoding: chunked\r\n\r\n`, 400],
		["NUL", `${say}X: a\0b\r\n\r\n`, 400],
		["a chunk's size", `${say}Transfer-Encoding: chunked\r\n\r\n0x7\r\n{"n":5}\r\n0\r\n\r\n`, 400],
		["a chunk's end", `${say}Transfer-Encoding: chunked\r\n\r\n7\r\n{"n":5}xx0\r\n\r\n`, 400],
		["a chunk's LF", `${say}Transfer-Encoding: chunked\r\n\r\n7\n{"n":5}\r\n0\r\n\r\n`, 400],
		["a huge chunk", `${say}Transfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\n`, 400],
	]) {
		const got = await w.raw(bytes + hidden);
		assert.deepEqual(got.map((r) => r.status), [status], what);
		assert.equal(got[0].headers.connection, "close", what);
	}
	all = await w.raw(`${say}Transfer-Encoding: Chunked\r\n\r\n${chunk}${last("/n/2")}`);
	assert.deepEqual(all.map((r) => r.json.n), [5, "2"], "honest chunks are read");
	assert.ok(!w.lines("reconciler", (l) => l.ev === "http" && l.path === "/n/hidden").length);
}
