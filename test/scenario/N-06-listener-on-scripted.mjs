export const name = "the listener reads from the scripted node: a backlog, the head, a reorg; its table is what the chain holds";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ chain: "node", node: { seed: 5 } });
	const n = w.scripted;
	await n.event("reveal", w.address, "TokenRevealed(uint256 indexed tokenId)", { tokenId: { seq: 1 } });
	const mine = (blocks, count) => n.mine(blocks, { logs: { shape: "reveal", count } });
	const stored = async () => (await w.sql("SELECT token_id::int AS id, _block::int AS block FROM companions.token_revealed ORDER BY _seq")).map((r) => [r.id, r.block]);
	const truth = async () => (await n.rpc("eth_getLogs", [{ fromBlock: "0x0", toBlock: "latest", address: w.address }])).map((l) => [Number(l.topics[1]), Number(l.blockNumber)]);
	const agrees = async () => JSON.stringify(await stored()) === JSON.stringify(await truth());
	await n.do({ contract: { address: w.address, returns: `0x${"00".repeat(32)}` } }); // it has code
	await mine(40, [0, 6]);
	await w.start("listener");
	await w.waitFor(agrees, "the backlog to be stored");
	assert.ok((await stored()).length > 50);
	await mine(1, 3);
	await w.waitFor(agrees, "the block at the head");
	await n.do({ reorg: { depth: 2, blocks: 3, keep: "none", logs: { shape: "reveal", count: 2 } } });
	await w.waitFor(agrees, "the other branch");
	assert.ok((await w.one("SELECT count(*)::int AS n FROM fairlead.reorg")).n >= 1);
	t.note(`${(await stored()).length} events`);
}
