export const name = "two of each program on one database: 100 events, each token once, no nonce twice; the spares take over from those that die";
// INV-4, INV-5, INV-8

import { programs } from "../lib/world.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "auto", env: { BATCH_TIMEOUT_MS: "100" } });
	await Promise.all(programs.flatMap((p) => [w.start(p), w.start(p, { name: `${p}2` })]));
	const ids = Array.from({ length: 100 }, (_, i) => i + 1);
	const check = async (upTo) => {
		for (const id of ids.slice(0, upTo)) assert.equal(await w.writes(id), 1, `token ${id}`);
		const bulks = await w.bulks();
		assert.ok(bulks.every((b) => b.ok));
		assert.deepEqual(bulks.map((b) => b.nonce), bulks.map((_, i) => bulks[0].nonce + i), "nonces: dense, none twice");
		assert.deepEqual(bulks.flatMap((b) => b.ids).sort((a, b) => a - b), ids.slice(0, upTo));
	};
	await w.revealEach(ids.slice(0, 40));
	await w.reveal(ids.slice(40, 50));
	await w.waitFor(() => w.codesSet(ids.slice(0, 50)), "fifty codes");
	await check(50);

	// one of each leads, and each lane has one holder
	const holders = await w.sql("SELECT name, split_part(holder, ':', 2)::int AS pid FROM fairlead.lane WHERE until > clock_timestamp() ORDER BY name");
	assert.equal(holders.length, 4);
	const leaders = w.all.filter((p) => holders.some((h) => h.pid === p.pid));
	assert.deepEqual(leaders.map((p) => p.program).sort(), [...programs].sort());

	// the leaders leave in the middle of the next events
	const [, ...raised] = await Promise.all([w.revealEach(ids.slice(50, 90)), ...leaders.map((p) => p.stop("SIGTERM"))]);
	assert.deepEqual(raised, [0, 0, 0, 0]);
	await w.reveal(ids.slice(90));
	await w.waitFor(() => w.codesSet(ids), "hundred codes by the spares");
	await check(100);
	assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.item")).n, 100);
	assert.equal((await w.one("SELECT count(*) AS n FROM companions.token_revealed")).n, 100);
}
