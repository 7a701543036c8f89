export const name = "P1: kill -9 at every named fault point (F-01a, D-04, D-05 and the cells run here), then a hundred at random moments: one effect an item, every mined transaction of the signer an attempt of one slot";
export const limit = 180;

import { judge, miner, prepare, runSome, settled } from "../certify/cell.mjs";
import { cells, points } from "../certify/cells.mjs";
import { faultPoints, walked } from "../lib/faults.mjs";
import { programs } from "../lib/world.mjs";

const KILLS = 100;

// A small generator, so that a seed says it all: P1_SEED=n repeats a run.
function generator(seed) {
	let x = seed >>> 0;
	return (n) => {
		x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
		return Math.floor((x / 2 ** 32) * n);
	};
}

export default async function (t) {
	const seed = Number(process.env.P1_SEED ?? Date.now() % 1e6), random = generator(seed);
	t.note(`P1_SEED=${seed}`);
	const rest = points.filter((id) => !walked(id));
	await runSome(t, rest.map((id) => `${id}:kill:honest`).filter((id) => cells.some((c) => c.id === id)));

	const c = await prepare(t), { w } = c;
	const all = await faultPoints(w);
	t.assert.deepEqual(all.filter(({ id }) => !walked(id) && !rest.includes(id) && !/^(request|job)_/.test(id)).map((p) => p.name), [], "points that no row passes");
	c.miner = miner(c.n);
	const running = {};
	for (const p of programs) running[p] = await w.supervise(p, { wait: false });
	const looks = ["SELECT coalesce(max(done), 0) AS n FROM fairlead.chain", "SELECT coalesce(max(id), 0) AS n FROM fairlead.batch", "SELECT coalesce(max(nonce), 0) AS n FROM fairlead.attempt", "SELECT count(*) AS n FROM fairlead.verdict"];
	try {
		for (let i = 0; i < KILLS; i++) {
			const s = running[programs[random(4)]], look = looks[random(4)];
			const at = async () => (await w.one(look).catch(() => ({ n: 0 }))).n;
			const before = await at(), deaths = s.deaths;
			await c.wave(2);
			await c.until(async () => (await at()) > before, `the fleet to move (P1_SEED=${seed}): ${look}`);
			await s.now.kill9();
			await c.until(() => s.deaths > deaths && s.now.running, "the killed one to be started again");
		}
		await c.until(() => settled(c), () => `all to be final (P1_SEED=${seed}); now ${c.now}`, 40000);
		await judge(c);
	} finally {
		await c.miner.stop().catch(() => {});
	}
	t.note(`${rest.length} points, ${KILLS} kills, ${c.waved} items`);
}
