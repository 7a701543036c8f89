import { door } from "../lib/door.mjs";

export const name = "what can't be answered is said as a problem document with its cure, or in the application's own shape: 400 401 403 404 405 406 408 413 414 415 417 429 431 500 501 503 505";

const routes = `
  GET /pair/{id}:
    params: { id: uint256, size: { type: int, min: 1, max: 5, optional: true }, word: { type: string, enum: [red, blue], default: red } }
    one: SELECT :id AS id, :size AS size
  POST /pair:
    params: { dry: { type: bool, optional: true } }
    body: { a: address, n: { type: int, max: 9 }, tags: { type: array, items: string, optional: true } }
    do: [ { reply: "SELECT :n + 1 AS n" } ]
  GET /few:
    limit: { request.ip: 1/h }
    one: SELECT 1 AS n
  GET /broken:
    one: SELECT n FROM generate_series(1, 2) n
  GET /closed:
    auth: admin
    one: SELECT 1 AS n
`;

export default async function (t) {
	const { assert } = t;
	const w = await door(t, { routes, pg: "own", env: { ADMIN_TOKEN: "let me in" } });
	const problem = (r, status, words) => {
		assert.equal(r.status, status, r.body);
		assert.equal(r.headers["content-type"], "application/problem+json");
		assert.deepEqual([r.json.type, r.json.status], ["about:blank", status]);
		assert.match(r.json.detail, words);
		assert.equal(r.json.request, r.headers["x-request-id"]);
		return r;
	};

	// every field that is wrong: its name, what it should be
	let r = problem(await w.http("/pair/abc?size=9&word=green"), 400, /^id is/);
	assert.deepEqual(r.json.errors.map((e) => e.name), ["id", "size", "word"]);
	assert.match(r.json.errors[1].detail, /size .*5/);
	assert.match(r.json.errors[2].detail, /word .*red.*blue/);
	r = problem(await w.http("/pair?dry=maybe", { method: "POST", json: { n: 12, a: "0x12", tag: 1 } }), 400, /^dry is/);
	assert.deepEqual(r.json.errors.map((e) => e.name).sort(), ["a", "dry", "n", "tag"]);
	assert.match(r.json.errors.find((e) => e.name === "tag").detail, /did you mean tags\?/);
	problem(await w.http("/pair", { method: "POST", json: {} }), 400, /is needed/);
	problem(await w.http("/pair", { method: "POST", body: "{", headers: { "content-type": "application/json" } }), 400, /body can't be read/);
	problem(await w.http("/pair", { method: "POST", body: "[".repeat(65) + "]".repeat(65), headers: { "content-type": "application/json" } }), 400, /body/);
	problem(await w.http("/pair/%zz"), 400, /percent/);
	problem(await w.http("/pair/%00"), 400, /percent/);

	r = problem(await w.http("/closed"), 401, /./);
	assert.match(r.headers["www-authenticate"], /^Bearer/);
	problem(await w.http("/closed", { headers: { authorization: "Basic bGV0IG1lIGlu" } }), 401, /./);
	problem(await w.http("/_fairlead/act", { method: "POST", json: {}, headers: { origin: "https://elsewhere.example" } }), 403, /open it at its own address/);
	problem(await w.http("/nowhere"), 404, /\/docs/);
	r = problem(await w.http("/pair", { method: "DELETE" }), 405, /it takes POST, OPTIONS/);
	assert.equal(r.headers.allow, "POST, OPTIONS");
	problem(await w.http("/pair/1", { headers: { accept: "image/png" } }), 406, /application\/json/);
	r = problem(await w.http("/pair", { method: "POST", body: "a=1", headers: { "content-type": "application/x-www-form-urlencoded" } }), 415, /application\/json/);
	assert.equal(r.headers.accept, "application/json");
	r = problem(await w.http("/pair", { method: "POST", body: "x", headers: { "content-type": "application/json", "content-encoding": "gzip" } }), 415, /Content-Encoding/);
	assert.equal(r.headers["accept-encoding"], "identity");
	assert.equal((await w.http("/few")).status, 200);
	r = problem(await w.http("/few"), 429, /ask again in \d+ s/);
	assert.ok(Number(r.headers["retry-after"]) > 1000);
	r = problem(await w.http("/broken"), 500, /./);
	assert.ok(!/generate_series/.test(r.body), "nothing of the SQL leaves");

	// what is no request at all
	const raw = async (bytes, status, words) => {
		const [a, ...more] = await w.raw(bytes);
		assert.deepEqual(more, []);
		problem(a, status, words);
		assert.equal(a.headers.connection, "close");
	};
	const head = "GET /pair/1 HTTP/1.1\r\nHost: x\r\n", post = "POST /pair HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
	await raw(`${head} folded: 1\r\n\r\n`, 400, /mend its lines/);
	await raw(`${post}Content-Length: 1048577\r\n\r\n`, 413, /send less/);
	await raw(`${post}Transfer-Encoding: chunked\r\n\r\n100001\r\n`, 413, /send less/);
	await raw(`GET /${"a".repeat(9000)}`, 414, /shorten/);
	await raw(`${head}Expect: a miracle\r\n\r\n`, 417, /100-continue/);
	await raw(`${head}${Array.from({ length: 101 }, (_, i) => `X-${i}: 1\r\n`).join("")}\r\n`, 431, /fewer/);
	await raw(`${head}X: ${"y".repeat(17000)}`, 431, /shorter/);
	await raw("BREW /pot HTTP/1.1\r\nHost: x\r\n\r\n", 501, /common method/);
	await raw(`${post}Transfer-Encoding: gzip, chunked\r\n\r\n`, 501, /coding/);
	await raw("GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505, /HTTP\/1\.1/);
	problem((await w.raw("TRACE /pair HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))[0], 501, /TRACE/);
	const slow = w.raw(`${post}Content-Length: 20\r\n\r\n{`); // the rest never comes

	// PostgreSQL away
	await w.pg.stop();
	await w.waitFor(async () => (await w.http("/pair/1")).status === 503, "503");
	r = problem(await w.http("/pair/1"), 503, /./);
	assert.ok(Number(r.headers["retry-after"]) >= 1);
	await w.pg.start();
	await w.waitFor(async () => (await w.http("/pair/1")).status === 200, "answers again");
	problem((await slow)[0], 408, /did not arrive whole/);

	// the application's own shape
	await w.stop("reconciler");
	w.serve('  errors: { ok: false, code: "{status}", message: "{title}: {detail}", id: "{request}" }\n');
	await w.open();
	r = await w.http("/pair/abc?size=9");
	assert.deepEqual([r.status, r.headers["content-type"], r.json.ok, r.json.code, r.json.id], [400, "application/json", false, 400, r.headers["x-request-id"]]);
	assert.match(r.json.message, /^Bad Request: id is .*; size /, "all that is wrong");
	for (const [status, path, how] of [[401, "/closed"], [404, "/nowhere"], [405, "/pair"], [406, "/pair/1", { headers: { accept: "image/png" } }]]) {
		r = await w.http(path, how);
		assert.deepEqual([r.status, r.json.ok, r.json.code], [status, false, status]);
	}
	[r] = await w.raw("BREW /pot HTTP/1.1\r\nHost: x\r\n\r\n");
	assert.deepEqual([r.status, r.json.ok, r.json.code], [501, false, 501]);
}
