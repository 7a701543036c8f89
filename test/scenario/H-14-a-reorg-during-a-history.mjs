export const name = "a reorg inside the window while a history waits for the floor: the chain's own reading brings what lies above the ancestor, the history what lies below, each once; one by one and again";
// R4, R5, INV-3

import { names, past, pastWorld } from "../lib/past.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await pastWorld(t);
	const other = await w.place();
	const a = { name: "A", address: w.address, start: w.block }, b = { name: "B", address: other.address, start: other.block };
	const say = (address, hash) => w.at(address, () => w.announce(7, hash));
	const raw = async (receipts) => Promise.all(receipts.map((r) => w.chain.rpc("eth_getRawTransactionByHash", r.transactionHash)));
	const stays = { A: [], B: [] };
	const both = async (h) => {
		stays.A.push(`our ${h}`), stays.B.push(`their ${h}`);
		return [...(await say(other.address, `their ${h}`)), ...(await say(w.address, `our ${h}`))];
	};
	for (const h of names("old", 10)) await both(h);
	w.become(past([a], { window: 16 }));
	await w.start("batcher", { wait: "alive" });
	await w.start("listener");
	await w.waitFor(w.whole, "the head");

	// the last three blocks of this will go; the transactions of the first return, together and higher up
	const before = await w.chain.rpc("evm_snapshot"), ancestor = await w.head();
	const back = await raw([...(await both("returns"))]);
	const lost = await raw(await say(other.address, "their lost"));
	await w.waitFor(w.whole, "the head");
	w.become(past([a, b], { window: 16 }));
	await w.restart("batcher");
	await w.restart("listener");
	const [h] = await w.waitFor(async () => (await w.histories()).length === 1 && w.histories(), "its history");
	assert.equal(h.last, ancestor + 3);
	lost.push(...(await raw(await say(other.address, "their live lost"))));
	await w.waitFor(async () => (await w.counted("B")).some((r) => r.hash === w.hash("their live lost")), "what is live");
	await w.waitFor(async () => (await w.histories())[0].done === (await w.one("SELECT floor FROM fairlead.chain")).floor, "all that may be read");
	assert.ok((await w.histories())[0].done < ancestor, "it waits for the floor");

	assert.equal(await w.chain.rpc("evm_revert", before), true);
	await w.chain.rpc("evm_increaseTime", 7);
	await w.mine();
	for (const r of back) await w.chain.rpc("eth_sendRawTransaction", r);
	await w.mine(5);
	await w.waitFor(async () => (await w.one("SELECT count(*) AS n FROM fairlead.reorg")).n > 0, "the reorg");
	await w.waitFor(async () => (await w.histories())[0].last === ancestor, "its end to stand at the ancestor");
	await w.waitFor(w.whole, "the head");
	const live = (await w.counted("B")).filter((r) => r.seq > 0);
	assert.deepEqual(live.map((r) => r.hash), [w.hash("their returns")], "the chain's own reading has what came back, and lost what is lost");

	// again, while nothing of it is read further: its end stays
	const top = await w.chain.rpc("evm_snapshot");
	for (const r of lost) await w.chain.rpc("eth_sendRawTransaction", r);
	await w.mine(2);
	await w.waitFor(async () => (await w.counted("B")).some((r) => r.hash === w.hash("their live lost")), "the events that go");
	assert.equal(await w.chain.rpc("evm_revert", top), true);
	await w.chain.rpc("evm_increaseTime", 9);
	await w.mine(4);
	await w.waitFor(async () => (await w.one("SELECT count(*) AS n FROM fairlead.reorg")).n > 1, "the second reorg");
	assert.equal((await w.histories())[0].last, ancestor);
	await w.waitFor(async () => (await w.mine(), w.joined()), "it to join");
	await w.once("A", stays.A);
	await w.once("B", stays.B);
	assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.retraction WHERE seq < 0")).n, 0, "no reorg takes what a history has read");
	assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.odd WHERE kind <> 'was_final'")).n, 0);
}
