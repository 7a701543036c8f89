export const name = "once: the stored answer to the same key and body, one effect also side by side and after a kill anywhere; another body 422; another who, another key";
export const limit = 150;
import { requestWorld } from "../lib/requests.mjs";

const routes = `
  POST /pay/{n}:
    once: Idempotency-Key
    params: { n: int }
    body: { what: string }
    do:
      - let: INSERT INTO note (what) VALUES ('paid ' || :n || ' ' || :what) RETURNING id AS id
      - call: { boss: Companions.owner() }
      - sql: INSERT INTO note (what) VALUES ('told ' || :n || ' ' || :id)
      - reply: SELECT 201 AS _status, :n::int AS n, :id AS id
  POST /slow:
    once: Idempotency-Key
    do: [ { sql: "INSERT INTO note (what) VALUES ('slow')" }, { let: "SELECT pg_sleep(0.3)::text AS zz" }, { reply: "SELECT currval('note_id_seq') AS id" } ]
  POST /no-content:
    once: Idempotency-Key
    do: [ { sql: "INSERT INTO note (what) VALUES ('quiet')" } ]
  POST /refused:
    once: Idempotency-Key
    do: [ { sql: "INSERT INTO note (what) VALUES ('refused')" }, { refuse: "SELECT 1 AS no WHERE NOT EXISTS (SELECT FROM single WHERE k = 'open')" }, { reply: "SELECT true AS ok" } ]
  POST /refused-late:
    once: Idempotency-Key
    do: [ { sql: "INSERT INTO note (what) VALUES ('early')" }, { call: { boss: Companions.owner() } }, { refuse: "SELECT 1 AS no WHERE NOT EXISTS (SELECT FROM single WHERE k = 'late')" }, { reply: "SELECT true AS ok" } ]
  POST /mine:
    once: Idempotency-Key
    auth: [ one, two ]
    do: [ { let: "INSERT INTO note (what) VALUES ('mine') RETURNING id AS id" }, { reply: "SELECT :id AS id" } ]
`;

