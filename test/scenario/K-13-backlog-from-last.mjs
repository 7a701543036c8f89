export const name = "the backlog is read from the block behind the last processed one, without a gap and without reading again";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "manual", fleet: ["listener"], env: { BLOCK_RANGE_LIMIT: "30" } });
	const asked = () => {
		const list = [];
		for (const c of w.node.calls) {
			const [p] = c.params ?? [];
			if (c.method === "eth_getLogs" && p.fromBlock) for (let b = Number(p.fromBlock); b <= Number(p.toBlock); b++) list.push(b);
			if (c.method === "eth_getLogs" && p.blockHash) list.push(numbers.get(p.blockHash));
		}
		return list;
	};
	const numbers = new Map();
	const restart = async (ids, blocks) => {
		await w.reveal([ids[0]]);
		await w.waitFor(async () => (await w.one("SELECT done = $1 AS x FROM fairlead.chain", [await w.head()])).x, "the cursor at the head");
		await w.stop("listener");
		const { done } = await w.one("SELECT done FROM fairlead.chain");
		await w.reveal([ids[1]]); // in the very next block
		await w.mine(blocks);
		await w.reveal([ids[2]]);
		for (let b = done + 1, head = await w.head(); b <= head; b++) numbers.set((await w.chain.rpc("eth_getBlockByNumber", `0x${b.toString(16)}`, false)).hash, b);
		w.node.forget();
		await w.start("listener");
		const list = asked();
		assert.equal(list[0], done + 1, "the first block whose logs are asked");
		assert.ok(list.every((b, i) => i === 0 || b > list[i - 1]), "in order, none twice");
		// a block whose header's bloom says that it holds none of ours need not be asked for its logs
		const headers = new Set(w.node.of("eth_getBlockByNumber").map((c) => Number(c.params[0])));
		const silent = Array.from({ length: (await w.head()) - done }, (_, i) => done + 1 + i).filter((b) => !list.includes(b));
		assert.deepEqual(silent.filter((b) => !headers.has(b)), [], "every block, without a gap");
		for (const b of silent) assert.match((await w.chain.rpc("eth_getBlockByNumber", `0x${b.toString(16)}`, false)).logsBloom, /^0x0*$/);
	};
	await restart([1, 2, 3], 5); // inside the window: by hash
	assert.ok(w.node.of("eth_getLogs").every((c) => c.params[0].blockHash));
	await restart([4, 5, 6], 150); // deeper: ranges first
	assert.ok(w.node.of("eth_getLogs").some((c) => c.params[0].fromBlock));
	assert.deepEqual((await w.sql("SELECT token_id::int AS id FROM companions.token_revealed ORDER BY _seq")).map((r) => r.id), [1, 2, 3, 4, 5, 6]);
}
