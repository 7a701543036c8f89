export const name = "what came in real time and what came by batch is counted apart and exactly, with the times of the last of each, and what waits";

import { chainWords, soon } from "../lib/world.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ app: "vcel", mining: "manual", yaml: chainWords({ ...soon, sweep: "1s" }) });
	await w.revokeMany(7, 5);
	await w.start("batcher", { wait: "alive" });
	const nothing = await w.waitFor(() => w.source(), "the schema");
	assert.deepEqual(nothing, { live: 0, swept: 0, last_live: null, last_sweep: null, pending: 0 });
	await w.start("listener");
	await w.waitFor(w.whole, "the past");
	const old = await w.source();
	assert.deepEqual({ ...old, last_sweep: typeof old.last_sweep }, { live: 0, swept: 5, last_live: null, last_sweep: "object", pending: 0 });
	for (const n of [1, 2]) {
		await w.revokeMany(7, n);
		await w.waitFor(w.whole, "what is new");
	}
	const live = await w.source();
	assert.deepEqual([live.live, live.swept, live.pending], [3, 5, 0]);
	assert.ok(live.last_live >= old.last_sweep);
	const show = w.hide("missed");
	await w.revoke(7, "missed");
	await w.waitFor(w.whole, "the block without its log");
	assert.deepEqual([(await w.source()).live, (await w.source()).swept], [3, 5]);
	show();
	await w.waitFor(async () => (await w.rows()).length === 9, "the batch to bring it");
	const all = await w.source();
	assert.deepEqual([all.live, all.swept, all.pending], [3, 6, 0]);
	assert.ok(all.last_sweep > live.last_sweep);
	assert.equal(all.live + all.swept, (await w.rows()).length, "the total");
	assert.equal((await w.one("SELECT count(*) AS n FROM accesscontrol.signature_revoked WHERE _swept")).n, 6);

	// what waits for its rule
	await w.stop("batcher");
	await w.revokeMany(7, 4);
	await w.waitFor(async () => (await w.source()).pending === 4, "four to wait");
	await w.start("batcher");
	await w.waitFor(async () => (await w.source()).pending === 0, "none to wait");
}
