export const name = "what was revoked while nobody listened comes with the first batch of the next start, and is counted there";

import { chainWords, soon } from "../lib/world.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ app: "vcel", mining: "manual", fleet: ["listener", "batcher"], yaml: chainWords(soon) });
	await w.revokeMany(7, 2);
	await w.waitFor(w.whole, "two in real time");
	const before = await w.source();
	assert.deepEqual([before.live, before.swept], [2, 0]);
	for (const how of ["SIGTERM", "SIGKILL"]) {
		const from = await w.source();
		if (how === "SIGKILL") await w.kill9("listener");
		else assert.equal(await w.stop("listener", how), 0);
		for (let i = 0; i < 5; i++) await w.revoke(7, `${how} ${i}`);
		await w.mine(how === "SIGKILL" ? 100 : 2);
		await w.start("listener");
		await w.waitFor(w.whole, "the missed ones");
		const now = await w.source();
		assert.deepEqual([now.live - from.live, now.swept - from.swept], [0, 5], how);
		assert.ok(now.last_sweep > (from.last_sweep ?? 0));
	}
	assert.equal((await w.rows()).length, 12);
	assert.equal((await w.one("SELECT count(*) AS n FROM accesscontrol.signature_revoked")).n, 12);
}
