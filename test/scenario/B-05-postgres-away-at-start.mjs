export const name = "PostgreSQL is not there when the fleet starts: alive, not ready, says so; when it comes the fleet works";

import { programs } from "../lib/world.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "auto", pg: "own", env: { BATCH_TIMEOUT_MS: "100" } });
	await w.pg.stop("immediate");
	for (const p of programs) await w.start(p, { wait: "alive" });
	for (const p of programs) {
		const a = await w.waitFor(async () => {
			const r = await w.health(p);
			return r.status === 503 && /PostgreSQL/.test(r.body) && r;
		}, `${p} to say that it waits for PostgreSQL`);
		assert.doesNotMatch(a.body, /healthy$/m);
		assert.equal((await w.health(p, "/livez")).status, 200);
	}
	assert.equal(await w.programs.batcher.stop(), 0, "it can be ended while it waits");
	await w.start("batcher", { wait: "alive" });
	await w.pg.start();
	await Promise.all(programs.map((p) => w.ready(w.programs[p])));
	await w.revealEach([1, 2, 3]);
	await w.waitFor(() => w.codesSet([1, 2, 3]), "three codes");
	for (const p of programs) assert.ok(w.lines(p, "pg.down").length >= 1, `${p} has said it once`);
}
