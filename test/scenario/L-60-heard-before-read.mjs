export const name = "what was heard of a block counts as far as it was read: a false time, more logs than were told, another branch, an answer that is late";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ chain: "node", node: { seed: 60 } });
	const n = w.scripted;
	await n.event("reveal", w.address, "TokenRevealed(uint256 indexed tokenId)", { tokenId: { seq: 1 } });
	await n.do({ contract: { address: w.address, returns: `0x${"00".repeat(32)}` }, set: { order: "logs-heads" } });
	const mine = (blocks, count) => n.mine(blocks, { logs: { shape: "reveal", count } });
	const rows = async () => (await w.sql("SELECT token_id::int AS id, _block::int AS block, encode(_block_hash, 'hex') AS hash, extract(epoch FROM _at)::int AS at FROM companions.token_revealed ORDER BY _seq")).map((r) => [r.id, r.block, `0x${r.hash}`, r.at]);
	const truth = async () => (await n.rpc("eth_getLogs", [{ fromBlock: "0x0", toBlock: "latest", address: w.address }])).map((l) => [Number(l.topics[1]), Number(l.blockNumber), l.blockHash, Number(l.blockTimestamp)]);
	const done = async () => Number((await w.one("SELECT done FROM fairlead.chain")).done);
	const head = async () => Number(await n.rpc("eth_blockNumber", []));
	const check = async (what) => {
		await w.waitFor(async () => (await done()) === (await head()) && JSON.stringify(await rows()) === JSON.stringify(await truth()), what);
		const s = await w.one(`SELECT l.at::int AS at, greatest((SELECT max(_seq) FROM fairlead.event), (SELECT max(seq) FROM fairlead.reorg))::int AS seq
			FROM fairlead.lane l WHERE l.name LIKE 'listen:%'`);
		assert.equal(s.at, s.seq, `${what}: the numbers that are given`);
		for (const b of await w.sql("SELECT number::int, encode(hash, 'hex') AS hash, encode(parent, 'hex') AS parent, extract(epoch FROM at)::int AS at FROM fairlead.block")) {
			const h = await n.rpc("eth_getBlockByNumber", [`0x${b.number.toString(16)}`, false]);
			assert.deepEqual([`0x${b.hash}`, `0x${b.parent}`, b.at], [h.hash, h.parentHash, Number(h.timestamp)], `${what}: block ${b.number}`);
		}
	};
	await mine(3, 1);
	await w.start("listener");
	await check("the backlog");
	const live = async (what, count) => {
		await mine(1, count);
		await check(what);
	};
	await live("one log", 1);
	await live("five logs", 5);
	await live("none", 0);
	await n.do({ lie: { in: "pushes", kind: "forge", field: "blockTimestamp", value: "0x1", id: "time" } });
	await live("a false time", 1);
	await live("a false time of three", 3);
	await n.do({ truth: "time" });
	// rows are begun from what was told; the answer decides
	for (const [what, lie] of [
		["another content", { kind: "forge", field: "topic1", value: `0x${"5".repeat(64)}`, log: 0 }],
		["data that does not decode", { kind: "forge", field: "data", value: "0x5", log: 0 }],
		["the second log alone", { kind: "omit", log: 0 }],
		["the last one first", { kind: "reverse" }],
		["each twice", { kind: "repeat" }],
	]) {
		await n.do({ lie: { in: "pushes", id: "told", ...lie } });
		await live(what, 3);
		await n.do({ truth: "told" });
	}
	for (let depth = 1; depth <= 3; depth++) {
		await n.do({ reorg: { depth, blocks: depth + 1, keep: "none", logs: { shape: "reveal", count: 2 } } });
		await check(`a reorg ${depth} deep`);
	}
	// what was begun is given back while the answer is out: others get on
	await n.do({ mood: { method: "eth_getLogs", hang: true, times: 1, id: "late" } });
	const before = await done(), questions = await n.count({ method: "eth_getLogs" });
	await mine(1, 2);
	await w.waitFor(async () => (await n.count({ method: "eth_getLogs" })) > questions, "the question");
	await w.sql("SET lock_timeout = '5s'; UPDATE fairlead.lane SET made = made WHERE name LIKE 'listen:%'");
	assert.equal(await done(), before);
	await n.do({ calm: "late", cut: {} });
	await check("an answer that was late");
	assert.equal(w.lines("listener", "commit.refused").length, 0);
	t.note(`${(await rows()).length} events`);
}
