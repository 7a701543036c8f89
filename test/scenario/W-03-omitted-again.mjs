export const name = "the endpoint that left out a log leaves it out again: what a sweep saw is waited for, and the block is not stored without it";

import { missed } from "../lib/missed.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await missed(t, { words: { sweep: "1s", retry: "{ first: 50ms, max: 200ms }" } });
	await w.logs(1);
	await w.waitFor(w.same, "what is read at the head");
	const block = (await w.head()) + 1;
	const byHash = (call) => call.params[0].blockHash !== undefined;
	const show = w.omit(block, byHash);
	await w.logs(2);
	await w.waitFor(async () => (await w.missed()).reseats === 1, "the sweep to find it by another question");
	const hash = (await w.scripted.rpc("eth_getBlockByNumber", [`0x${block.toString(16)}`, false])).hash;
	const asked = () => w.node.of("eth_getLogs").filter((c) => c.params[0].blockHash === hash).length;
	const from = asked();
	await w.waitFor(() => asked() >= from + 4, "it to be asked for again and again");
	assert.ok((await w.one("SELECT done FROM fairlead.chain")).done < block, "never stored without");
	const ready = await w.health("listener", "/readyz");
	assert.equal(ready.status, 503);
	assert.match(ready.body, new RegExp(`lacks a log of block ${block}`));
	await w.heard("listener", /lacks a log of block/);
	show();
	await w.waitFor(w.same, "the block with its logs");
	assert.deepEqual(await w.missed(), { found: 2, odd: 1, reseats: 1 });
}
