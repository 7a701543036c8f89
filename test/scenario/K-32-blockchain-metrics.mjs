export const name = "GET /blockchain/metrics: a JSON list of counters that grow with the batches";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ fleet: "all", mining: "auto", env: { BATCH_TIMEOUT_MS: "50" } });
	const count = async (name) => {
		const r = await w.http("/blockchain/metrics");
		assert.equal(r.status, 200, r.body);
		assert.ok(Array.isArray(r.json));
		for (const c of r.json) assert.deepEqual(Object.keys(c), ["name", "labels", "value"]);
		return r.json.filter((c) => c.name === name).reduce((n, c) => n + Number(c.value), 0);
	};
	await w.batchReveal([1, 2, 3]);
	await w.waitFor(() => w.codesSet([1, 2, 3]), "three codes");
	const batches = (await w.waitFor(async () => (await w.http("/blockchain/metrics")).json?.find((c) => /batches.*_total$/.test(c.name) && Number(c.value) >= 1), "a counter of batches")).name;
	const before = await count(batches);
	await w.batchReveal([4, 5]);
	await w.waitFor(async () => (await count(batches)) > before, `${batches} to grow`);
	t.note(batches);
}
