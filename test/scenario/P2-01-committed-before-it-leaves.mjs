export const name = "P2, P3: under load, with lost answers, evictions, replacements and restarts, every raw transaction that the node ever saw is a row of attempt, committed before it came; nonces unique and dense";
export const limit = 120;

import { judge, miner, prepare, settled } from "../certify/cell.mjs";

export default async function (t) {
	const c = await prepare(t), { w, n } = c;
	const bumps = async () => (await w.one("SELECT count(*) AS n FROM fairlead.attempt WHERE kind = 'bump'")).n;
	await n.do([
		{ mood: { id: "lost", method: "eth_sendRawTransaction", behind: true, cut: "before", chance: 0.1, seed: 3 } },
		{ mood: { id: "swallowed", method: "eth_sendRawTransaction", swallow: true, chance: 0.1, seed: 4, times: 3 } },
	]);
	c.miner = miner(n);
	for (const p of ["listener", "batcher", "reconciler"]) await w.start(p, { wait: false });
	const s = await w.supervise("submitter", { wait: false });
	try {
		for (let i = 0; i < 10; i++) {
			const left = (await n.raws({ from: c.from })).length;
			await c.wave(40);
			await c.until(async () => (await n.raws({ from: c.from })).length > left, "transactions to leave");
			const deaths = s.deaths;
			if (i % 3 === 2) await s.now.kill9();
			if (i % 3 === 2) await c.until(() => s.deaths > deaths && s.now.running, "it to be started again");
		}
		t.assert.ok((await n.do({ moods: true })).every((m) => m.touched > 0), "answers were lost and transactions swallowed");
		await n.do({ calm: true });
		c.miner.hold("replaced");
		await c.wave(2);
		await c.until(async () => (await bumps()) > 0, "a replacement", 30000);
		c.miner.release("replaced");
		await c.until(() => settled(c), () => `all to be final; now ${c.now}`, 60000);
		await judge(c);
	} finally {
		await c.miner.stop().catch(() => {});
	}
	t.note(`${c.waved} items, ${(await n.raws({ from: c.from })).length} sends, ${await bumps()} replaced`);
}
