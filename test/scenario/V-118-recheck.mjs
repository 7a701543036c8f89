export const name = "the hourly comparison: a row that the contract no longer knows goes, the others stay; a whole table that differs is told and left alone";

import { chainWords, soon } from "../lib/world.mjs";

export default async function (t) {
	const { assert } = t;
	const often = (text) => chainWords({ ...soon, final: 1 })(text).replace("every: 1h", "every: 1s");
	const w = await t.world({ app: "vcel", mining: "manual", fleet: ["listener", "batcher", "reconciler"], yaml: often });
	await w.revokeMany(7, 60);
	await w.revoke(8, "forgotten");
	await w.mine(5);
	await w.waitFor(async () => (await w.rows()).length === 61, "61 rows");
	await w.act("forget", 8, w.hash("forgotten"));
	await w.mine(5);
	await w.waitFor(async () => (await w.rows(8)).length === 0, "the forgotten one to go");
	assert.equal((await w.rows(7)).length, 60);

	// more than the few of a hundred that may be corrected
	const v = await t.world({ app: "vcel", mining: "manual", fleet: ["listener", "batcher"], yaml: often });
	const some = ["a", "b", "c"];
	await v.revokeMany(8, some);
	for (const s of some) await v.act("forget", 8, v.hash(s));
	await v.mine(5);
	await v.waitFor(v.whole, "the rows");
	await v.start("reconciler");
	await v.waitFor(async () => (await v.one("SELECT differences FROM fairlead.clock WHERE name = 'recheck'")).differences === 3, "the differences to be told");
	assert.equal((await v.rows(8)).length, 3);
}