export default async function (t) {
	const { assert } = t;
	const w = await requestWorld(t, routes, { env: { ONE: "token-one", TWO: "token-two" }, yaml: (text) => text.replace("auth: { admin:", 'auth: { one: { bearer: "${ONE}" }, two: { bearer: "${TWO}" }, admin:') });
	await w.start("listener");
	await w.start("reconciler");
	const key = (k, more = {}) => ({ headers: { "idempotency-key": k, ...more } });
	const count = async (like) => (await w.notes()).filter((x) => x.startsWith(like)).length;

	const a = await w.post("/pay/1", { what: "x" }, key("k1")), b = await w.post("/pay/1", { what: "x" }, key("k1"));
	assert.deepEqual([a.status, b.status, b.body], [201, 201, a.body]);
	assert.deepEqual([a.headers["idempotent-replayed"], b.headers["idempotent-replayed"], b.headers["content-type"]], [undefined, "true", "application/json"]);
	assert.equal((await w.post("/pay/1", { what: "y" }, key("k1"))).status, 422);
	assert.equal((await w.post("/pay/2", { what: "x" }, key("k1"))).status, 422, "another path is another request");
	assert.equal((await w.post("/pay/1", { what: "x" }, key("k2"))).json.id > a.json.id, true);
	assert.equal((await w.post("/pay/1", { what: "x" })).status, 201, "without a key nothing is kept");
	assert.equal((await w.post("/pay/1", { what: "x" }, key("k".repeat(256)))).status, 400);
	assert.equal(await count("paid 1"), 3);
	// the stored answer asks no chain
	const n1 = await w.post("/no-content", undefined, key("q")), n2 = await w.post("/no-content", undefined, key("q"));
	assert.deepEqual([n1.status, n2.status, n2.body, n2.headers["content-type"], await count("quiet")], [204, 204, "", undefined, 1]);
	// what was refused is not kept
	assert.equal((await w.post("/refused", undefined, key("r"))).status, 400);
	await w.sql("INSERT INTO single VALUES ('open', 1)");
	assert.equal((await w.post("/refused", undefined, key("r"))).status, 200);
	assert.equal(await count("refused"), 1);
	// refused behind a commit: what was done stays done, and is not done again
	assert.equal((await w.post("/refused-late", undefined, key("l"))).status, 400);
	await w.sql("INSERT INTO single VALUES ('late', 1)");
	await w.waitFor(async () => (await w.post("/refused-late", undefined, key("l"))).status === 200, "the key to be free at once", 5000);
	assert.equal(await count("early"), 1);
	// who it is counts
	const one = await w.post("/mine", undefined, key("m", { authorization: "Bearer token-one" })), two = await w.post("/mine", undefined, key("m", { authorization: "Bearer token-two" }));
	assert.deepEqual([one.status, two.status, one.json.id === two.json.id], [200, 200, false]);

	// side by side, on two replicas
	await w.start("reconciler", { name: "second" });
	const many = await Promise.all(Array.from({ length: 24 }, (_, i) => w.post("/slow", undefined, { ...key("s"), name: i % 2 ? "second" : "reconciler" })));
	for (const r of many) assert.ok(r.status === 200 || r.status === 409, r.body);
	assert.equal(new Set(many.filter((r) => r.status === 200).map((r) => r.body)).size, 1);
	assert.equal(await count("slow"), 1);
	assert.equal((await w.post("/slow", undefined, key("s"))).status, 200);
	const pays = await Promise.all(Array.from({ length: 24 }, (_, i) => w.post("/pay/5", { what: "p" }, { ...key("p"), name: i % 2 ? "second" : "reconciler" })));
	for (const r of pays) assert.ok(r.status === 201 || r.status === 409, r.body);
	assert.deepEqual([await count("paid 5"), await count("told 5")], [1, 1]);

	// killed, or cut off, at every boundary: asked again it goes on where it was
	await w.stop("reconciler");
	let n = 10;
	for (const mode of ["kill", "err"])
		for (const [point, nth] of [["request_before_commit", 1], ["request_after_commit", 1], ["request_before_commit", 2], ["request_after_commit", 2]]) {
			const k = ++n, p = await w.start("reconciler", { env: { FAIRLEAD_FAULT: `${point}:${nth}:${mode}` } });
			const cut = await w.post(`/pay/${k}`, { what: "z" }, key(`k${k}`)).catch((e) => e);
			if (mode === "kill") {
				await p.exited;
				assert.equal(p.signal, "SIGKILL");
			} else {
				assert.equal(cut.status, 503, cut.body);
				if (point === "request_after_commit") assert.match(cut.json.detail, /not known whether/);
				await w.stop("reconciler");
			}
			if (!(point === "request_after_commit" && nth === 2) && mode === "kill") { // somebody has it, as far as is known
				const held = await w.post(`/pay/${k}`, { what: "z" }, { ...key(`k${k}`), name: "second" });
				assert.ok(point === "request_before_commit" && nth === 1 ? held.status === 201 : held.status === 409, `${point} ${nth}: ${held.body}`);
				await w.sql("UPDATE fairlead.answer SET until = '-infinity' WHERE status IS NULL");
			}
			await w.sql("UPDATE fairlead.answer SET until = '-infinity' WHERE status IS NULL");
			const again = await w.post(`/pay/${k}`, { what: "z" }, { ...key(`k${k}`), name: "second" });
			assert.equal(again.status, 201, `${point} ${nth} ${mode}: ${again.body}`);
			assert.deepEqual([await count(`paid ${k}`), await count(`told ${k} ${again.json.id}`)], [1, 1], `${point} ${nth} ${mode}`);
		}

	// one that was taken for dead and wakes: its second stretch is another's
	await w.start("reconciler");
	let let_go;
	const waits = new Promise((done) => (let_go = done));
	let first = true;
	w.node.on("eth_call", async (call, next) => {
		if (first && JSON.stringify(call.params).includes("8da5cb5b")) { // owner()
			first = false;
			await waits;
		}
		return next();
	});
	const late = w.post("/pay/99", { what: "w" }, key("k99"));
	await w.waitFor(async () => (await count("paid 99")) === 1, "the first stretch");
	await w.sql("UPDATE fairlead.answer SET until = '-infinity' WHERE status IS NULL");
	const other = await w.post("/pay/99", { what: "w" }, { ...key("k99"), name: "second" });
	assert.equal(other.status, 201, other.body);
	let_go();
	const woke = await late;
	assert.equal(woke.status, 409, woke.body);
	assert.deepEqual([await count("paid 99"), await count("told 99")], [1, 1]);
	assert.equal((await w.post("/pay/99", { what: "w" }, key("k99"))).body, other.body);
}
