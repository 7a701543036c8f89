export const name = "the last processed block is in PostgreSQL when the listener has ended, and the next start asks from the block behind it";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "manual", fleet: ["listener"] });
	const done = async () => (await w.one("SELECT done FROM fairlead.chains WHERE name = 'main'")).done;
	for (const [signal, id] of [["SIGTERM", 1], ["SIGINT", 2]]) {
		await w.reveal([id]);
		const head = await w.mine(3);
		await w.waitFor(async () => (await done()) === head, "the cursor at the head");
		assert.equal(await w.stop("listener", signal), 0);
		assert.equal(await done(), head);
		w.node.forget();
		await w.mine(2);
		await w.start("listener");
		await w.waitFor(async () => (await done()) === head + 2, "the missed blocks");
		// nothing at or below the stored block is asked for its logs again
		const asked = w.node.of("eth_getLogs").filter((c) => c.params[0].fromBlock !== undefined).map((c) => Number(c.params[0].fromBlock));
		const hashes = new Set(w.node.of("eth_getLogs").map((c) => c.params[0].blockHash).filter(Boolean));
		for (const from of asked) assert.ok(from > head, `logs from block ${from} on, ${head} was done`);
		for (const hash of hashes) assert.ok(Number((await w.chain.rpc("eth_getBlockByHash", hash, false)).number) > head);
	}
	assert.equal((await w.one("SELECT count(*) AS n FROM companions.token_revealed")).n, 2);
}
