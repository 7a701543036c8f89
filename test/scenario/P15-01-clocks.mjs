export const name = "P15: clocks that are two hours ahead, a day behind, ten times as fast, each program with another one, changed while items are under way: each item is done once";

import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { root } from "../../deploy/run/npm.mjs";
import { box } from "../lib/box.mjs";

const ahead = "7200 1", behind = "-86400 1", fast = "0 10";

export default async function (t) {
	const { assert } = t;
	const shim = join(t.dir, "clock.so");
	execFileSync("cc", ["-shared", "-fPIC", "-O1", "-o", shim, join(root, "test/lib/clock.c"), "-ldl"]);
	const b = await box(t);
	const { w } = b;
	const clock = (text) => ({ env: { LD_PRELOAD: shim, FAKE_CLOCK: text } });
	const start = async (clocks) => {
		for (const [program, text] of Object.entries(clocks)) await w.start(program, clock(text));
	};
	let last = 0;
	const put = async (k) => {
		for (let i = 0; i < k; i++) await b.put([++last], { pool: i % 2 === 0 });
	};
	const done = () => b.mined(async () => {
		const e = await b.effects();
		return Array.from({ length: last }, (_, i) => i + 1).every((id) => e[id] === 1) && (await w.one("SELECT count(*)::int AS n FROM fairlead.slot WHERE closed IS NULL")).n === 0;
	}, `${last} items to be done`, {}, 60000);

	await start({ listener: ahead, batcher: behind, submitter: fast, reconciler: ahead });
	assert.ok(/t=20/.test(w.log("batcher")));
	const told = (p) => Date.parse(w.log(p).match(/t=(\S+)/)[1]) - Date.now();
	assert.ok(told("listener") > 7e6 && told("batcher") < -8e7, "they do think so");
	await put(6);
	await done();
	await put(3);
	for (const p of ["submitter", "listener", "batcher", "reconciler"]) await w.kill9(p);
	await start({ reconciler: behind, submitter: behind, batcher: fast, listener: fast });
	await put(3);
	await done();
	await put(2);
	await w.kill9("submitter");
	await start({ submitter: ahead });
	await put(2);
	await done();
	const effects = await b.effects();
	assert.deepEqual(Object.keys(effects).length, last);
	assert.ok(Object.values(effects).every((k) => k === 1), "each effect once");
	assert.deepEqual(new Set((await b.slots()).map((s) => s.closed)), new Set(["done"]));
	t.note(`${last} items`);
}
