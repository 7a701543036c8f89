// How long a busy lane stands still when its holder is killed, and when it leaves in order: from the signal to the first attempt that
// the taker commits, or the first answer to bytes that it sends again. Two submitters; a thousand batches are ready and more than
// that wait behind them. All of them must be on the chain once.
import { join } from "node:path";

export async function takeover({ on, say, sealed, worldOn, templateOf, makeReady, ring, until, dir, rounds }) {
	const template = await templateOf("1_fixed", { count: 1, fixed: true });
	const all = { SIGKILL: [], SIGTERM: [] }, n = 3000;
	const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
	for (let i = 0; i < rounds; i++)
		for (const how of Object.keys(all)) {
			const id = `lane${how}${i}`;
			const chain = await sealed(join(dir, id));
			const w = await worldOn(id, chain, { template });
			try {
				const first = await w.start("submitter", { name: "first" });
				await until(() => first.lines("lane.open").length, "the lane to be open");
				await w.start("submitter", { name: "second" });
				all[how].push(await on(w.database, async (c) => {
					chain.seal(n);
					await makeReady(c, n);
					await ring(w, n);
					await until(async () => (await c.query("SELECT count(*)::int AS n FROM fairlead.verdict")).rows[0].n >= 200, "the lane to be busy", 30000, 2);
					const t0 = Date.now() / 1000;
					first.signal9(how);
					const r = await until(async () => (await c.query(`SELECT extract(epoch FROM x.at)::float8 - $1 AS s, extract(epoch FROM l.since)::float8 - $1 AS taken
						FROM fairlead.lane l, LATERAL (SELECT min(at) AS at FROM (SELECT at FROM fairlead.attempt UNION ALL SELECT at FROM fairlead.sending) y WHERE y.at > l.since) x
						WHERE l.name LIKE 'send:%' AND l.epoch > 2 AND x.at IS NOT NULL AND l.since > to_timestamp($1)`, [t0])).rows[0], "the taker to go on", 60000, 10);
					await until(async () => (await c.query("SELECT count(*)::int AS n FROM fairlead.verdict WHERE ok")).rows[0].n === n, "all to be mined", 120000, 50);
					await chain.check(n, id);
					say(`  ${how} round ${i + 1}: taken after ${(r.taken * 1000).toFixed(0)} ms, goes on after ${(r.s * 1000).toFixed(0)} ms`);
					return r.s * 1000;
				}));
			} finally {
				await w.over();
				await chain.end();
			}
		}
	return { killed: median(all.SIGKILL), left: median(all.SIGTERM) };
}
