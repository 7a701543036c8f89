export const name = "a where: that is widened, taken away, narrowed: what it lets in later gets its past once, what stood there stays as it was; what is let in no more comes back with the time between";
// R4

import { names, past, pastWorld } from "../lib/past.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await pastWorld(t);
	const file = (locks) => past([{ name: "A", address: w.address, start: w.block, ...(locks ? { locks } : {}) }]);
	const said = { 1: [], 2: [], 3: [] };
	const say = async (lock, hash) => {
		said[lock].push(hash);
		await w.announce(lock, hash);
	};
	for (const h of names("old", 15)) for (const lock of [1, 2, 3]) await say(lock, `${h} of ${lock}`);
	const with_ = async (locks) => {
		w.become(file(locks));
		await w.restart("batcher");
		await w.restart("listener");
	};
	w.become(file([1]));
	await w.start("batcher", { wait: "alive" });
	await w.start("listener");
	await w.waitFor(w.whole, "the head");
	await w.once("A", said[1]);
	const before = await w.counted("A");

	// wider: rows of lock 1 stand there already
	await with_([1, 2]);
	await say(2, "live of 2");
	await say(1, "live of 1");
	await w.waitFor(async () => (await w.mine(), w.joined()), "lock 2 to join");
	await w.once("A", [...said[1], ...said[2]]);
	assert.deepEqual((await w.counted("A")).slice(0, before.length), before, "what stood there was left alone");
	assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.histories")).n, 1);
	const s = await w.source2("A.SignatureRevoked");
	assert.equal(s.live + s.swept, said[1].length + said[2].length, "rows are counted once");

	// the same in another order is the same
	w.node.forget();
	await with_([2, 1]);
	await w.mine();
	await w.waitFor(w.whole, "the head");
	assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.histories")).n, 1);

	// narrower for a while, then all: what was said meanwhile comes, too
	await with_([1]);
	await say(2, "unheard of 2");
	await say(3, "unheard of 3");
	await w.waitFor(w.whole, "the head");
	await with_(null);
	await say(3, "live of 3");
	await w.waitFor(async () => (await w.mine(), w.joined()), "all to join");
	await w.once("A", [...said[1], ...said[2], ...said[3]]);
	assert.deepEqual(await w.sql("SELECT _block, _id FROM fairlead.event GROUP BY 1, 2 HAVING count(*) > 1"), []);
}
