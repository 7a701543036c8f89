import { door } from "../lib/door.mjs";

export const name = "a request's id and trace: one's own id is kept, a bad one replaced; the trace goes on into log, item and job; one line an answer, without query or token, in JSON too";

const routes = `
  GET /x/{id}:
    one: SELECT :id AS id
  POST /post:
    auth: admin
    body: { tokenId: uint256 }
    do: [ { batch: reveal }, { reply: "SELECT 202 AS _status, true AS ok" }, { sql: "SELECT pg_sleep(1)" } ]
`;
const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

export default async function (t) {
	const { assert } = t;
	const w = await door(t, { routes, env: { ADMIN_TOKEN: "let me in" } });
	const idOf = async (own) => (await w.http("/x/1", { headers: own === undefined ? {} : { "x-request-id": own } })).headers["x-request-id"];
	for (const good of ["mine-7", "A.b_c:9", "x".repeat(64)]) assert.equal(await idOf(good), good);
	const made = [await idOf(), await idOf("x".repeat(65)), await idOf("two words"), await idOf("a\"b"), await idOf("<b>"), await idOf("")];
	for (const id of made) assert.match(id, /^[0-9a-f]{16}-[0-9a-f]+$/);
	assert.equal(new Set(made).size, made.length, "none is given twice");

	const line = (id) => w.heard("reconciler", (l) => l.ev === "http" && l.request === id);
	const traced = async (traceparent, id) => {
		await w.http("/nothing?secret=1", { headers: { traceparent, "x-request-id": id } });
		return (await line(id))[0].trace;
	};
	assert.match(await traced(trace, "t-1"), /^00-4bf92f3577b34da6a3ce929d0e0e4736-(?!00f067aa0ba902b7)[0-9a-f]{16}-01$/);
	assert.match(await traced(`cc${trace.slice(2)}-more`, "t-2"), /^00-4bf92f3577b34da6a3ce929d0e0e4736-[0-9a-f]{16}-01$/, "a version of later");
	const bad = [`ff${trace.slice(2)}`, `${trace}-more`, trace.toUpperCase(), `00-${"0".repeat(32)}-00f067aa0ba902b7-01`, `00-4bf92f3577b34da6a3ce929d0e0e4736-${"0".repeat(16)}-01`, trace.slice(0, 54), "", "x"];
	for (const [i, b] of bad.entries()) assert.equal(await traced(b, `b-${i}`), undefined, b);

	// into rows
	const r = await w.http("/post?token=hidden", { method: "POST", json: { tokenId: 7 }, headers: { authorization: "Bearer let me in", traceparent: trace, "x-request-id": "post-1" } });
	assert.equal(r.status, 202, r.body);
	assert.match((await w.one("SELECT trace FROM fairlead.item WHERE batch_of = 'reveal'")).trace, /^00-4bf92f3577b34da6a3ce929d0e0e4736-[0-9a-f]{16}-01$/);
	const job = await w.one("SELECT request, trace FROM fairlead.job");
	assert.deepEqual([job.request, job.trace.slice(0, 36)], ["post-1", trace.slice(0, 36)]);

	// the access log
	const [post] = await line("post-1");
	assert.deepEqual([post.level, post.route, post.method, post.path, post.status, post.peer, post.who], ["info", "POST /post", "POST", "/post", "202", "127.0.0.1", "admin"]);
	assert.ok(Number(post.us) >= 0 && Number(post.bytes) > 0);
	assert.equal((await line("post-1")).length, 1, "one line");
	assert.equal((await line("t-1"))[0].level, "info", "a refusal is told");
	assert.equal(w.lines("reconciler", (l) => l.request === "mine-7").length, 0, "a good read is not, at level info");
	await w.stop("reconciler");
	await w.open({ env: { FAIRLEAD_LOG: "json", LOG_LEVEL: "debug" }, name: "json" });
	await w.http("/x/1?secret=1", { name: "json", headers: { "x-request-id": "d-1", authorization: "Bearer nobody's" } });
	await w.http("/nothing?secret=1", { name: "json", headers: { "x-request-id": "d-2" } });
	await w.waitFor(() => /"d-1"/.test(w.log("json")) && /"d-2"/.test(w.log("json")), "both lines");
	const lines = w.log("json").split("\n").filter(Boolean).map((l) => JSON.parse(l)).filter((l) => l.ev === "http");
	const refused = lines.find((l) => l.request === "d-2");
	assert.deepEqual([refused.level, refused.status, refused.path, typeof refused.us], ["info", 404, "/nothing", "number"]);
	assert.equal(lines.find((l) => l.request === "d-1").level, "debug");
	for (const text of [w.log("reconciler"), w.log("json")]) assert.ok(!/secret|hidden|let me in|nobody's/.test(text.replace(/serve.auth.*/g, "")), "neither queries nor tokens");
}
