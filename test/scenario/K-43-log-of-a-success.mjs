export const name = "a batch that was mined is told as Successfully processed batch, once, with its transaction";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "manual", fleet: ["listener", "batcher", "submitter"], env: { BATCH_TIMEOUT_MS: "50" } });
	const told = () => w.lines("submitter", /Successfully processed batch/);
	await w.batchReveal([1, 2, 3]);
	await w.waitFor(() => w.node.raws.length, "the transaction to be sent");
	assert.equal(told().length, 0, "sent is not done");
	await w.waitFor(async () => (await w.mine()) && w.codesSet([1, 2, 3]), "three codes");
	await w.waitFor(() => told().length, "the line");
	await w.mine(3);
	await w.waitFor(async () => (await w.one("SELECT done FROM fairlead.chains")).done === (await w.head()), "the fleet to have seen the next blocks");
	const [line, ...more] = told();
	assert.deepEqual(more, []);
	const [bulk] = await w.bulks();
	assert.equal(line.ev, "batch.mined");
	assert.equal(line.level, "info");
	assert.equal(line.text, "Successfully processed batch");
	assert.deepEqual([line.tx, Number(line.block), Number(line.items), Number(line.nonce)], [bulk.hash, bulk.block, 3, bulk.nonce]);
	assert.match(line.t, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
}
