export const name = "a log that was heard must stand in the answer about its block: one that leaves it out is asked again elsewhere; what no answer holds is given up; one heard too late is looked for at once";
// R1: logs heard for a block hash are a lower bound

import { reading } from "../lib/reading.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await reading(t, { endpoints: 2, ws: true, chain: { sweep: "1h" } });
	const { n } = w;
	await n.do({ set: { on: w.ours, order: "logs-heads" } });
	await w.book(3, 2);
	await w.start("listener");
	await w.waitFor(w.agrees, "the history");
	await w.waitFor(async () => (await w.sql("SELECT 1 FROM fairlead.chain WHERE listening AND NOT catching_up")).length, "the sockets to be heard");
	const said = (ev) => w.lines("listener", ev).length;

	// the first log of two: no bloom shows that it is not there
	for (let i = 0; i < 2; i++) {
		await n.do({ lie: { on: 0, kind: "omit", log: 0, id: "one" } });
		await w.book(1, 2);
		await w.waitFor(w.agrees, "a log that one endpoint leaves out");
		await n.do({ truth: "one" });
	}
	await n.do([{ lie: { on: 1, in: "pushes", kind: "empty", id: "deaf" } }, { lie: { on: 0, kind: "omit", log: 0, id: "one" } }]);
	await w.book(1, 2);
	await w.waitFor(w.agrees, "a log that the endpoint leaves out that told it");
	await n.do({ truth: "one" });
	await n.do({ truth: "deaf" });
	// all of them
	await n.do({ lie: { on: 0, kind: "empty", id: "all" } });
	await w.book(1, 2);
	await w.waitFor(w.agrees, "an empty answer");
	await n.do({ truth: "all" });
	assert.ok(said("provider.lied") > 0, "who left it out is known");

	// both leave it out for a while: never stored without
	await n.do({ lie: { on: w.ours, kind: "omit", log: 0, times: 3, id: "both" } });
	await w.book(1, 3);
	await w.waitFor(w.agrees, "a log that both leave out for a while");
	await n.do({ truth: "both" });
	assert.deepEqual(await w.reorgs(), [], "nothing was stored that had to be taken back");
	assert.equal(said("heard.false") + said("heard.missed"), 0);

	// a subscription that makes one up does not stop the chain
	await n.do({ lie: { on: w.ours, in: "pushes", kind: "forge", field: "logIndex", value: "0x77", times: 1, id: "up" } });
	await w.book(1, 2);
	await w.waitFor(w.agrees, "a block with a log that was made up");
	await n.do({ truth: true });
	assert.ok(said("heard.false") > 0);

	// told after the block was read: the sweep does not wait for its time
	await n.do([{ lie: { on: w.ours, kind: "omit", log: 1 } }, { lie: { on: w.ours, in: "pushes", kind: "omit", log: 1 } }]);
	await w.book(1, 3);
	const block = Number(await n.rpc("eth_blockNumber", [], w.oracle));
	await w.waitFor(async () => (await w.done()) === block, "the block without one of its logs");
	assert.equal((await w.rows()).length, (await w.truth()).length - 1);
	await n.do({ truth: true });
	const [, log] = await n.rpc("eth_getLogs", [{ fromBlock: `0x${block.toString(16)}` }], w.oracle);
	await n.do({ push: { on: 0, message: { jsonrpc: "2.0", method: "eth_subscription", params: { subscription: "logs", result: log } } } });
	await w.waitFor(w.agrees, "what was heard too late");
	assert.equal(said("heard.missed"), 1);
	assert.deepEqual((await w.reorgs()).map((r) => r.reason), ["reseat"]);
}
