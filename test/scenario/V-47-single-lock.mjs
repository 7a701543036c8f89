export const name = "LOCK_ID reads one lock, or some: the node is asked for them alone, by the topic";

import { chainWords, soon } from "../lib/world.mjs";

const word = (n) => `0x${BigInt(n).toString(16).padStart(64, "0")}`;

export default async function (t) {
	const { assert } = t;
	for (const [LOCK_ID, locks] of [["12345", [12345]], ["5,6", [5, 6]]]) {
		for (const rpc of ["http", "ws"]) {
			const w = await t.world({ app: "vcel", rpc, mining: "manual", env: { LOCK_ID }, yaml: chainWords(soon) });
			for (const lock of [...locks, 7]) await w.revoke(lock, "old");
			await w.mine(100);
			await w.start("batcher", { wait: "alive" });
			await w.start("listener");
			for (const lock of [7, ...locks]) await w.revoke(lock, "new");
			await w.waitFor(w.whole, "all to be applied");
			assert.deepEqual([...new Set((await w.rows()).map((r) => Number(r.lock_id)))].sort((a, b) => a - b), locks);
			assert.equal((await w.rows()).length, 2 * locks.length);
			const filters = [...w.node.of("eth_getLogs").map((c) => c.params[0]), ...w.node.of("eth_subscribe").filter((c) => c.params[0] === "logs").map((c) => c.params[1])];
			assert.ok(filters.length > 0);
			for (const f of filters) assert.deepEqual([f.topics[1]].flat().sort(), locks.map(word).sort(), JSON.stringify(f));
			assert.equal((await w.one("SELECT count(*) AS n FROM accesscontrol.signature_revoked")).n, 2 * locks.length, "others never came");
			await w.stopAll();
		}
	}
	// none: all locks, and no second topic
	const w = await t.world({ app: "vcel", mining: "manual", env: { LOCK_ID: "" }, fleet: ["listener", "batcher"], yaml: chainWords(soon) });
	for (const lock of [5, 6]) await w.revoke(lock, "s");
	await w.waitFor(async () => (await w.rows()).length === 2, "both locks");
	for (const c of w.node.of("eth_getLogs")) assert.ok(!c.params[0].topics[1]?.length, JSON.stringify(c.params));
	const r = await w.run("listener", ["--check"], { env: { LOCK_ID: "the first" } });
	assert.equal(r.code, 78, r.text);
	assert.match(r.err, /lockId/);
}
