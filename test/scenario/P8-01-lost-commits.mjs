export const name = "P8: an older copy of PostgreSQL is restored: the signer halts and says so, by the stream's top, by what it knew, and by what the chain shows of its own calls";

import { rmSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { box } from "../lib/box.mjs";

export default async function (t) {
	const { assert } = t;
	const b = await box(t, { pg: "own" });
	const { w, n } = b;
	const copy = `${w.pg.data}.older`;
	const exact = (from, to) => {
		rmSync(to, { recursive: true, force: true });
		assert.equal(spawnSync("cp", ["-a", from, to]).status, 0);
	};
	const restored = async () => {
		await w.pg.stop();
		exact(copy, w.pg.data);
		await w.pg.start();
	};
	const says = (what) => w.waitFor(async () => what.test(await b.halt()), `the lane to say ${what}`);
	await b.start("listener", "batcher", "submitter", "reconciler");
	await b.put([1]);
	await b.mined(async () => (await b.items())[1] === "done", "the first item to be done");
	await w.waitFor(async () => (await w.one("SELECT count(*) AS n FROM fairlead.slot WHERE closed IS NULL")).n === 0, "its slot to be closed");
	await w.pg.stop();
	exact(w.pg.data, copy);
	await w.pg.start();

	// signed, sent, unmined; then the database is as it was before
	await b.put([2], { pool: false });
	await w.waitFor(async () => (await n.raws({ from: b.signer, nonce: 6 })).length > 0, "nonce 6 to leave");
	const left = async () => new Set((await n.raws({ from: b.signer })).map((r) => r.hash)).size; // the same bytes may leave again
	const before = await left();
	await w.stop("batcher"); // else it cuts a batch of that number anew
	await restored();
	await says(/its next nonce was 7, and PostgreSQL says 6 now: PostgreSQL lost commits/);
	assert.match((await w.health("submitter")).body, /is halted/);

	// another process knows nothing of it: the stream does
	await w.kill9("submitter");
	await w.start("submitter", { wait: "alive" });
	await says(/batch 2 was rung on Redis, and PostgreSQL knows none above 1: PostgreSQL lost commits/);

	// nor Redis: the chain shows a call of ours that no slot has
	await w.kill9("submitter");
	await w.redis("FLUSHALL");
	await w.start("submitter", { wait: "alive" });
	await says(/waits: the node has transactions of this key pending/);
	await b.mine();
	await says(/nonce 6 was used in block \d+ by transaction 0x[0-9a-f]+ of this key, which makes a call of ours/);
	await w.start("batcher");
	await w.waitFor(async () => (await b.items())[2] === "batched", "the item to be batched anew");
	await b.mine(5);
	await says(/which makes a call of ours/);
	assert.equal(await left(), before, "nothing new was sent");
	assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.attempt")).n, 1, "nothing was signed");
	for (const id of [1, 2]) assert.equal((await b.effects())[id], 1);
}
