export const name = "POST /blockchain/process-batch: three that wait for an hour's timer go in one transaction at once; also when the batcher was away; what comes behind waits again";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "auto", fleet: "all", env: { BATCH_TIMEOUT_MS: "3600000", ADMIN_TOKEN: "let me in" } });
	const waiting = async () => (await w.one("SELECT count(*) AS n FROM fairlead.item WHERE state = 'waiting'")).n;
	const wishes = async () => (await w.one("SELECT count(*) AS n FROM fairlead.wish")).n;
	const post = () => w.http("/blockchain/process-batch", { method: "POST", headers: { authorization: "Bearer let me in" } });
	const say = async () => assert.deepEqual(await post().then((r) => [r.status, r.json]), [200, { success: true }]);

	await w.reveal([1, 2, 3]);
	await w.waitFor(async () => (await waiting()) === 3, "three items that wait");
	await say();
	await w.waitFor(() => w.codesSet([1, 2, 3]), "their codes on the chain");
	assert.deepEqual((await w.bulks()).map((b) => b.ids), [[1, 2, 3]]);
	await w.waitFor(async () => (await wishes()) === 0, "the wish to be done");

	// what comes now was not meant
	await w.reveal([4]);
	await w.waitFor(async () => (await w.http("/blockchain/status")).json.batchProcessor.hasTimer, "its timer");
	assert.equal(await waiting(), 1);

	// nobody is there to hear it
	await w.kill9("batcher");
	await Promise.all([say(), say(), say()]);
	assert.equal(await wishes(), 1);
	await w.start("batcher");
	await w.waitFor(() => w.codesSet([4]), "the fourth");
	await w.waitFor(async () => (await wishes()) === 0, "the wish to be done");

	// nothing waits: nothing is sent, and nothing stays flushed
	await say();
	await w.waitFor(async () => (await wishes()) === 0, "the wish to be done");
	await w.reveal([5]);
	await w.waitFor(async () => (await w.http("/blockchain/status")).json.batchProcessor.hasTimer, "its timer");
	assert.equal((await w.bulks()).length, 2);
	assert.equal(await waiting(), 1);
}
