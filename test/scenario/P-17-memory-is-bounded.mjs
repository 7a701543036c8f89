export const name = "P17: memory, descriptors and connections of the listener stay flat over 200,000 events, at ten times the load, while nobody applies them, and under an answer of 100 MB";

import { readdirSync, readFileSync } from "node:fs";
import { BOOK, reading } from "../lib/reading.mjs";

export default async function (t) {
	const { assert } = t;
	const peak = (p) => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${p.pid}/status`, "latin1"))[1]) / 1024;
	const fds = (p) => readdirSync(`/proc/${p.pid}/fd`).length;
	const run = async (mine, name) => {
		const w = await reading(t, { chain: { range: 2000 }, rules: "  - on: Book.Noted\n    log: \"{n}\"" });
		await w.n.do({ shape: { name: "fat", address: BOOK, event: "Noted(uint256 indexed n, uint256 amount)", args: { n: { seq: 1 } } } });
		await mine(w);
		await w.n.mine(40);
		const p = await w.start("listener", { wait: false });
		await w.waitFor(async () => (await w.done()) === (await w.n.head()), `${name} to be read`, 90000);
		const connections = (await w.one("SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name LIKE 'fairlead-listener%' AND datname = current_database()")).n;
		const out = { mib: peak(p), fds: fds(p), connections, events: (await w.one("SELECT count(*)::int AS n FROM fairlead.event")).n };
		await w.stop("listener");
		return out;
	};
	const small = await run((w) => w.book(200, 10), "2,000 events");
	const large = await run((w) => w.book(4000, 50), "200,000 events");
	const dense = await run((w) => w.book(2, 100000), "an answer of 114 MB");
	assert.deepEqual([small.events, large.events, dense.events], [2000, 200000, 200000]);
	t.note(`${[small, large, dense].map((x) => `${x.mib.toFixed(1)} MiB ${x.fds} fds ${x.connections} connections`).join(" | ")}`);
	for (const [name, x] of Object.entries({ large, dense })) {
		assert.ok(x.mib < small.mib + 16, `${name}: ${x.mib} MiB, ${small.mib} for a small history`);
		assert.ok(x.fds <= small.fds + 16, `${x.fds} descriptors, ${small.fds} before`);
		assert.ok(x.connections <= small.connections + 1);
	}
}
