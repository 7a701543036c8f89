export const name = "healthy: fewer than 100 blocks behind; 99 is healthy, 100 is not, and says 503; `healthy:` of the chain moves the line";

import { chainWords, soon } from "../lib/world.mjs";

export default async function (t) {
	const { assert } = t;
	for (const line of [100, 5]) {
		const w = await t.world({ app: "vcel", mining: "manual", fleet: ["listener", "batcher", "reconciler"], yaml: chainWords({ ...soon, healthy: String(line) }) });
		const at = (n) => w.waitFor(async () => {
			const h = await w.http("/api/v1/monitor/health");
			return h.json.blocksBehind === n && h;
		}, `${n} blocks behind`);
		await w.waitFor(w.whole, "the chain");
		await at(0);
		const stuck = w.node.hold("eth_getLogs"); // asked, and not answered: the node itself is well
		await w.revoke(7, "a"); // registers the lock too: two blocks or one, the first with a log stops the cursor
		const behind = (await w.head()) - (await w.one("SELECT done FROM fairlead.chains")).done;
		await w.mine(line - 1 - behind);
		const near = await at(line - 1);
		assert.deepEqual([near.status, near.json.healthy], [200, true], `${line - 1} of ${line}`);
		await w.mine(1);
		const far = await at(line);
		assert.deepEqual([far.status, far.json.healthy], [503, false], `${line} of ${line}`);
		stuck.release();
		await at(0);
		assert.equal((await w.http("/api/v1/monitor/health")).status, 200);
	}
}
