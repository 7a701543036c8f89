export const name = "names flow: let, call, sql and reply in every type; a batch takes an item a key, ever, and its transaction follows; a message leaves with the commit or never; lines only behind it";
import { requestWorld } from "../lib/requests.mjs";

const routes = `
  POST /types:
    do:
      - let: |
          SELECT 1::smallint AS i2, 9007199254740993::bigint AS i8, 0.1::numeric + 1e30::numeric AS nu, 1.5::float8 AS f8, true AS b,
                 timestamptz '2024-05-06 07:08:09.123456+02' AS tz, timestamp '2024-05-06 07:08:09.5' AS ts, date '2024-05-06' AS d,
                 'it''s "so" \\ {a}'::text AS te, '\\x00ff10'::bytea AS by, '{"a": [1, "x", null]}'::jsonb AS js, '"s"'::jsonb AS jsx,
                 ARRAY[1, 2, NULL]::bigint[] AS ia, ARRAY['a', 'b "c"', '{}', 'NULL', NULL, '']::text[] AS ta, ARRAY['\\x01', '\\xff']::bytea[] AS ba,
                 ARRAY[[1, 2], [3, 4]]::int[] AS mm, NULL::int AS no, '6ba7b810-9dad-11d1-80b4-00c04fd430c8'::uuid AS uu,
                 ARRAY[timestamptz '2024-05-06 07:08:09+00'] AS tza, ARRAY[1.5, 10]::numeric[] AS na, '{}'::int[] AS ea
      - sql: |
          INSERT INTO form VALUES (:i2, :i8, :nu, :f8, :b, :tz, :ts, :d, :te, :by, :js, :jsx, :ia, :ta, :ba, :mm, :no, :uu, :tza, :na, :ea)
      - let: |
          SELECT f.* FROM form f WHERE (f.a_i2, f.a_i8, f.a_nu, f.a_f8, f.a_b) = (:i2, :i8, :nu, :f8, :b) AND (f.a_tx, f.a_by, f.a_js, f.a_jsx) = (:te, :by, :js, :jsx) AND f.a_ba = :ba
      - reply: SELECT f.* FROM form f WHERE a_ta = :a_ta AND a_mm = :a_mm AND a_no IS NOT DISTINCT FROM :a_no AND a_ea = :a_ea AND a_tza = :a_tza AND a_na = :a_na AND a_tz = :a_tz AND a_ts = :a_ts AND a_ia = :a_ia
  POST /call/{id}:
    params: { id: uint256 }
    do:
      - sql: INSERT INTO note (what) VALUES ('before ' || :id)
      - call: { code: Companions.getTokenCode(id), boss: Companions.owner() }
        else: SELECT 409 AS _status, 'no token ' || :id AS error
        lost: SELECT 502 AS _status, 'the node is away' AS error
      - sql: INSERT INTO note (what) VALUES ('after ' || :id)
      - reply: SELECT :code AS code, :boss AS boss
  POST /call-lost:
    do:
      - call: { boss: Companions.owner() }
      - reply: SELECT :boss AS boss
  POST /post/{tokenId}:
    params: { tokenId: uint256 }
    do:
      - batch: reveal
      - reply: SELECT 202 AS _status, :tokenId AS id
  POST /post-refused/{tokenId}:
    params: { tokenId: uint256 }
    do:
      - batch: reveal
      - log: "never {tokenId}"
      - publish: "news.{tokenId}"
      - flush: reveal
      - refuse: SELECT 'no' AS error
  POST /tell/{n}:
    params: { n: int }
    do:
      - log: "told {n}"
      - publish: "news.{n}"
        type: "kind{n}"
        data: SELECT g AS i, :n::int AS n FROM generate_series(1, :n::int) g
      - publish: "plain"
      - refuse: SELECT 'odd' AS error WHERE :n::int % 2 = 1
      - reply: SELECT true AS ok
`;
const tables = `
CREATE TABLE form (a_i2 smallint PRIMARY KEY, a_i8 bigint, a_nu numeric, a_f8 float8, a_b bool, a_tz timestamptz, a_ts timestamp, a_d date, a_tx text,
	a_by bytea, a_js jsonb, a_jsx jsonb, a_ia bigint[], a_ta text[], a_ba bytea[], a_mm int[], a_no int, a_uu uuid, a_tza timestamptz[],
	a_na numeric[], a_ea int[]);
`;

