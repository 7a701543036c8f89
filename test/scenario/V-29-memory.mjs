export const name = "the listener stays below 16 MB and does not grow with what it has read, in a backlog or in real time";

import { readFileSync } from "node:fs";
import { chainWords, soon } from "../lib/world.mjs";

const pss = (pid) => Number(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8").match(/^Pss:\s+(\d+)/m)[1]) / 1024;

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ app: "vcel", mining: "manual", yaml: chainWords(soon) });
	let lock = 0;
	const locks = async (n) => {
		for (let i = 0; i < n; i++) await w.revokeMany(++lock, 1000);
	};
	const read = () => w.waitFor(async () => (await w.source())?.live + (await w.source())?.swept === lock * 1000, `${lock * 1000} revocations`, 60000);
	await locks(2);
	await w.mine(200);
	const p = await w.start("listener");
	await read();
	const few = pss(p.pid);
	await w.stop("listener");
	await locks(20);
	await w.mine(200);
	const q = await w.start("listener");
	await read();
	const many = pss(q.pid);
	await locks(4); // a block of thousand each, in real time
	await read();
	const live = pss(q.pid);
	t.note(`PSS ${few.toFixed(1)} MiB after 2,000, ${many.toFixed(1)} after 20,000 more, ${live.toFixed(1)} after 4,000 in real time`);
	for (const mib of [few, many, live]) assert.ok(mib * 1.048576 < 16, `${mib.toFixed(1)} MiB`);
	assert.ok(many - few < 1.5 && live - many < 1, `it grows: ${few.toFixed(2)}, ${many.toFixed(2)}, ${live.toFixed(2)} MiB`);
}
