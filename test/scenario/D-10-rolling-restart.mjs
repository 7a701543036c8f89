export const name = "two replicas restarted one after the other under load, SIGTERM each: keep-alive clients that try again what they may (GET, and a POST with its key) see no failure, and each effect is there once";
export const limit = 150;
import { Agent, request } from "node:http";
import { requestWorld } from "../lib/requests.mjs";

const routes = `
  GET /count:
    one: SELECT count(*) AS n FROM note
  GET /slow:
    one: SELECT pg_sleep(0.05)::text AS nap
  POST /note/{what}:
    once: Idempotency-Key
    do: [ { let: "INSERT INTO note (what) VALUES (:what) RETURNING id AS id" }, { let: "SELECT pg_sleep(0.01)::text AS nap" }, { reply: "SELECT :id AS id" }, { sql: "INSERT INTO note (what) VALUES ('job ' || :what)" } ]
`;

export default async function (t) {
	const { assert } = t;
	const w = await requestWorld(t, routes);
	await w.start("listener");
	const names = ["one", "two"];
	for (const name of names) await w.start("reconciler", { name });
	const agent = new Agent({ keepAlive: true, maxSockets: 16 });
	const ask = (name, method, path, headers) => new Promise((done) => {
		const q = request(w.door(name) + path, { method, headers: { ...headers, "content-length": 0 }, agent }, (a) => {
			let body = "";
			a.on("data", (d) => (body += d));
			a.on("end", () => done({ status: a.statusCode, body, retry: a.headers["retry-after"] }));
			a.on("error", (e) => done({ error: e.code }));
		});
		q.on("error", (e) => done({ error: e.code ?? e.message }));
		q.end();
	});
	const bad = [], again = {};
	let over = false, asked = 0, keys = 0;
	const insist = async (turn, method, path, headers) => {
		asked++;
		for (let i = 0; i < 20; i++) {
			const r = await ask(names[(turn + i) % 2], method, path, headers);
			if (r.status === 200) return;
			// what a client may try again: nobody listened, the line was cut, or it was told to
			if (!["ECONNREFUSED", "ECONNRESET", "EPIPE", "socket hang up"].includes(r.error) && !((r.status === 503 || r.status === 409) && r.retry)) {
				bad.push(`${method} ${path}: ${JSON.stringify(r)}`);
				return;
			}
			again[r.error ?? r.status] = (again[r.error ?? r.status] ?? 0) + 1;
			if (i > 2) await new Promise((r) => setTimeout(r, 50 * i));
		}
		bad.push(`${method} ${path}: given up`);
	};
	const client = async (turn) => {
		while (!over) {
			await insist(turn, "GET", "/count");
			await insist(turn, "GET", "/slow");
			const key = `k${++keys}`;
			await insist(turn++, "POST", `/note/${key}`, { "idempotency-key": key });
		}
	};
	const clients = Array.from({ length: 12 }, (_, i) => client(i));
	for (let round = 0; round < 3; round++)
		for (const name of names) {
			const before = asked;
			await w.waitFor(() => asked > before + 60, "load");
			assert.equal(await w.stop(name), 0, `${name} drains`);
			await w.start("reconciler", { name });
		}
	over = true;
	await Promise.all(clients);
	agent.destroy();
	assert.deepEqual(bad, []);
	const want = Array.from({ length: keys }, (_, i) => `k${i + 1}`);
	await w.waitFor(async () => (await w.one("SELECT count(*) AS n FROM fairlead.job")).n === 0, "the jobs to be done");
	const notes = await w.notes();
	assert.deepEqual(notes.filter((x) => !x.startsWith("job ")).sort(), [...want].sort(), "one note a key");
	assert.deepEqual(notes.filter((x) => x.startsWith("job ")).sort(), want.map((k) => `job ${k}`).sort(), "one job a key");
	t.note(`${asked} requests through 6 restarts, tried again: ${Object.entries(again).map(([k, n]) => `${n} ${k}`).join(", ") || "none"}`);
}
