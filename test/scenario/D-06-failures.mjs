export const name = "requests through failures: deadlock and 40001 are done again, a killed backend is 503, one killed at COMMIT says that nothing is known, PostgreSQL away is lost: or 503; every connection is given back";
import { connect } from "node:net";
import { requestWorld } from "../lib/requests.mjs";

const routes = `
  POST /swap/{a}/{b}:
    do:
      - let: UPDATE single SET n = n + 1 WHERE k = :a RETURNING n AS x
      - log: "swapped {a}"
      - let: SELECT pg_sleep(0.2)::text AS nap
      - let: UPDATE single SET n = n + 1 WHERE k = :b RETURNING n AS y
      - reply: SELECT :x AS x, :y AS y
  POST /flaky/{k}:
    do: [ { sql: "INSERT INTO note (what) VALUES ('flaky ' || :k)" }, { let: "SELECT flaky(:k) AS tries" }, { reply: "SELECT :tries AS tries" } ]
  POST /sleep/{s}:
    do:
      - sql: INSERT INTO note (what) VALUES ('slept')
      - let: SELECT pg_sleep(:s::float8)::text AS nap
      - reply: SELECT true AS ok
  POST /commit:
    do: [ { sql: "INSERT INTO slow_commit (what) VALUES ('x')" }, { reply: "SELECT true AS ok" } ]
  POST /commit-once:
    once: Idempotency-Key
    do: [ { sql: "INSERT INTO slow_commit (what) VALUES ('once')" }, { reply: "SELECT true AS ok" } ]
  POST /easy:
    do: [ { sql: "INSERT INTO note (what) VALUES ('easy')" }, { reply: "SELECT true AS ok" } ]
  POST /lost:
    lost: { away: true, at: "{now}" }
    do: [ { sql: "INSERT INTO note (what) VALUES ('lost')" }, { reply: "SELECT true AS ok" } ]
  POST /checked:
    do: [ { verify: sig, message: message, by: by, else: "SELECT 403 AS _status, count(*) AS n FROM note" }, { reply: "SELECT true AS ok" } ]
    body: { message: string, by: address, sig: string }
  POST /many/{n}:
    params: { n: int }
    do: [ { publish: "many", data: "SELECT g AS i FROM generate_series(1, :n::int) g" } ]
`;
const tables = `
CREATE SEQUENCE flaky_tries;
CREATE FUNCTION flaky(p_k text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE v bigint := nextval('flaky_tries');
BEGIN
	IF p_k = 'ever' OR v % 4 <> 0 THEN RAISE EXCEPTION 'not now' USING ERRCODE = '40001'; END IF;
	RETURN v;
END $$;
CREATE TABLE slow_commit (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, what text NOT NULL);
CREATE FUNCTION commit_slowly() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(CASE WHEN EXISTS (SELECT FROM single WHERE k = 'slowly') THEN 30 ELSE 0 END); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER slowly AFTER INSERT ON slow_commit DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION commit_slowly();
`;

