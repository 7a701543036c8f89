export const name = "items whose events a reseat moves: none is made twice, none is dropped, each is sent once, and the missed one comes to the others";

import { quickEnv, withoutSkip } from "../lib/faults.mjs";

export default async function (t) {
	const { assert } = t;
	const yaml = (text) => withoutSkip(text).replace(/^( {4}rpc:.*\n)/m, "$1    sweep: 1s\n");
	const w = await t.world({ mining: 0.25, fleet: "all", yaml, env: quickEnv });
	const seen = (l) => l.topics?.[1] === undefined || Number(l.topics[1]) !== 1;
	const off = [w.node.on("eth_getLogs", async (call, next) => (await next()).filter(seen)), w.node.push((m) => (seen(m.params?.result ?? {}) ? m : null))];
	await w.revealEach([1]);
	await w.revealEach([2, 3, 4]);
	await w.waitFor(() => w.codesSet([2, 3, 4]), "those behind the missed one");
	assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.item")).n, 3);
	for (const f of off) f();
	await w.revealEach([5, 6]);
	await w.waitFor(() => w.codesSet([1, 2, 3, 4, 5, 6]), "all six");
	assert.ok((await w.one("SELECT count(*) AS n FROM fairlead.reorg WHERE reason = 'reseat'")).n >= 1);
	assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.reorg WHERE reason = 'reorg'")).n, 0);
	await w.waitFor(async () => (await w.one("SELECT count(*) AS n FROM fairlead.item WHERE state = 'done' AND cause IS NOT NULL")).n === 6, "six items to be done");
	for (const id of [1, 2, 3, 4, 5, 6]) assert.equal(await w.writes(id), 1, `token ${id}`);
	assert.deepEqual(await w.one("SELECT (SELECT count(*) FROM fairlead.item) AS items, (SELECT count(*) FROM fairlead.batch WHERE state = 'dropped') AS dropped, (SELECT count(*) FROM fairlead.orphaned) AS orphaned, (SELECT count(*) FROM fairlead.odd WHERE kind = 'orphaned') AS told"),
		{ items: 6, dropped: 0, orphaned: 0, told: 0 });
}
