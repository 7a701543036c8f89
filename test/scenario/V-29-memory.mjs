export const name = "the listener stays below 16 MB and does not grow with what it has read, in a backlog or in real time";

import { readFileSync } from "node:fs";
import { chainWords, soon } from "../lib/world.mjs";

// all: the proportional share, as operators read it; own: what no other process has, so that nobody else moves it
const mib = (pid) => {
	const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
	const [all, own] = ["Pss", "Pss_Anon"].map((k) => Number(text.match(new RegExp(`^${k}:\\s+(\\d+)`, "m"))[1]) / 1024);
	return { all, own };
};

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ app: "vcel", mining: "manual", yaml: chainWords(soon) });
	let lock = 0;
	const locks = async (n) => {
		for (let i = 0; i < n; i++) await w.revokeMany(++lock, 1000);
	};
	const read = () => w.waitFor(async () => (await w.source())?.live + (await w.source())?.swept === lock * 1000, `${lock * 1000} revocations`, 60000);
	const backlog = async (n) => {
		await locks(n);
		await w.mine(200);
		const p = await w.start("listener");
		await read();
		return p;
	};
	const live = async (p, n) => { // a block of a thousand each
		await locks(n);
		await read();
		return mib(p.pid);
	};
	const p = await backlog(2);
	const few = mib(p.pid);
	await w.stop("listener");
	const q = await backlog(12);
	const seen = { "after 2,000": few, "after 12,000 more": mib(q.pid), "3,000 in real time": await live(q, 3), "6,000 more": await live(q, 6) };
	t.note(Object.entries(seen).map(([when, m]) => `${when} ${m.all.toFixed(1)} MiB, ${m.own.toFixed(1)} its own`).join("; "));
	for (const [when, m] of Object.entries(seen)) assert.ok(m.all * 1.048576 < 16, `${when}: ${m.all.toFixed(1)} MiB`);
	const own = Object.values(seen).map((m) => m.own);
	assert.ok(own[1] - own[0] < 1.5, `it grows with the backlog: ${own[0].toFixed(2)}, ${own[1].toFixed(2)} MiB`);
	assert.ok(own[3] - own[2] < 0.5, `it grows with real time: ${own[2].toFixed(2)}, ${own[3].toFixed(2)} MiB`);
}
