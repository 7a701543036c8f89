import { need } from "../../deploy/run/npm.mjs";
import { dbUser } from "../../deploy/run/servers.mjs";
import { answers, door } from "../lib/door.mjs";
import { socket, stream } from "../lib/topics.mjs";

export const name = "a drain: what is in flight is answered and its line ends, kept lines get a last answer, not ready meanwhile; sockets are told 1001, streams end; nothing new is taken";

const routes = `
  GET /slow:
    one: SELECT 'slow' AS n FROM pg_advisory_xact_lock_shared(7)
  POST /slow:
    do: [ { sql: "SELECT pg_advisory_xact_lock_shared(7)" }, { reply: "SELECT 'done' AS n" } ]
`;

export default async function (t) {
	const { assert } = t;
	const w = await door(t, { routes, serve: "  ws: { /ws: {} }\n", listen: '[ "127.0.0.1:0", "127.0.0.1:0" ]' });
	const first = w.port("reconciler", 1), second = w.port();
	for (const port of [first, second]) assert.equal((await w.raw("GET /up HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", { port }))[0].status, 200);

	const holder = new (need("pg").Client)({ host: w.pg.dir, user: dbUser, database: w.database });
	await holder.connect();
	holder.on("error", () => {});
	t.ends.push(async () => {
		await holder.end();
		return { problems: [] };
	});
	await holder.query("SELECT pg_advisory_lock(7)");
	const line = (bytes, port = first) => {
		const l = w.line({ port });
		l.write(bytes);
		return l;
	};
	const busy = [line("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"), line("POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", second), line("GET /slow HTTP/1.1\r\nHost: x\r\n\r\nGET /livez HTTP/1.1\r\nHost: x\r\n\r\n")];
	const kept = line("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
	await w.waitFor(() => kept.text().includes("alive"), "a kept line");
	const ws = await socket(w);
	const events = await stream(w, "/ws?topics=none");
	await w.waitFor(async () => (await w.one("SELECT count(*) AS n FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")).n >= 2, "the slow ones to run");

	const p = w.programs.reconciler;
	const stopped = p.stop("SIGTERM");
	await w.waitFor(() => w.lines("reconciler", "drain").length, "the drain to begin");
	kept.write("GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"); // a balancer's kept line: asked once more, and told to go
	await kept.ended;
	const [, ready] = answers(kept.bytes());
	assert.deepEqual([ready.status, ready.headers.connection], [503, "close"]);
	assert.match(ready.body, /draining/);
	assert.equal((await w.health("reconciler", "/readyz")).status, 503);
	assert.equal((await w.health("reconciler", "/livez")).status, 200, "alive until the end");
	for (const port of [first, second]) {
		const late = w.line({ port });
		await late.ended;
		assert.ok(!late.isReady(), "no new connection");
	}
	const closed = await ws.closed;
	assert.equal(closed.code, 1001);
	t.note(`the socket heard ${closed.code} ${closed.reason}`);
	await events.over;

	await holder.query("SELECT pg_advisory_unlock(7)");
	assert.equal(await stopped, 0);
	await Promise.all(busy.map((l) => l.ended));
	const said = busy.map((l) => answers(l.bytes()));
	assert.deepEqual(said.map((list) => list.map((r) => [r.status, r.json?.n ?? r.body])), [[[200, "slow"]], [[200, "done"]], [[200, "slow"], [200, "alive\n"]]]);
	for (const list of said.slice(0, 2)) assert.equal(list.at(-1).headers.connection, "close");
	assert.ok(w.lines("reconciler", "end").length);
}
