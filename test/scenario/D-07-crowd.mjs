export const name = "2,000 requests at once, some refused, some broken, some whose peer goes: all answered, four connections at most, none left busy, memory as before";
export const limit = 150;
import { Agent, request } from "node:http";
import { readFileSync } from "node:fs";
import { requestWorld } from "../lib/requests.mjs";

const routes = `
  POST /crowd/{n}:
    params: { n: int }
    do:
      - sql: INSERT INTO note (what) VALUES ('crowd ' || :n)
      - let: SELECT k FROM single WHERE n = :n::int % 4
        else: SELECT 410 AS _status, :n::int AS n
      - refuse: SELECT 'no' AS error WHERE :n::int % 5 = 0
      - sql: SELECT 1 / (:n::int % 7)
      - reply: SELECT :k AS k
`;

export default async function (t) {
	const { assert } = t;
	const w = await requestWorld(t, routes);
	await w.start("listener");
	await w.start("reconciler");
	await w.sql("INSERT INTO single VALUES ('k0', 0), ('k1', 1), ('k2', 2)");
	const port = Number(new URL(w.door()).port), agent = new Agent({ maxSockets: 2000 });
	const rss = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${w.programs.reconciler.pid}/status`, "utf8"))[1]);
	const post = (n, leave) => new Promise((done) => {
		const q = request({ port, host: "127.0.0.1", method: "POST", path: `/crowd/${n}`, agent }, (a) => {
			a.resume();
			a.on("end", () => done(a.statusCode));
		});
		q.on("error", () => done(0));
		q.end();
		if (leave) setTimeout(() => q.destroy(), n % 50);
	});
	const want = (n) => (n % 4 === 3 ? 410 : n % 5 === 0 ? 400 : n % 7 === 0 ? 400 : 200);
	let most = 0, over = false;
	const watch = (async () => {
		while (!over) most = Math.max(most, (await w.one("SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'fairlead-requests'")).n);
	})();
	const round = async (leave) => {
		const all = await Promise.all(Array.from({ length: 2000 }, (_, i) => post(i + 1, leave && i % 3 === 0)));
		const odd = all.filter((s, i) => s !== want(i + 1) && !(s === 503) && !(leave && i % 3 === 0 && s === 0));
		assert.deepEqual(odd, []);
		return all;
	};
	const first = await round(false), before = rss();
	assert.ok(first.filter((s) => s === 200).length > 300, "many were served");
	const good = first.filter((s) => s === 200).length;
	assert.equal((await w.one("SELECT count(*) AS n FROM note")).n, good, "a note for each that was told 200, and for no other");
	await round(true);
	for (let i = 0; i < 3; i++) await round(false);
	over = true;
	await watch;
	await w.waitFor(async () => (await w.one("SELECT count(*) AS n FROM pg_stat_activity WHERE application_name = 'fairlead-requests' AND datname = current_database() AND state <> 'idle'")).n === 0, "every connection to be given back");
	assert.equal(await post(1), 200);
	assert.ok(most <= 4, `${most} connections`);
	if (w.options.build === "release") assert.ok(rss() < before + 16384, `${before} KiB, then ${rss()} KiB`);
	agent.destroy();
	t.note(`${good} of 2,000 served at once, the rest told to come again or refused`);
}
