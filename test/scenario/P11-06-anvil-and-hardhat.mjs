export const name = "completeness: receipts on running nodes: anvil by eth_getBlockReceipts, hardhat, which has none, by single receipts; every block with events is proved";

import { chainWords, soon } from "../lib/world.mjs";

export default async function (t) {
	const { assert } = t;
	for (const chain of ["anvil", "hardhat"]) {
		const w = await t.world({ app: "vcel", chain, mining: "manual", yaml: chainWords({ ...soon, completeness: "receipts" }) });
		for (let i = 0; i < 3; i++) await w.revoke(7, `old ${i}`);
		await w.start("batcher", { wait: "alive" });
		const p = await w.start("listener");
		await w.waitFor(w.whole, "the history");
		await w.revokeMany(8, 5);
		await w.revoke(7, "new");
		await w.waitFor(w.whole, "the head");
		assert.equal((await w.rows()).length, 9);
		const levels = await w.sql("SELECT DISTINCT fairlead.proof(_chain, _block) AS level FROM fairlead.event");
		assert.deepEqual(levels.map((r) => r.level), ["receipts"], chain);
		assert.deepEqual(p.lines("provider.lied"), []);
		assert.deepEqual(p.lines("proof.unsupported"), []);
		const asked = (method) => w.node.of(method).length;
		if (chain === "hardhat") assert.ok(asked("eth_getTransactionReceipt") > 0);
		t.note(`${chain}: ${asked("eth_getBlockReceipts")} by block, ${asked("eth_getTransactionReceipt")} single`);
		await w.stopAll();
	}
}
