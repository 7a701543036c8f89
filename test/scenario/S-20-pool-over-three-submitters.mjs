export const name = "four keys over three submitters: spread evenly, moved when one dies, freezes or is restarted under load, and a newcomer gets its share; each item once";
export const limit = 240;
// P3, P5, P19, INV-8

import { poolOf } from "../lib/pools.mjs";

export default async function (t) {
	const { assert } = t;
	const p = await poolOf(t, { keys: 4 }), w = p.w;
	await Promise.all(["listener", "batcher", "reconciler"].map((x) => w.start(x, { wait: false })));
	const first = await p.submitter("one");
	await p.spread([4]);
	const two = await p.submitter("two");
	await p.spread([2, 2]); // without a crash of the first
	const three = await p.submitter("three");
	const held = await p.spread([1, 1, 2]);
	assert.equal(await w.metric("three", "fairlead_submitters"), 3);
	const given = await w.sql("SELECT name, epoch FROM fairlead.lane WHERE name LIKE 'send:%' ORDER BY 1");
	await p.wave(40);

	// killed: its lanes go to the others at once, not when its lease runs out
	const fullest = [first, two, three].find((x) => held[x.pid]?.length === 2);
	await fullest.kill9();
	await p.wave(40);
	await p.spread([2, 2], "the lanes of the dead to be taken", 8000);
	const four = await p.submitter("four");
	await p.spread([1, 1, 2]);

	// frozen past its lease: the others take its lanes; when it wakes it finds that it leads no more
	const frozen = [first, two, three, four].find((x) => x.running);
	const lanes = (await p.held())[frozen.pid].length;
	frozen.freeze();
	await p.wave(40);
	await w.waitFor(async () => {
		await w.sql("UPDATE fairlead.lane SET until = '-infinity' WHERE holder LIKE $1", [`%:${frozen.pid}`]);
		await w.sql("UPDATE fairlead.seat SET until = '-infinity' WHERE holder LIKE $1", [`%:${frozen.pid}`]); // as if ten seconds had passed
		return !(await p.held())[frozen.pid];
	}, "the lanes of the frozen one to be taken");
	await p.spread([2, 2]);
	frozen.thaw();
	await w.waitFor(() => frozen.lines("lease.lost").length >= lanes, "the one that woke to notice");
	assert.deepEqual(frozen.lines("lane.halted").map((l) => l.raw), [], "nonces that another process used are no riddle");
	await p.spread([1, 1, 2], "it to get its share again");

	// a rolling restart under load: each ends with 0, and what it held is elsewhere at once
	let running = [first, two, three, four].filter((x) => x.running);
	for (let i = 0; i < 4; i++) {
		await p.wave(20);
		const old = running.shift();
		const fresh = p.submitter(`roll${i}`, { wait: "alive" });
		assert.equal(await old.stop(), 0, `${old.name} drained`);
		running.push(await fresh);
	}
	await p.settled(60000);
	const { shares } = await p.judge();
	await p.spread([1, 1, 2]);
	const epochs = await w.sql("SELECT name, epoch FROM fairlead.lane WHERE name LIKE 'send:%' ORDER BY 1");
	const moves = epochs.reduce((sum, l, i) => sum + l.epoch - given[i].epoch, 0);
	assert.ok(moves <= 40, `${moves} moves: they flap`);
	t.note(`${shares.join(" + ")}, ${moves} moves`);
}
