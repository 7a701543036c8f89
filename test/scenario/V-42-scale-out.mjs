export const name = "several instances on one PostgreSQL, also with other start blocks: one leads, another takes over when it dies, each revocation once";

import { chainWords, soon } from "../lib/world.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ app: "vcel", mining: "manual", yaml: chainWords(soon) });
	await w.revokeMany(7, 5);
	await w.mine(100);
	const later = { SEPOLIA_START_BLOCK: String(await w.head()) };
	await w.start("listener");
	await w.start("batcher");
	await w.waitFor(w.whole, "the past");
	await w.start("listener", { name: "listener2", env: later });
	await w.start("listener", { name: "listener3" });
	await w.start("batcher", { name: "batcher2", env: later });
	const leader = async (lane) => {
		const pid = (await w.one("SELECT split_part(holder, ':', 2)::int AS pid FROM fairlead.lane WHERE name = $1 AND until > clock_timestamp()", [lane]))?.pid;
		return w.all.find((p) => p.pid === pid);
	};
	let n = 5;
	const revoke = async () => {
		await w.revokeMany(7, 3);
		n += 3;
		await w.waitFor(async () => (await w.rows()).length === n, `${n} rows`);
	};
	await revoke();
	assert.equal((await leader("listen:net")).name, "listener");
	for (const lane of ["listen:net", "apply:net", "listen:net"]) {
		const p = await leader(lane);
		if (lane === "apply:net") assert.equal(await p.stop(), 0);
		else await p.kill9();
		await revoke();
		const next = await leader(lane);
		assert.ok(next && next !== p, `another leads ${lane}`);
	}
	assert.equal((await w.one("SELECT count(*) AS n FROM accesscontrol.signature_revoked")).n, n);
	const s = await w.source();
	assert.equal(s.live + s.swept, n);
	assert.deepEqual((await w.sql("SELECT name, count(*) AS n FROM fairlead.lane WHERE until > clock_timestamp() AND name IN ('listen:net', 'apply:net') GROUP BY 1 ORDER BY 1")).map((r) => r.n), [1, 1]);
}