export default async function (t) {
	const { assert } = t;
	const w = await requestWorld(t, routes, { tables, env: { BATCH_TIMEOUT_MS: "100", RPC_TIMEOUT_MS: "2000" } });
	await w.start("listener");
	await Promise.all(["batcher", "submitter", "reconciler"].map((p) => w.start(p)));

	const types = await w.post("/types");
	assert.equal(types.status, 200, types.body);
	assert.deepEqual(types.json, {
		a_i2: 1, a_i8: 9007199254740992, a_nu: "1000000000000000000000000000000.1", a_f8: 1.5, a_b: true,
		a_tz: "2024-05-06T05:08:09.123Z", a_ts: "2024-05-06T07:08:09.5", a_d: "2024-05-06", a_tx: 'it\'s "so" \\ {a}', a_by: "0x00ff10",
		a_js: { a: [1, "x", null] }, a_jsx: "s", a_ia: [1, 2, null], a_ta: ["a", 'b "c"', "{}", "NULL", null, ""], a_ba: ["0x01", "0xff"],
		a_mm: [[1, 2], [3, 4]], a_no: null, a_uu: "6ba7b810-9dad-11d1-80b4-00c04fd430c8", a_tza: ["2024-05-06T07:08:09.000Z"], a_na: ["1.5", "10"], a_ea: [],
	});
	assert.match(types.body, /"a_i8":9007199254740993/);
	assert.equal((await w.one("SELECT count(*) AS n FROM form WHERE a_by = '\\x00ff10' AND a_nu = 0.1::numeric + 1e30::numeric")).n, 1);

	// a post, its transaction, and never a second one
	for (let i = 0; i < 3; i++) assert.deepEqual((await w.post("/post/7", undefined, { headers: { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" } })).json, { id: "7" });
	await w.waitFor(() => w.codesSet([7]), "the transaction of the post");
	assert.equal((await w.post("/post/7")).status, 202);
	await w.mine(2);
	await w.waitFor(async () => (await w.one("SELECT state FROM fairlead.item WHERE key = '7'")).state === "done", "the item to be done");
	assert.equal(await w.writes(7), 1);
	const item = await w.one("SELECT cause, args, trace FROM fairlead.item WHERE key = '7'");
	assert.equal(item.cause, 0);
	assert.equal(item.args.tokenId, "7");
	assert.match(item.trace, /^00-0af7651916cd43dd8448eb211c80319c-/);
	// an event of the same token is the same item
	await w.revealEach([7, 8]);
	await w.waitFor(() => w.codesSet([8]), "the other one");
	assert.equal(await w.writes(7), 1);

	// nothing of a refused request is there
	const refused = await w.post("/post-refused/9");
	assert.deepEqual([refused.status, refused.json], [400, { error: "no" }]);
	assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.item WHERE key = '9'")).n, 0);
	assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.wish")).n, 0);
	assert.equal((await w.post("/tell/1")).status, 400);
	assert.equal((await w.post("/tell/40")).status, 200);
	assert.deepEqual((await w.heard("reconciler", "route")).map((l) => l.text), ["told 40"]);
	const messages = await w.sql("SELECT topic, type, data FROM fairlead.message ORDER BY seq");
	assert.equal(messages.length, 41);
	assert.deepEqual(messages[39], { topic: "news.40", type: "kind40", data: { i: 40, n: 40 } });
	assert.deepEqual(messages[40].data, { n: 40 });

	// the world, between two stretches
	const call = await w.post("/call/7");
	assert.deepEqual([call.status, call.json], [200, { code: w.codes[7], boss: w.owner.toLowerCase() }]);
	assert.deepEqual(await w.notes(), ["before 7", "after 7"]);
	const revert = await w.post("/call/999999");
	assert.deepEqual([revert.status, revert.json], [409, { error: "no token 999999" }], revert.body);
	w.node.cut?.();
	await w.node.close();
	const lost = await w.post("/call/7");
	assert.deepEqual([lost.status, lost.json], [502, { error: "the node is away" }]);
	assert.deepEqual(await w.notes(), ["before 7", "after 7", "before 999999", "before 7"]);
	const plain = await w.post("/call-lost");
	assert.equal(plain.status, 503);
	assert.ok(plain.headers["retry-after"]);
}
