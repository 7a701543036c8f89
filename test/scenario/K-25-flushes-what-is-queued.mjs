export const name = "tokens that wait for their timer are handed over when the batcher is told to end, and sent without waiting for it";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "auto", fleet: ["listener", "batcher", "submitter"], env: { BATCH_TIMEOUT_MS: "3600000" } });
	const waiting = async () => (await w.one("SELECT count(*) AS n FROM fairlead.item WHERE state = 'waiting'")).n;
	let first = 1;
	for (const signal of ["SIGTERM", "SIGINT"]) {
		const ids = [first, first + 1, first + 2];
		first += 3;
		await w.reveal(ids);
		await w.waitFor(async () => (await waiting()) === 3, "three items that wait for an hour's timer");
		if (first === 4) { // one of them is a retry that becomes due while the others wait
			await w.sql("UPDATE fairlead.item SET not_before = clock_timestamp() + '700 ms' WHERE key = '3'");
			ids.push(first++);
			await w.reveal([4]);
			await w.waitFor(async () => (await w.one("SELECT count(*) AS n FROM fairlead.item WHERE state = 'waiting' AND (not_before IS NULL OR not_before < clock_timestamp())")).n === 4, "it to be due");
		}
		assert.equal(await w.stop("batcher", signal), 0);
		assert.equal(await waiting(), 0);
		await w.waitFor(() => w.codesSet(ids), "their codes on the chain, without a batcher");
		assert.deepEqual((await w.bulks()).at(-1).ids, ids, "in one transaction");
		await w.start("batcher");
	}
	for (let id = 1; id < first; id++) assert.equal(await w.writes(id), 1);
	assert.equal((await w.bulks()).length, 2);
}
