export const name = "P19, P7: each program ended and started again all the time, connections to PostgreSQL killed in between: every drain ends with 0, nothing lost, nothing twice";
export const limit = 180;

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ env: { BATCH_TIMEOUT_MS: "100" } });
	const all = ["listener", "batcher", "submitter", "reconciler"];
	for (const p of all) for (const n of ["a", "b"]) await w.start(p, { name: `${p}-${n}`, wait: false });
	const N = 200;
	const ids = Array.from({ length: N }, (_, i) => i + 1);
	let on = true;
	let drains = 0;
	let kills = 0;
	const killer = (async () => {
		while (on) {
			const r = await w.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'fairlead-%' ORDER BY random() LIMIT 1");
			kills += r.length;
			await new Promise((go) => setTimeout(go, 250));
		}
	})();
	const rolling = (async () => {
		for (let i = 0; on; i = (i + 1) % 8) {
			const name = `${all[i % 4]}-${i < 4 ? "a" : "b"}`;
			const p = w.programs[name];
			const code = await p.stop(i % 2 ? "SIGINT" : "SIGTERM");
			assert.equal(code, 0, `${name} ended with ${code}`);
			drains++;
			await w.start(all[i % 4], { name, wait: "alive" });
		}
	})();
	for (let i = 0; i < N; i += 20) await w.revealEach(ids.slice(i, i + 20));
	await w.waitFor(() => Promise.race([rolling, w.codesSet(ids)]), "all codes", 90000);
	on = false;
	await Promise.all([rolling, killer]);
	for (const id of ids) assert.equal(await w.writes(id), 1, `code writes of token ${id}`);
	assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.item")).n, N);
	assert.ok(drains >= 8, `${drains} drains`);
	t.note(`${drains} drains, ${kills} connections killed`);
}
