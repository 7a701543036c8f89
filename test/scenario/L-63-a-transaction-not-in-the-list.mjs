export const name = "a log whose transaction the block does not list (Polygon's state sync) is the same event however its block is read";
// R3, INV-2: an answer by hash comes with the list, one by range does not

import { reading } from "../lib/reading.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await reading(t, { chain: { sweep: "1s" } });
	const { n } = w;
	await w.book(3, 2);
	await w.start("listener");
	await w.waitFor(w.agrees, "the history");
	const at = (await n.head()) + 1;
	const all = [...w.ours, w.oracle];
	await n.do([{ lie: { on: all, kind: "forge", field: "transactionHash", value: `0x${"c5".repeat(32)}`, from: at, to: at } }, { lie: { on: all, kind: "forge", field: "transactionIndex", value: "0x3", from: at, to: at } }]);
	await w.book(1, 3);
	await w.waitFor(w.agrees, "a block with such logs, read by its hash");
	await w.book(1, 1);
	await w.waitFor(async () => (await w.one("SELECT swept_to::int AS to FROM fairlead.chain")).to > at, "a sweep by range");
	const live = await w.rows();
	assert.deepEqual(await w.reorgs(), []);
	await w.stop("listener");
	await w.start("listener", { args: ["--replay", `1..${at}`] });
	await w.waitFor(() => w.lines("listener", "replay.done").length, "all of it by range once more");
	assert.match(w.lines("listener", "replay.done").at(-1).text, /: 0 events were missing/);
	assert.deepEqual(await w.rows(), live);
	assert.deepEqual(await w.reorgs(), []);
}
