export const name = "real time and batches fill one table: each alone suffices, and what both bring stands there once; on anvil and on hardhat";

import { chainWords, soon } from "../lib/world.mjs";

const old = ["old 1", "old 2", "old 3"];
const fresh = ["new 1", "new 2", "new 3"];
const hashes = (w, list) => list.map(w.hash).sort();
const kept = async (w) => (await w.rows()).map((r) => r.signature_hash).sort();

async function both(t, chain) {
	const { assert } = t;
	const w = await t.world({ app: "vcel", chain, mining: "manual", yaml: chainWords({ ...soon, sweep: "1s" }) });
	await w.revoke(7, ...old);
	await w.start("batcher", { wait: "alive" });
	await w.start("listener");
	await w.waitFor(async () => (await kept(w)).length === 3, `${chain}: the batch to bring what is old`);
	assert.deepEqual(await kept(w), hashes(w, old));
	for (const s of fresh) {
		await w.revoke(7, s);
		await w.waitFor(w.whole, `${chain}: ${s}`);
	}
	assert.deepEqual(await kept(w), hashes(w, [...old, ...fresh]));
	const whole = await w.source();
	assert.deepEqual([whole.live, whole.swept], [3, 3], chain);

	// the interval is read again, and nothing comes of it
	const done = w.said(/^Batch sync complete/).length;
	const [, last] = [await w.mine(), await w.head()];
	await w.waitFor(() => w.said(new RegExp(`^Batch sync complete: 0 new revocations, synced to block ${last}$`)).length > 0 && w.said(/^Batch sync complete/).length >= done + 2, `${chain}: what is new to be read again`);
	assert.deepEqual(await kept(w), hashes(w, [...old, ...fresh]));
	assert.equal((await w.one("SELECT count(*) AS n FROM accesscontrol.signature_revoked")).n, 6);
	assert.deepEqual(await w.source().then((s) => [s.live, s.swept]), [3, 3]);
}

async function alone(t) {
	const { assert } = t;
	// only batches: what is new is never told, heads come too late
	const w = await t.world({ app: "vcel", mining: "manual", fleet: ["listener", "batcher"], yaml: chainWords({ ...soon, sweep: "1s" }) });
	const shows = fresh.map((s) => w.hide(s));
	await w.revoke(7, ...fresh);
	await w.waitFor(w.whole, "the block without its logs");
	assert.deepEqual(await kept(w), []);
	for (const show of shows) show();
	await w.waitFor(async () => (await kept(w)).length === 3, "the batch to bring what real time missed");
	assert.deepEqual(await kept(w), hashes(w, fresh));
	// only real time: no batch within this test
	const v = await t.world({ app: "vcel", mining: "manual", fleet: ["listener", "batcher"], yaml: chainWords(soon) });
	for (const s of fresh) {
		await v.revoke(7, s);
		await v.waitFor(v.whole, s);
	}
	assert.deepEqual(await kept(v), hashes(v, fresh));
	assert.deepEqual(await v.source().then((s) => [s.live, s.swept]), [3, 0]);
}

export default async function (t) {
	await both(t, "anvil");
	await both(t, "hardhat");
	await alone(t);
}
