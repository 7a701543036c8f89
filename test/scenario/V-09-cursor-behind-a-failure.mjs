export const name = "the position moves behind what was read: never past a range that failed, to the head once all succeed, and stands after a restart";

import { chainWords, RpcError, soon } from "../lib/world.mjs";

export default async function (t) {
	const { assert } = t;
	const retry = '{ first: "20ms", max: "50ms" }';
	const w = await t.world({ app: "vcel", mining: "manual", env: { BATCH_SYNC_SIZE: "100" }, yaml: chainWords({ ...soon, retry }) });
	const bad = w.block + 450;
	const heights = [];
	for (let i = 0; i < 10; i++) {
		heights.push((await w.revoke(7, `signature ${i}`))[0].block);
		await w.mine(99);
	}
	const off = w.node.on("eth_getLogs", (call, next) => {
		const { fromBlock, toBlock } = call.params[0];
		if (fromBlock !== undefined && Number(fromBlock) <= bad && Number(toBlock) >= bad) throw new RpcError(-32603, "Internal error");
		return next();
	});
	const place = async () => w.one("SELECT done, (SELECT count(*) FROM accesscontrol.signature_revoked) AS n FROM fairlead.chain");
	const stuck = async (p) => {
		const refused = () => w.ranges().filter(([a, b]) => a <= bad && b >= bad).length;
		await w.waitFor(async () => (await place()).done >= bad - 100, "the position right below what fails");
		const from = refused();
		await w.never(async () => (await place()).done >= bad, "the position is past what failed", () => refused() >= from + 5);
		const { done, n } = await place();
		assert.ok(done < bad, `it stands at ${done} of ${bad}`);
		assert.equal(n, heights.filter((h) => h <= done).length, `rows up to ${done}, and no more`);
		assert.ok(p.running);
	};
	await w.start("batcher", { wait: "alive" });
	await w.waitFor(place, "the schema");
	await stuck(await w.start("listener", { wait: "alive" }));
	await w.stop("listener");
	const kept = (await place()).done;
	w.node.forget();
	await stuck(await w.start("listener", { wait: "alive" }));
	assert.ok(w.ranges().every(([a]) => a > kept), "what was read is not read again");
	off();
	await w.waitFor(w.whole, "the head");
	assert.deepEqual((await w.rows()).map((r) => r.signature_hash), Array.from({ length: 10 }, (_, i) => w.hash(`signature ${i}`)));
}
