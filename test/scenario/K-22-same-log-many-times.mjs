export const name = "the same log, announced five times by the socket, five times in an answer, and read again after a restart, is one event, one item, one transaction";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "auto", fleet: ["batcher", "submitter"], env: { BATCH_TIMEOUT_MS: "50", POLLING_INTERVAL_MS: "50" } });
	w.node.push((m) => (m.method === "eth_subscription" ? [m, m, m, m, m] : m));
	let repeated = 0;
	w.node.on("eth_getLogs", async (call, next) => {
		const logs = await next();
		repeated += logs.length;
		return logs.flatMap((l) => [l, l, l, l, l]);
	});
	const count = async () => ({
		events: (await w.one("SELECT count(*) AS n FROM companions.token_revealed")).n,
		many: (await w.one("SELECT count(*) AS n FROM companions.tokens_revealed")).n,
		items: (await w.one("SELECT count(*) AS n FROM fairlead.item")).n,
	});

	// the backlog, then live, then what a killed listener had read and not stored
	await w.reveal([1, 2]);
	await w.start("listener");
	await w.waitFor(() => w.codesSet([1, 2]), "the codes of the backlog");
	await w.reveal([3]);
	await w.batchReveal([4, 5]);
	await w.waitFor(() => w.codesSet([3, 4, 5]), "the codes of live events");
	const hold = w.node.hold("eth_getLogs");
	await w.reveal([6]);
	await w.waitFor(() => hold.list.length, "the listener to ask for it");
	await w.kill9("listener");
	hold.release();
	await w.start("listener");
	await w.waitFor(() => w.codesSet([6]), "the code of the event read twice");

	assert.ok(repeated >= 5);
	assert.deepEqual(await count(), { events: 4, many: 1, items: 6 });
	for (let id = 1; id <= 6; id++) assert.equal(await w.writes(id), 1);
	assert.deepEqual((await w.bulks()).flatMap((b) => b.ids).sort(), [1, 2, 3, 4, 5, 6]);
	assert.deepEqual(await w.sql("SELECT item, count(*) AS n FROM fairlead.attempt_item GROUP BY 1 HAVING count(*) > 1"), []);

	// the same token revealed again is another event, and no other item
	await w.act("announce", 3);
	await w.waitFor(async () => (await count()).events === 5, "the second event of token 3");
	await w.waitFor(async () => (await w.one("SELECT applied = seq AS all FROM fairlead.chains")).all, "it to be applied");
	assert.deepEqual(await count(), { events: 5, many: 1, items: 6 });
	assert.equal(await w.writes(3), 1);
}
