export const name = "a log that live reading missed, below the window: stored as late, with an alarm; rules see it when they say late: apply";

import { missed } from "../lib/missed.mjs";

async function below(t, late) {
	const { assert } = t;
	const w = await missed(t, { words: { final: 2, window: 4, sweep: null }, late });
	await w.logs(1);
	await w.waitFor(w.same, "what is read at the head");
	const block = (await w.head()) + 1;
	const show = w.omit(block);
	await w.logs(2);
	await w.waitFor(w.whole, "the block without its logs");
	for (let i = 0; i < 12; i++) await w.gap();
	await w.waitFor(async () => (await w.whole()) && (await w.one("SELECT floor FROM fairlead.chain")).floor >= block, "the window to move on");
	show();
	await w.stop("listener");
	const order = await w.order();
	const top = (await w.one("SELECT max(_seq) AS n FROM accesscontrol.signature_revoked")).n;
	await w.start("listener", { args: ["--replay", `${block - 1}..${block + 3}`] });
	await w.waitFor(() => w.lines("listener", "replay.done").length > 0, "the result");
	assert.equal(w.lines("listener", "replay.done")[0].text, `Re-read blocks ${block - 1}..${block + 3}: 2 events were missing`);
	await w.waitFor(w.whole, "both to be passed");
	const found = (await w.stored()).filter((e) => e.block === block);
	assert.deepEqual(found.map((e) => [e.late, e.swept, e.seq > top]), [[true, true, true], [true, true, true]]);
	assert.deepEqual(await w.missed(), { found: 2, odd: 1, reseats: 0 });
	assert.match((await w.one("SELECT what FROM fairlead.odd WHERE kind = 'missed'")).what, /2 events of net .* below the window/);
	const now = await w.order();
	assert.deepEqual(now.slice(0, order.length), order);
	assert.deepEqual(now.slice(order.length), late ? found.map((e) => e.hash.slice(-8)) : []);
	assert.deepEqual((await w.rows()).length, 1, "the other rule does not want them");
	// once more: nothing is missing any more
	await w.stop("listener");
	await w.start("listener", { args: ["--replay", `${block - 1}..${block + 3}`] });
	await w.waitFor(() => w.lines("listener", "replay.done").length > 1, "the second result");
	assert.match(w.lines("listener", "replay.done").at(-1).text, /: 0 events were missing$/);
	return w;
}

export default async function (t) {
	const { assert } = t;
	const w = await below(t, null);
	await below(t, "apply");
	// what was never read can't be read again
	await w.stop("listener");
	await w.start("listener", { args: ["--replay", `${w.block}..1000000`] });
	await w.waitFor(() => w.lines("listener", "replay.refused").length > 0, "the refusal");
	assert.match(w.lines("listener", "replay.refused")[0].text, /^Blocks \d+\.\.1000000 are not read again: blocks \d+\.\.\d+ were read so far; give a range within them$/);
	await w.logs(1);
	await w.waitFor(w.whole, "live reading goes on");
}
