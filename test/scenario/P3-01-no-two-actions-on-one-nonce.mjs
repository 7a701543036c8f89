export const name = "P3: eight submitters, one pool of four keys: no two actions on one nonce, dense, each item once, and the keys share the work";
export const limit = 300;
// P3, INV-5, INV-8. ACTIONS=2000: as many as the promise says.

import { poolOf } from "../lib/pools.mjs";

export default async function (t) {
	const { assert } = t;
	const actions = Number(process.env.ACTIONS || 200), keys = 4;
	const p = await poolOf(t, { keys, batch: { max: 2 }, signer: { window: 16 } });
	await Promise.all(["listener", "batcher", "reconciler"].map((x) => p.w.start(x, { wait: false })));
	await Promise.all(Array.from({ length: 8 }, () => p.submitter(undefined, { wait: "alive" })));
	await p.spread([1, 1, 1, 1]);
	for (let left = 2 * actions; left > 0; left -= 100) await p.wave(Math.min(left, 100));
	await p.settled(240000);
	const { shares, attempts, lost } = await p.judge();
	assert.ok(attempts >= actions);
	assert.ok(Math.min(...shares) >= actions / keys / 3, `the keys share the work: ${shares}`);
	assert.ok(lost <= 4, `${lost} races were lost`); // claims: what another lane has read is not read
	// P16: on each lane the nonces are in the order of items
	const first = await p.w.sql("SELECT a.signer, a.nonce, min(x.item)::int AS item FROM fairlead.attempt a JOIN fairlead.attempt_item x ON x.hash = a.hash WHERE a.n = 1 GROUP BY 1, 2 ORDER BY 1, 2");
	first.forEach((a, i) => assert.ok(i === 0 || first[i - 1].signer.compare(a.signer) !== 0 || first[i - 1].item < a.item, `nonce ${a.nonce} is before its turn`));
	await p.spread([1, 1, 1, 1]);
	t.note(`${attempts} attempts, ${shares.join(" + ")}, ${lost} races lost`);
}
