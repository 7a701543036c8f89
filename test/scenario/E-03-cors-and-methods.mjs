import { door } from "../lib/door.mjs";

export const name = "CORS: a page of a listed origin may ask, with a preflight; others get no leave; * is any; HEAD on every GET, OPTIONS with Allow; and none of it for /_fairlead";

const routes = `
  GET /x/{id}:
    one: SELECT :id AS id
  POST /x/{id}:
    do: [ { reply: "SELECT :id AS id" } ]
  PUT /only:
    do: [ { reply: "SELECT 1 AS n" } ]
  ANY /any:
    do: [ { reply: "SELECT 1 AS n" } ]
`;
const good = "https://app.example", bad = "https://app.example.evil.example";

export default async function (t) {
	const { assert } = t;
	const w = await door(t, { routes, serve: `  cors: ["${good}", "http://localhost:5173"]\n`, env: { ADMIN_TOKEN: "let me in" } });
	// fetch keeps some headers for browsers: the line is written as it is
	const ask = async (method, path, headers = {}) => (await w.raw(`${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1:${w.port()}\r\n${Object.entries(headers).map(([k, v]) => `${k}: ${v}\r\n`).join("")}Connection: close\r\n\r\n`, { head: method === "HEAD" }))[0];
	const leave = (r) => Object.keys(r.headers).filter((h) => h.startsWith("access-control-")).sort();

	let r = await ask("GET", "/x/1", { Origin: good });
	assert.deepEqual([r.status, r.headers["access-control-allow-origin"], r.headers["access-control-allow-credentials"]], [200, good, undefined]);
	assert.match(r.headers["access-control-expose-headers"], /X-Request-Id/);
	assert.match(r.headers.vary, /Origin/);
	r = await ask("GET", "/nothing", { Origin: good });
	assert.deepEqual([r.status, r.headers["access-control-allow-origin"]], [404, good], "a page may read what is wrong");
	for (const origin of [bad, "null", "https://app.example:444", "http://app.example", "HTTPS://APP.EXAMPLE"]) {
		r = await ask("GET", "/x/1", { Origin: origin });
		assert.deepEqual([r.status, leave(r)], [200, []], origin);
		assert.match(r.headers.vary, /Origin/, "a cache must not give it to the others");
	}
	const wants = { "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization, content-type" };
	r = await ask("OPTIONS", "/x/1", { Origin: good, ...wants });
	assert.deepEqual([r.status, r.body, r.headers["access-control-allow-methods"], r.headers["access-control-allow-headers"], r.headers["access-control-max-age"]], [204, "", "GET, HEAD, POST, OPTIONS", "authorization, content-type", "600"]);
	r = await ask("OPTIONS", "/x/1", { Origin: bad, ...wants });
	assert.deepEqual([r.status, leave(r)], [204, []]);
	r = await ask("OPTIONS", "/x/1", { Origin: good, ...wants, "Access-Control-Request-Headers": "a\"b" });
	assert.equal(r.headers["access-control-allow-headers"], undefined);

	// OPTIONS and HEAD without any page
	const allow = async (path) => (await ask("OPTIONS", path)).headers.allow;
	assert.deepEqual([await allow("/x/1"), await allow("/only"), await allow("/any"), await allow("/livez")], ["GET, HEAD, POST, OPTIONS", "PUT, OPTIONS", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS", "GET, HEAD, OPTIONS"]);
	r = await ask("OPTIONS", "*");
	assert.deepEqual([r.status, r.headers.allow], [204, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"]);
	assert.equal((await ask("OPTIONS", "/nothing")).status, 404);
	for (const path of ["/x/1", "/livez", "/status", "/metrics", "/docs", "/openapi.json", "/", "/_fairlead/page.js", "/_fairlead/figures"]) {
		const get = await ask("GET", path), head = await ask("HEAD", path);
		assert.deepEqual([get.status, head.status, head.headers["content-type"], head.body], [200, 200, get.headers["content-type"], ""], path);
		if (!["/status", "/metrics", "/_fairlead/figures"].includes(path)) assert.equal(head.headers["content-length"], get.headers["content-length"], path);
	}
	r = await ask("HEAD", "/only");
	assert.deepEqual([r.status, r.headers.allow], [405, "PUT, OPTIONS"]);

	// nothing under /_fairlead is for another origin, listed or not
	const own = ["/_fairlead/figures", "/_fairlead/lives", "/_fairlead/story/1", "/_fairlead/feed", "/_fairlead/act", "/_fairlead/page.js", "/_fairlead/docs.js", "/%5Ffairlead/figures"];
	for (const path of own) {
		for (const headers of [{ Origin: good }, { Origin: bad }, { Origin: "null" }, { "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors" }, { "Sec-Fetch-Site": "same-site", Origin: good }]) {
			r = await ask("GET", path, headers);
			assert.deepEqual([r.status, leave(r)], [403, []], `${path} ${JSON.stringify(headers)}`);
		}
		r = await ask("OPTIONS", path, { Origin: good, ...wants });
		assert.deepEqual([r.status, leave(r)], [204, []], path);
	}
	const here = `http://127.0.0.1:${w.port()}`;
	for (const headers of [{}, { Origin: here }, { Origin: here, "Sec-Fetch-Site": "same-origin" }, { "Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate" }, { "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate" }]) {
		assert.equal((await ask("GET", "/_fairlead", headers)).status, 200, JSON.stringify(headers));
	}

	// a page whose name was turned to this address is of our origin: its name is not ours
	const named = async (host, path = "/_fairlead/figures") => (await w.raw(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nSec-Fetch-Site: same-origin\r\nConnection: close\r\n\r\n`))[0].status;
	for (const [host, status] of [[`evil.example:${w.port()}`, 403], ["evil.example", 403], ["127.0.0.1.evil.example", 403], [`localhost:${w.port()}`, 200], ["10.0.0.9", 200], ["[::1]:80", 200], ["app.example", 200], ["fairlead:3000", 200]]) {
		assert.equal(await named(host), status, host);
		assert.equal(await named(host, "/x/1"), 200, `${host}: a route is for everybody`);
	}

	// the acts
	const act = (headers) => w.http("/_fairlead/act", { method: "POST", json: { act: "flush", of: "reveal" }, headers });
	const token = { authorization: "Bearer let me in" };
	assert.equal((await act({})).status, 401);
	assert.equal((await act({ authorization: "Bearer let me" })).status, 401);
	assert.equal((await act({ ...token, origin: good })).status, 403);
	assert.equal((await act({ ...token, origin: bad })).status, 403);
	await w.waitFor(async () => (await act({ ...token, origin: here })).status === 200, "the page's own act");
	assert.equal((await act(token)).status, 200, "and that of a script");

	// the pages carry their policy
	for (const path of ["/", "/_fairlead", "/docs"]) {
		r = await ask("GET", path);
		const policy = r.headers["content-security-policy"];
		for (const part of ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"]) assert.ok(policy.includes(part), `${path}: ${policy}`);
		assert.ok(!/unsafe|\*/.test(policy));
		assert.equal(r.headers["x-content-type-options"], "nosniff");
	}

	// any origin, and none
	await w.stop("reconciler");
	w.serve('  cors: ["*"]\n');
	await w.open();
	r = await ask("GET", "/x/1", { Origin: bad });
	assert.ok(["*", bad].includes(r.headers["access-control-allow-origin"]));
	assert.equal((await ask("GET", "/_fairlead/figures", { Origin: bad })).status, 403);
	await w.stop("reconciler");
	w.serve("");
	await w.open();
	r = await ask("OPTIONS", "/x/1", { Origin: good, ...wants });
	assert.deepEqual([r.status, leave(r), r.headers.vary], [204, [], undefined]);
}
