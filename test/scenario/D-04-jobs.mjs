export const name = "what follows reply is a durable job: kill -9 at every boundary of its stretches and it goes on, each effect once; poison is dead after three tries; a job that only another file knows is left to it";
export const limit = 180;
import { requestWorld } from "../lib/requests.mjs";

const routes = `
  POST /order/{n}:
    params: { n: int }
    do:
      - let: INSERT INTO note (what) VALUES ('taken ' || :n) RETURNING id AS taken
      - reply: SELECT 202 AS _status, :job.id AS job, :taken AS taken
      - sql: INSERT INTO note (what) VALUES ('first ' || :n || ' of ' || :taken)
      - log: "first {n}"
      - call: { boss: Companions.owner() }
      - let: SELECT :boss || ' ' || :job.id AS who
      - publish: "orders"
        data: SELECT :n::int AS n
      - call: { code: Companions.getTokenCode(n) }
      - sql: INSERT INTO note (what) VALUES ('second ' || :n || ' ' || :who)
      - batch: posts
  POST /poison:
    do:
      - reply: SELECT :job.id AS job
      - sql: INSERT INTO note (what) VALUES ('poison')
      - sql: INSERT INTO single VALUES ('poison', 1)
  POST /refuses:
    do: [ { reply: "SELECT :job.id AS job" }, { let: "SELECT n FROM single WHERE k = 'nobody'" } ]
  POST /changed:
    do: [ { reply: "SELECT :job.id AS job" }, { call: { boss: Companions.owner() } }, { sql: "INSERT INTO note (what) VALUES ('changed')" } ]
`;
const batch = `  posts:
    key: n
    send: Companions.setBulkTokenCodes(n[], [ 'x' ])
    signer: owner
    wait: 1h
`;

