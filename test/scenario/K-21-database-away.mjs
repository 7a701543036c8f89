export const name = "PostgreSQL stopped for ten seconds under traffic: every program waits and says so, then nothing is lost and nothing done twice";

import { programs } from "../lib/world.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ pg: "own", fleet: "all", mining: "auto", env: { BATCH_TIMEOUT_MS: "50" } });
	const pids = w.all.map((p) => p.pid);
	await w.reveal([1, 2, 3]);
	await w.waitFor(() => w.codesSet([1, 2, 3]), "three codes");

	// it goes away with a batch on its way, events keep coming
	const hold = w.node.hold("eth_sendRawTransaction");
	await w.batchReveal([4, 5, 6]);
	await w.waitFor(() => hold.list.length, "a transaction on its way");
	await w.pg.stop("fast");
	hold.release();
	await w.revealEach([7, 8, 9, 10, 11, 12, 13]);
	for (const p of programs) {
		await w.waitFor(async () => {
			const r = await w.health(p);
			return r.status === 503 && /PostgreSQL/.test(r.body);
		}, `${p} to miss PostgreSQL`);
		assert.equal((await w.health(p, "/livez")).status, 200);
	}
	await w.waitFor(async () => Number((await w.health("listener")).body.match(/PostgreSQL has not answered for (\d+) s/)[1]) >= 10, "ten seconds of it, as the listener counts them");
	await w.batchReveal([14, 15]);

	await w.pg.start();
	for (const p of programs) {
		await w.waitFor(async () => (await w.health(p)).status === 200, `${p} to be ready again`);
		assert.ok(w.lines(p, "pg.down").length >= 1 && w.lines(p, "pg.up").length >= 1);
	}
	await w.reveal([16]);
	const ids = Array.from({ length: 16 }, (_, i) => i + 1);
	await w.waitFor(() => w.codesSet(ids), "sixteen codes");
	for (const id of ids) assert.equal(await w.writes(id), 1, `token ${id}`);
	await w.waitFor(async () => (await w.mine()) && (await w.one("SELECT count(*) AS n FROM fairlead.item WHERE state = 'done'")).n === 16, "sixteen final items");
	assert.equal((await w.one("SELECT count(*) AS n FROM companions.token_revealed")).n, 11);
	assert.equal((await w.one("SELECT count(*) AS n FROM companions.tokens_revealed")).n, 2);
	const bulks = await w.bulks();
	assert.deepEqual(bulks.flatMap((b) => b.ids).sort((a, b) => a - b), ids);
	assert.deepEqual(bulks.map((b) => b.nonce), bulks.map((_, i) => bulks[0].nonce + i));
	assert.deepEqual(w.all.map((p) => p.running && p.pid), pids, "no program had to be started again");
}
