export const name = "the interval is read again every BATCH_SYNC_INTERVAL_MINUTES, 15 if nothing is said; what real time missed comes with it";

import { chainWords, soon } from "../lib/world.mjs";

export default async function (t) {
	const { assert } = t;
	const fleet = ["listener", "batcher"];
	const quick = await t.world({ app: "vcel", mining: "manual", fleet, yaml: chainWords({ ...soon, sweep: "1s" }) });
	const slow = await t.world({ app: "vcel", mining: "manual", fleet, yaml: chainWords(soon) });
	const scheduled = (w) => w.said("Starting scheduled batch sync...").length;
	const shows = [quick, slow].map((w) => w.hide("missed"));
	for (const w of [quick, slow]) await w.revoke(7, "missed");
	for (const w of [quick, slow]) await w.waitFor(w.whole, "the block without its log");
	const [before, never] = [scheduled(quick), scheduled(slow)];
	for (const show of shows) show();
	await quick.waitFor(async () => (await quick.rows()).length === 1, "the missed one to come with the batch");
	await quick.waitFor(() => scheduled(quick) >= before + 3, "three more batches");
	assert.equal(scheduled(slow), never, "a quarter of an hour is not over");
	assert.deepEqual(await slow.rows(), []);
	// each batch reads the last interval, once
	const covering = (b) => quick.node.calls.filter((c) => c.method === "eth_getLogs" && (Number(c.params[0].fromBlock) <= b && Number(c.params[0].toBlock) >= b)).length;
	assert.ok(covering((await quick.rows())[0].block_number) >= 1);
	// configurable
	const sweep = async (env) => (await slow.run("listener", ["--print"], { env })).out.match(/^\s*sweep: *(\S+)/m)?.[1];
	assert.match(await sweep({}), /^(15m|900s|900000ms)$/);
	assert.match(await sweep({ BATCH_SYNC_INTERVAL_MINUTES: "7" }), /^(7m|420s|420000ms)$/);
	const none = await slow.run("listener", ["--check"], { env: { BATCH_SYNC_INTERVAL_MINUTES: "soon" } });
	assert.equal(none.code, 78, none.text);
	assert.match(none.err, /sweep/);
}
