export const name = "what is mined between the last range of the past and the first message of real time is there, at whichever moment it is mined";

import { chainWords } from "../lib/world.mjs";

export default async function (t) {
	const { assert } = t;
	const moments = {
		"before the head is asked": ["eth_blockNumber", "eth_getBlockByNumber"], "while ranges are read": ["eth_getLogs"], "before the subscription": ["eth_subscribe"],
	};
	const w = await t.world({ app: "vcel", rpc: "ws", mining: "manual", yaml: chainWords({ poll: "1h" }) });
	await w.start("batcher", { wait: "alive" });
	let n = 0;
	const all = [];
	const revoke = async () => {
		const s = `signature ${n++}`;
		all.push(w.hash(s));
		await w.revoke(7, s);
	};
	for (const [moment, methods] of Object.entries(moments)) {
		await revoke();
		await w.mine(100);
		const holds = methods.map((m) => w.node.hold(m));
		const p = await w.start("listener", { wait: "alive" });
		await w.waitFor(() => holds.some((h) => h.list.length), moment);
		await revoke();
		await revoke();
		for (const h of holds) h.release();
		await w.ready(p);
		await w.waitFor(async () => (await w.rows()).length === n, `${n} rows: mined ${moment}`);
		await revoke();
		await w.waitFor(async () => (await w.rows()).length === n, `${n} rows: real time goes on`);
		await w.stop("listener");
	}
	assert.deepEqual((await w.rows()).map((r) => r.signature_hash), all, "each once, in the order of the chain");
	assert.equal((await w.one("SELECT count(*) AS n FROM accesscontrol.signature_revoked")).n, n);
}