export default async function (t) {
	const { assert } = t;
	const w = await requestWorld(t, routes, { yaml: (text) => text.replace("\nbatches:\n", `\nbatches:\n${batch}`) });
	await w.start("listener");
	await w.start("batcher");
	let n = 0;
	const want = [];
	// What one order leaves, once.
	const whole = async (k, job) => {
		const notes = (await w.notes()).filter((x) => x.split(" ")[1] === String(k));
		const taken = (await w.one("SELECT id FROM note WHERE what = $1", [`taken ${k}`])).id;
		assert.deepEqual(notes, [`taken ${k}`, `first ${k} of ${taken}`, `second ${k} ${w.owner.toLowerCase()} ${job}`]);
		assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.message WHERE topic = 'orders' AND data->>'n' = $1", [String(k)])).n, 1);
		assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.item WHERE batch_of = 'posts' AND key = $1", [String(k)])).n, 1);
	};
	const none = async () => (await w.one("SELECT count(*) AS n FROM fairlead.job WHERE state = 'waiting'")).n === 0;
	// what a dead process held is free when its time is over
	const over = () => w.sql("UPDATE fairlead.job SET until = '-infinity' WHERE state = 'waiting'");
	await w.start("reconciler");
	const first = await w.post(`/order/${++n}`, undefined, { headers: { "x-request-id": "order-one", traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" } });
	assert.equal(first.status, 202, first.body);
	await w.waitFor(none, "the job to be done");
	await whole(n, first.json.job);
	const [line] = await w.heard("reconciler", (l) => l.ev === "route" && l.text === "first 1");
	assert.equal(line.request, "order-one");
	assert.match(line.trace, /^00-0af7651916cd43dd8448eb211c80319c-/);
	await w.stop("reconciler");

	// three stretches of the job: 2 points of the request, 3 × 2 of the job; killed and failing
	for (const mode of ["kill", "err"])
		for (const [point, nth] of [["request_before_commit", 1], ["request_after_commit", 1], ["job_before_commit", 1], ["job_after_commit", 1], ["job_before_commit", 2], ["job_after_commit", 2], ["job_before_commit", 3], ["job_after_commit", 3]]) {
			const k = ++n, p = await w.start("reconciler", { env: { FAIRLEAD_FAULT: `${point}:${nth}:${mode}` } });
			const answer = await w.post(`/order/${k}`).catch((e) => e);
			if (point.startsWith("request") && mode === "err") assert.equal(answer.status, 503, `${point}: ${answer.body}`);
			if (mode === "kill") {
				await p.exited;
				assert.equal(p.signal, "SIGKILL");
				await over();
				await w.start("reconciler");
			}
			if (point === "request_before_commit") {
				await w.waitFor(none, "nothing to wait");
				assert.deepEqual((await w.notes()).filter((x) => x.split(" ")[1] === String(k)), [], "nothing was done, and nobody was told so");
			} else {
				await w.waitFor(none, `the job of ${point} ${nth} ${mode}`);
				const job = answer.json?.job ?? (await w.one("SELECT split_part(what, ' ', 4) AS job FROM note WHERE what LIKE $1", [`second ${k} %`])).job;
				await whole(k, job);
			}
			want.push(point);
			await w.stop("reconciler");
		}
	t.note(`${want.length} boundaries`);

	// poison: three tries, then dead
	await w.sql("INSERT INTO single VALUES ('poison', 0)");
	await w.start("reconciler");
	const poison = (await w.post("/poison")).json.job, refuses = (await w.post("/refuses")).json.job;
	await w.waitFor(async () => (await w.one("SELECT count(*) AS n FROM fairlead.dead WHERE what ~ $1", [`job (${poison}|${refuses}) `])).n === 2, "both jobs to be dead");
	assert.deepEqual(await w.sql("SELECT sqlstate, tries FROM fairlead.dead ORDER BY sqlstate"), [{ sqlstate: "23505", tries: 3 }, { sqlstate: "P0002", tries: 3 }]);
	assert.equal((await w.notes()).includes("poison"), false);
	await w.heard("reconciler", "job.dead");
	// what fails by the world is tried for ever
	await w.node.close();
	const changed = (await w.post("/changed")).json.job;
	await w.waitFor(async () => (await w.one("SELECT tries FROM fairlead.job WHERE id = $1", [changed])).tries >= 4, "four tries");
	assert.equal((await w.one("SELECT state FROM fairlead.job WHERE id = $1", [changed])).state, "waiting");
	await w.stop("reconciler");

	await w.sql("INSERT INTO fairlead.answer (route, who, key, digest, steps, at) SELECT 'POST /x', '', k, '', '', clock_timestamp() - a FROM (VALUES ('old', interval '25 h'), ('new', interval '23 h')) v(k, a)");

	// another file: the job is left for who knows it, and dead when nobody has for long
	const { readFileSync, writeFileSync } = await import("node:fs");
	const file = `${w.dir}/other.yaml`;
	writeFileSync(file, readFileSync(w.yaml, "utf8").replace("VALUES ('changed')", "VALUES ('changed now')"));
	await w.sql("UPDATE fairlead.job SET until = NULL, not_before = NULL WHERE id = $1", [changed]);
	await w.start("reconciler", { file });
	await w.post("/poison");
	await w.waitFor(async () => (await w.one("SELECT count(*) AS n FROM fairlead.job WHERE tries > 0 AND id > $1", [changed])).n === 1, "the other job to be tried");
	assert.deepEqual((await w.one("SELECT state, holder FROM fairlead.job WHERE id = $1", [changed])), { state: "waiting", holder: null });
	await w.sql("UPDATE fairlead.job SET at = at - interval '1 hour' WHERE id = $1", [changed]);
	await w.waitFor(async () => (await w.one("SELECT state FROM fairlead.job WHERE id = $1", [changed])).state === "dead", "the stranger to be dead");
	assert.match((await w.one("SELECT message FROM fairlead.dead WHERE what LIKE $1", [`job ${changed} %`])).message, /no replica/);
	// what is a day old goes
	await w.waitFor(async () => (await w.sql("SELECT key FROM fairlead.answer")).map((r) => r.key).join() === "new", "the old answer to go", 90000);
}
