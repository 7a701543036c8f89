export const name = "POST /blockchain/catchup: events whose logs live reading was never given arrive at once; posts that come together are one run; a listener that is killed goes on with it; nothing comes twice";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "auto", fleet: "all", env: { ADMIN_TOKEN: "let me in", BATCH_TIMEOUT_MS: "100", RPC_RETRY_DELAY_MS: "100" } });
	const post = () => w.http("/blockchain/catchup", { method: "POST", headers: { authorization: "Bearer let me in" } });
	const seen = async () => (await w.sql("SELECT token_id::int AS id FROM companions.token_revealed ORDER BY _seq")).map((r) => r.id);
	const wishes = async () => (await w.one("SELECT count(*) AS n FROM fairlead.wish")).n;
	const read = () => w.waitFor(async () => (await w.one("SELECT done = $1 AS x FROM fairlead.chains", [await w.head()])).x, "the head");
	const runs = (ev) => w.lines("listener", ev).length;
	await w.reveal([1]);
	await w.waitFor(() => w.codesSet([1]), "the first token");

	// live logs are dropped: by block and by message
	const hidden = new Set([2, 3].map((id) => `0x${id.toString(16).padStart(64, "0")}`));
	const kept = (l) => !hidden.has(l.topics?.[1]);
	const byBlock = w.node.on("eth_getLogs", async (call, next) => (call.params[0].blockHash === undefined ? next() : (await next()).filter(kept)));
	w.node.push((m) => (kept(m.params?.result ?? {}) ? m : null));
	await w.reveal([2, 3]);
	await w.reveal([4]);
	await w.waitFor(() => w.codesSet([4]), "a later token");
	await read();
	assert.deepEqual(await seen(), [1, 4]);
	byBlock();

	const answers = await Promise.all(Array.from({ length: 20 }, post));
	for (const r of answers) assert.deepEqual([r.status, r.json], [200, { success: true }]);
	await w.waitFor(() => w.codesSet([2, 3]), "what was dropped");
	await w.waitFor(async () => (await wishes()) === 0, "the wish to be done");
	assert.deepEqual((await seen()).sort(), [1, 2, 3, 4]);
	assert.deepEqual([runs("catchup"), runs("catchup.done")], [1, 1], "twenty posts are one run");

	// together: all stand before one is begun
	await w.kill9("listener");
	const before = runs("catchup");
	await Promise.all(Array.from({ length: 20 }, post));
	assert.equal(await wishes(), 1);
	await w.start("listener");
	await w.waitFor(async () => (await wishes()) === 0, "the wish to be done");
	assert.equal(runs("catchup"), before + 1);

	// killed in it: the wish stands, and is done by the next
	let asked = false;
	const held = w.node.on("eth_getLogs", async (call, next) => {
		if (call.params[0].fromBlock === undefined) return next();
		asked = true;
		return new Promise(() => {});
	});
	await post();
	await w.waitFor(() => asked, "a run that hangs");
	assert.match((await w.health("listener", "/status")).body, /"sweep":\{"asked":true/);
	await Promise.all(Array.from({ length: 5 }, post));
	assert.equal(await wishes(), 1, "they join it");
	await w.reveal([5]);
	await w.waitFor(() => w.codesSet([5]), "live reading goes on meanwhile");
	await w.kill9("listener");
	held();
	assert.equal(await wishes(), 1);
	await w.start("listener");
	await w.waitFor(async () => (await wishes()) === 0, "the wish to be done");
	await read();
	assert.deepEqual((await seen()).sort(), [1, 2, 3, 4, 5]);
	for (const id of [1, 2, 3, 4, 5]) assert.equal(await w.writes(id), 1, `token ${id} is set once`);
}
