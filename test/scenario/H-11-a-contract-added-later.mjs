export const name = "a contract that the file gains later: its events from its start on become rows and effects once, in their order, while the old contract's go on; kill -9 of both goes on where it was";
// R4, INV-8, INV-9

import { inOrder, names, past, pastWorld } from "../lib/past.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await pastWorld(t);
	const old = w.address, other = await w.place();
	const a = { name: "A", address: old, start: w.block }, b = { name: "B", address: other.address, start: other.block, final: true };
	w.become(past([a]));
	const mine = [], theirs = [];
	const say = async (address, list, hash) => {
		list.push(hash);
		await w.at(address, () => w.announce(7, hash));
	};
	for (const h of names("old", 40)) {
		await say(other.address, theirs, `their ${h}`);
		await say(old, mine, `our ${h}`);
	}
	await w.start("batcher", { wait: "alive" });
	await w.start("listener");
	await w.waitFor(w.whole, "the head");
	await w.once("A", mine);
	assert.deepEqual(await w.histories(), [], "a fresh chain has none");

	// the node answers for the first half only: the history is cut off in its middle
	w.become(past([a, b], { run: 7 }));
	const half = Math.floor((other.block + (await w.head())) / 2);
	let open;
	const opened = new Promise((done) => (open = done));
	const off = w.node.on("eth_getLogs", async (call, next) => {
		if (Number(call.params[0].toBlock ?? 0) > half) await opened;
		return next();
	});
	await w.restart("batcher");
	await w.restart("listener");
	const [h] = await w.waitFor(async () => (await w.histories()).length === 1 && w.histories(), "its history");
	assert.deepEqual([h.events, h.first, h.last], [["B.SignatureRevoked"], other.block, await w.head()]);
	assert.match(w.log("listener"), /ev=history\.begin .*B\.SignatureRevoked/);

	// live goes on beside it
	await say(old, mine, "our live");
	await say(other.address, theirs, "their live");
	await w.waitFor(async () => (await w.counted("A")).length === mine.length, "the live event of the old contract");
	await w.waitFor(async () => (await w.counted("B")).some((r) => r.seq < 0), "the first effects of the past");
	await w.programs.listener.kill9();
	await w.programs.batcher.kill9();
	const left = (await w.histories())[0];
	assert.ok(left.done >= other.block && left.done <= half, `in its middle: ${left.done}`);
	w.node.forget();
	off(), open();
	await w.start("batcher");
	await w.start("listener");
	await w.waitFor(async () => (await w.histories())[0].done > left.done, "it to go on");
	assert.ok(w.ranges().every(([x]) => x > left.done), "what was read is not read again");
	assert.equal((await w.histories())[0].first, other.block, "the same history");

	// it ends where the new file began: those blocks wait until the floor has passed them
	await w.waitFor(async () => (await w.histories())[0].done === (await w.one("SELECT least(floor, $1) AS x FROM fairlead.chain", [h.last])).x, "all that may be read");
	if ((await w.histories())[0].ended === null) assert.equal((await w.one("SELECT history_left > 0 AS x FROM fairlead.sources WHERE event LIKE 'B.%'")).x, true);
	await w.waitFor(async () => (await w.mine(), w.joined()), "it to join");
	await say(other.address, theirs, "their last");
	await w.waitFor(async () => (await w.mine(), (await w.counted("B final")).length === theirs.length), "the effects of final rules");
	assert.equal((await w.one("SELECT history_left AS x FROM fairlead.sources WHERE event LIKE 'B.%'")).x, null);
	assert.match(w.log("listener"), /ev=history\.end .*B\.SignatureRevoked/);

	await w.once("A", mine);
	const rows = await w.once("B", theirs);
	await w.once("B final", theirs);
	const early = rows.filter((r) => r.seq < 0), live = rows.filter((r) => r.seq > 0);
	assert.ok(early.length >= 40 && live.length >= 1, `${early.length} of the past, ${live.length} live`);
	assert.ok(early.every((r) => r.block <= h.last) && live.every((r) => r.block > h.last));
	for (const list of [early, live]) for (const by of ["seq", "block"]) assert.ok(inOrder(list, by), `the order of ${by}`);
	assert.deepEqual(await w.sql("SELECT _id FROM fairlead.event GROUP BY 1 HAVING count(*) > 1"), []);
	assert.deepEqual(await w.sql("SELECT _seq FROM fairlead.event GROUP BY 1 HAVING count(*) > 1"), []);

	// nothing is read again when nothing has changed
	w.node.forget();
	await w.restart("listener");
	await w.mine();
	await w.waitFor(w.whole, "the head");
	assert.deepEqual(w.ranges().filter(([x]) => x <= h.last), []);
	assert.equal((await w.histories()).length, 1);
}
