export const name = "locks registered and handed over are neither asked for nor kept: every question names the one topic";

import { chainWords } from "../lib/world.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ app: "vcel", rpc: "ws", mining: "manual", yaml: chainWords({ sweep: "1s" }) });
	const topic = w.iface.getEvent("SignatureRevoked").topicHash;
	assert.equal(topic, "0x6aafae7433d8bb4c5fa5379b396b5fd6fae3dae9fbb1b60de92f4b7c48bdf354");
	await w.revoke(1, "old");
	await w.mine(100);
	await w.start("batcher", { wait: "alive" });
	await w.start("listener");
	const [kept] = await w.revoke(2, "new");
	const [moved] = await w.act("registerLock", 3, w.owner, "0x04");
	const [handed] = await w.act("transferLockOwnership", 3, w.owner);
	await w.waitFor(w.whole, "all to be applied");
	const asked = () => {
		const filters = [...w.node.of("eth_getLogs").map((c) => c.params[0]), ...w.node.of("eth_subscribe").filter((c) => c.params[0] === "logs").map((c) => c.params[1])];
		assert.ok(filters.length >= 2);
		for (const f of filters) {
			assert.deepEqual([f.topics?.[0]].flat(), [topic], JSON.stringify(f));
			assert.deepEqual([f.address].flat().map((a) => a.toLowerCase()), [w.address.toLowerCase()]);
		}
		assert.deepEqual(w.node.of("eth_getBlockReceipts"), []);
	};
	asked();
	const done = w.said(/^Batch sync complete/).length;
	await w.waitFor(() => w.said(/^Batch sync complete/).length > done, "the interval to be read again");
	asked();
	for (const r of [moved, handed]) assert.notEqual(r.logs[0].topics[0], topic);
	assert.equal(kept.logs[0].topics[0], topic);

	assert.deepEqual((await w.sql("SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'accesscontrol'")).map((r) => r.name), ["signature_revoked"]);
	assert.deepEqual((await w.sql("SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1")).map((r) => r.name), ["revoked_signatures", "signature_entries"]);
	assert.deepEqual((await w.rows()).map((r) => r.lock_id), ["1", "2"]);
}
