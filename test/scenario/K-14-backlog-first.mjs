export const name = "live events that are announced while the backlog is being read are handled behind it";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "auto", env: { BATCH_TIMEOUT_MS: "100", MAX_BATCH_SIZE: "4", BLOCK_RANGE_LIMIT: "5" } });
	const backlog = Array.from({ length: 20 }, (_, i) => 60 - i);
	await w.reveal(backlog); // a block each: several ranges and steps
	await w.mine(70);        // the older part lies below the window, the newer one inside
	await w.reveal([30, 29, 28]);

	const hold = w.node.hold("eth_getLogs");
	for (const p of ["listener", "batcher", "submitter"]) await w.start(p, { wait: "alive" });
	await w.waitFor(() => hold.list.length, "the backlog to be asked for");
	await w.waitFor(() => w.node.sockets.size >= 1 && w.node.calls.some((c) => c.method === "eth_subscribe"), "the subscription");
	let heard = 0;
	w.node.push((m) => {
		heard += m.method === "eth_subscription";
		return m;
	});
	const live = [3, 2, 1];
	await w.reveal(live); // announced while the backlog is held back
	await w.waitFor(() => heard >= 3, "three announcements");
	assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.event")).n, 0, "nothing is handled ahead of the backlog");
	hold.release();

	const all = [...backlog, 30, 29, 28, ...live];
	await w.waitFor(() => w.codesSet(all), "all codes on the chain");
	assert.deepEqual((await w.sql("SELECT token_id::int AS id FROM companions.token_revealed ORDER BY _seq")).map((r) => r.id), all);
	assert.deepEqual((await w.bulks()).flatMap((b) => b.ids), all);
}
