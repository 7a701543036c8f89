export const name = "everything from START_BLOCK on is read again on demand: ten questions for ten thousand blocks, and nothing comes of it twice";

import { chainWords, soon } from "../lib/world.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ app: "vcel", chain: "node", proxy: "js", yaml: chainWords(soon) });
	const revoke = (lock, count) => w.scripted.mine(1, { logs: [{ address: w.address, event: w.iface.getEvent("SignatureRevoked").format("full"), args: { lockId: lock }, count }] });
	for (let i = 0; i < 10; i++) {
		await revoke(i, 5);
		await w.mine(999);
	}
	await w.start("batcher", { wait: "alive" });
	await w.start("listener");
	await w.waitFor(w.whole, "ten thousand blocks");
	const look = async () => ({ rows: await w.rows(), events: await w.sql("SELECT encode(_id, 'hex') AS id, _seq FROM accesscontrol.signature_revoked ORDER BY 1"), counters: await w.source().then((s) => s.live + s.swept) });
	const before = await look();
	assert.deepEqual([before.rows.length, before.counters], [50, 50]);
	await w.stop("listener");
	w.node.forget();
	const from = performance.now();
	const reread = () => {
		const blocks = new Set();
		for (const [a, b] of w.ranges()) for (let n = a; n <= b; n++) blocks.add(n);
		return blocks;
	};
	await w.start("listener", { args: ["--from", "start"] });
	const wanted = (await w.head()) - 200 - w.block;
	await w.waitFor(() => reread().size >= wanted, "all blocks to be read again");
	const took = performance.now() - from;
	await w.waitFor(w.whole, "the head");
	assert.ok(reread().has(w.block), "from the first block on");
	assert.ok(w.ranges().length <= Math.ceil(reread().size / 1000) + 1, `${w.ranges().length} questions for ${reread().size} blocks`);
	assert.deepEqual(await look(), before);
	for (const row of before.rows) assert.equal(w.said(new RegExp(`Hash: ${row.signature_hash}$`)).length, 1, "each is told once");
	t.note(`${reread().size} blocks read again in ${(took / 1000).toFixed(2)} s, ${w.ranges().length} eth_getLogs by range`);
	// real time goes on behind it
	await revoke(99, 1);
	await w.waitFor(async () => (await w.rows(99)).length === 1, "what is new");
}