export default async function (t) {
	const { assert } = t;
	const w = await requestWorld(t, routes, { tables, pg: "own" });
	await w.start("listener");
	await w.start("reconciler");
	await w.sql("INSERT INTO single VALUES ('a', 0), ('b', 0)");
	const busy = async () => (await w.one("SELECT count(*) AS n FROM pg_stat_activity WHERE application_name = 'fairlead-requests' AND state <> 'idle'")).n;
	const quiet = () => w.waitFor(async () => (await busy()) === 0, "every connection to be given back");

	const swaps = await Promise.all([w.post("/swap/a/b"), w.post("/swap/b/a"), w.post("/swap/a/b")]);
	assert.deepEqual(swaps.map((r) => r.status), [200, 200, 200], swaps.map((r) => r.body).join());
	assert.deepEqual(await w.sql("SELECT k, n FROM single ORDER BY 1"), [{ k: "a", n: 3 }, { k: "b", n: 3 }]);
	assert.ok((await w.one("SELECT deadlocks AS n FROM pg_stat_database WHERE datname = current_database()")).n >= 1, "there was a deadlock");
	assert.equal((await w.heard("reconciler", "route", 3)).length, 3, "a line for each that committed");
	const flaky = await w.post("/flaky/some");
	assert.deepEqual([flaky.status, flaky.json], [200, { tries: 4 }]);
	const ever = await w.post("/flaky/ever");
	assert.deepEqual([ever.status, ever.headers["retry-after"]], [503, "1"]);
	assert.deepEqual(await w.notes(), ["flaky some"]);
	await quiet();

	// more messages than steps
	assert.equal((await w.post("/many/500")).status, 204);
	assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.message WHERE topic = 'many'")).n, 500);

	// its backend is killed
	const asleep = (what) => w.waitFor(async () => (await w.one("SELECT pid FROM pg_stat_activity WHERE application_name = 'fairlead-requests' AND state = 'active' AND query LIKE $1", [what]))?.pid, `${what} to run`);
	const sleeping = w.post("/sleep/30");
	await w.sql("SELECT pg_terminate_backend($1)", [await asleep("%pg_sleep%")]);
	const killed = await sleeping;
	assert.deepEqual([killed.status, /nothing was done/.test(killed.json.detail)], [503, true], killed.body);
	assert.equal((await w.notes()).includes("slept"), false);

	// at COMMIT
	await w.sql("INSERT INTO single VALUES ('slowly', 1)");
	const committing = w.post("/commit"), pid = await asleep("COMMIT%");
	await w.sql("SELECT pg_terminate_backend($1)", [pid]);
	const unknown = await committing;
	assert.equal(unknown.status, 503);
	assert.match(unknown.json.detail, /not known whether it was done; look/);
	assert.equal(unknown.headers["retry-after"], undefined, "nobody is told to do it again");
	const once = w.post("/commit-once", undefined, { headers: { "idempotency-key": "c" } }), pid2 = await asleep("COMMIT%");
	await w.sql("SELECT pg_terminate_backend($1)", [pid2]);
	assert.match((await once).json.detail, /ask again with the same key/);
	await w.sql("DELETE FROM single WHERE k = 'slowly'");
	assert.equal((await w.post("/commit-once", undefined, { headers: { "idempotency-key": "c" } })).status, 200);
	assert.deepEqual(await w.sql("SELECT what FROM slow_commit"), [{ what: "once" }]);

	// the peer goes in the middle of it
	const port = Number(new URL(w.door()).port);
	const peers = await Promise.all(Array.from({ length: 12 }, () => new Promise((done) => {
		const s = connect(port, "127.0.0.1", () => done(s));
		s.on("error", () => {});
	})));
	for (const s of peers) {
		s.write("POST /sleep/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
	}
	await asleep("%pg_sleep%");
	for (const s of peers) s.resetAndDestroy();
	assert.equal((await w.post("/easy")).status, 200);
	await quiet();
	assert.ok((await w.notes()).filter((x) => x === "slept").length <= 4, "what had not begun is not done for nobody");

	// PostgreSQL goes while requests run and wait
	const running = Array.from({ length: 12 }, () => w.post("/sleep/30"));
	await asleep("%pg_sleep%");
	await w.pg.stop("immediate");
	for (const r of await Promise.all(running)) assert.equal(r.status, 503, r.body);
	const lost = await w.post("/lost");
	assert.deepEqual([lost.status, lost.json.away], [503, true]);
	const easy = await w.post("/easy");
	assert.deepEqual([easy.status, /nothing was done/.test(easy.json.detail), easy.headers["retry-after"]], [503, true, "1"]);
	assert.equal((await w.post("/checked", { message: "x", by: w.owner, sig: "0x" })).status, 503);
	await w.pg.start();
	await w.waitFor(async () => (await w.post("/easy")).status === 200, "requests to be served again");
	assert.equal((await w.post("/checked", { message: "x", by: w.owner, sig: "0x" })).status, 403);
	const all = await Promise.all(Array.from({ length: 40 }, () => w.post("/checked", { message: "x", by: w.owner, sig: "0x" })));
	assert.ok(all.every((r) => r.status === 403), "else: while every lane is busy");
	await quiet();
}
