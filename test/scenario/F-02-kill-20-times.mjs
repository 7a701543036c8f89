export const name = "twenty kill -9 of a random program at random moments during 300 reveals: each token has one item and one write";
export const limit = 180;

import { exactlyOnce, quickEnv, withoutSkip } from "../lib/faults.mjs";
import { programs } from "../lib/world.mjs";

// A small generator, so that a seed says it all: F02_SEED=n repeats a run.
function generator(seed) {
	let x = seed >>> 0;
	return (n) => {
		x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
		return Math.floor((x / 2 ** 32) * n);
	};
}

export default async function (t) {
	const seed = Number(process.env.F02_SEED ?? Date.now() % 1e6);
	t.note(`F02_SEED=${seed}`);
	const random = generator(seed);
	try {
		const w = await t.world({ mining: 0.25, yaml: withoutSkip, env: quickEnv });
		const running = {};
		for (const p of programs) running[p] = await w.supervise(p);
		const ids = Array.from({ length: 300 }, (_, i) => i + 1);
		let kills = 0;
		for (let i = 0; i < ids.length; i += 5) {
			await w.revealEach(ids.slice(i, i + 5), { wait: false });
			// three kills in nine turns, each when so many blocks, batches or attempts more are there: never by the clock
			if (i % 15 === 0) {
				const s = running[programs[random(4)]];
				const past = random(3);
				const look = ["SELECT done AS n FROM fairlead.chains", "SELECT coalesce(max(id), 0) AS n FROM fairlead.batch", "SELECT coalesce(max(nonce), 0) AS n FROM fairlead.attempt"][past];
				const before = (await w.one(look)).n;
				await w.waitFor(async () => (await w.one(look)).n > before, "the fleet to move", 30000);
				const deaths = s.deaths;
				await s.now.kill9();
				kills++;
				await w.waitFor(() => s.deaths > deaths && s.now.running, "the killed one to be started again");
			}
		}
		t.assert.equal(kills, 20);
		const bulks = await exactlyOnce(w, ids);
		t.note(`${kills} kills, ${bulks.length} transactions`);
	} catch (e) {
		throw new Error(`F02_SEED=${seed}: ${e.stack}`);
	}
}
