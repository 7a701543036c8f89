export const name = "steps: let with and without a row, else, two rows; sql; refuse takes back what came before; reply with _status; no reply is 204; what a GET writes is refused";
import { requestWorld } from "../lib/requests.mjs";

const routes = `
  POST /let/{k}:
    do:
      - let: SELECT n AS found FROM single WHERE k = :k
      - reply: SELECT :found AS found
  POST /else/{k}:
    do:
      - sql: INSERT INTO note (what) VALUES ('before else ' || :k)
      - let: SELECT n AS found FROM single WHERE k = :k
        else: SELECT 410 AS _status, 'gone ' || :k AS error, (SELECT count(*) FROM note WHERE what LIKE 'before else%') AS "seen"
      - reply: SELECT :found AS found
  POST /else-none/{k}:
    do:
      - let: SELECT n AS found FROM single WHERE k = :k
        else: SELECT 1 AS n WHERE false
      - reply: SELECT :found AS found
  POST /two:
    do:
      - sql: INSERT INTO note (what) VALUES ('two')
      - let: SELECT g AS n FROM generate_series(1, 2) g
      - reply: SELECT :n AS n
  POST /two-replies:
    do: [ { reply: "SELECT g AS n FROM generate_series(1, 2) g" } ]
  POST /no-reply-row:
    do: [ { sql: "INSERT INTO note (what) VALUES ('no row')" }, { reply: "SELECT 1 AS n WHERE false" } ]
  POST /refuse:
    body: { n: int }
    do:
      - sql: INSERT INTO note (what) VALUES ('refused ' || :n)
      - refuse: SELECT 'too much' AS error, :n::int AS n WHERE :n::int > 10
      - refuse: SELECT 409 AS _status, 'odd' AS error WHERE :n::int % 2 = 1
      - reply: SELECT 201 AS _status, :n::int AS n, true AS "deep.er"
  POST /nothing/{what}:
    do: [ { sql: "INSERT INTO note (what) VALUES (:what)" } ]
  POST /empty:
    do: [ { log: "called with {request.id}" } ]
  POST /bad-status:
    do: [ { reply: "SELECT 99 AS _status, 1 AS n" } ]
  POST /null:
    do: [ { reply: 'SELECT NULL::int AS "n!"' } ]
  POST /value/{v}:
    do: [ { sql: "INSERT INTO single VALUES ('v', 0)" }, { reply: "SELECT :v::text::int AS v" } ]
  POST /unique/{k}:
    do: [ { sql: "INSERT INTO note (what) VALUES ('unique')" }, { sql: "INSERT INTO single VALUES (:k, 1)" }, { reply: "SELECT 1 AS done" } ]
  GET /get/{k}:
    do: [ { let: "SELECT count(*) AS n FROM note WHERE what = :k" }, { reply: "SELECT :n AS n" } ]
  GET /get-writes:
    do: [ { reply: "SELECT nextval('note_id_seq') AS n" } ]
  POST /wrapped:
    wrap: { ok: true, data: "{body}", at: "{now}" }
    do: [ { reply: "SELECT 202 AS _status, 7 AS n" } ]
  POST /wrapped-bad:
    wrap: { ok: true, data: "{body}" }
    do: [ { reply: "SELECT 422 AS _status, 7 AS n" } ]
`;

export default async function (t) {
	const { assert } = t;
	const w = await requestWorld(t, routes);
	await w.start("listener");
	await w.start("reconciler");
	await w.sql("INSERT INTO single VALUES ('a', 5)");
	const is = async (path, status, want, json) => {
		const r = await w.post(path, json);
		assert.deepEqual([r.status, want instanceof RegExp ? want.test(r.json.detail) || r.body : r.json], [status, want instanceof RegExp ? true : want], `${path}: ${r.body}`);
		return r;
	};
	const json = await is("/let/a", 200, { found: 5 });
	assert.equal(json.headers["content-type"], "application/json");
	assert.ok(json.headers["x-request-id"]);
	await is("/let/b", 404, /no such thing/);
	await is("/else/a", 200, { found: 5 });
	await is("/else/b", 410, { error: "gone b", seen: 1 });
	assert.deepEqual(await w.notes(), ["before else a"], "else takes back what came before");
	await is("/else-none/b", 500, /./);
	await is("/two", 500, /./);
	await is("/two-replies", 500, /./);
	await is("/no-reply-row", 404, /no such thing/);
	await is("/refuse", 400, { error: "too much", n: 12 }, { n: 12 });
	await is("/refuse", 409, { error: "odd" }, { n: 7 });
	await is("/refuse", 201, { n: 4, deep: { er: true } }, { n: 4 });
	await is("/refuse", 400, /\bn\b/, { n: "x" });
	assert.deepEqual(await w.notes(), ["before else a", "refused 4"]);
	const none = await w.post("/nothing/hello");
	assert.deepEqual([none.status, none.body, none.headers["content-type"]], [204, "", undefined]);
	const empty = await w.post("/empty", undefined, { headers: { "x-request-id": "me-1" } });
	assert.equal(empty.status, 204);
	assert.equal((await w.heard("reconciler", "route")).at(-1).text, "called with me-1");
	await is("/bad-status", 500, /./);
	await is("/null", 500, /./);
	await is("/value/12", 200, { v: 12 });
	await w.sql("DELETE FROM single WHERE k = 'v'");
	await is("/value/twelve", 400, /twelve/);
	assert.equal((await w.one("SELECT count(*) AS n FROM single WHERE k = 'v'")).n, 0);
	await is("/unique/fresh", 200, { done: 1 });
	await is("/unique/fresh", 500, /./);
	assert.deepEqual((await w.notes()).filter((n) => n === "unique").length, 1);
	assert.deepEqual((await w.http("/get/hello")).json, { n: 1 });
	const last = (await w.one("SELECT last_value AS n FROM note_id_seq")).n;
	assert.equal((await w.http("/get-writes")).status, 500);
	assert.equal((await w.one("SELECT last_value AS n FROM note_id_seq")).n, last, "a GET only reads");
	const wrapped = await w.post("/wrapped");
	assert.deepEqual([wrapped.status, wrapped.json.ok, wrapped.json.data], [202, true, { n: 7 }]);
	assert.match(wrapped.json.at, /^\d{4}-/);
	await is("/wrapped-bad", 422, { n: 7 });
	// a table that changes under a prepared plan
	await w.sql("ALTER TABLE single ALTER COLUMN n TYPE bigint");
	await is("/let/a", 200, { found: 5 });
	// no connection is kept in a transaction
	assert.equal((await w.one("SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'fairlead-requests' AND state <> 'idle'")).n, 0);
}
