export const name = "Redis flushed five times, its groups destroyed, its streams cut and itself restarted during 200 reveals: nothing is lost";
// INV-1
export const limit = 180;

import { exactlyOnce, quickEnv, withoutSkip } from "../lib/faults.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: 0.25, yaml: withoutSkip, fleet: "all", env: quickEnv });
	const ids = Array.from({ length: 200 }, (_, i) => i + 1);
	const keys = async () => (await w.redis("KEYS", "ktty:*")).sort();
	const streams = async () => {
		const found = [];
		for (const key of await keys()) if ((await w.redis("TYPE", key)) === "stream") found.push(key);
		return found;
	};
	const lost = { flush: 0, groups: 0, trim: 0 };
	const harm = {
		flush: async () => {
			lost.flush += (await keys()).length;
			await w.redis("FLUSHALL");
		},
		groups: async () => {
			for (const key of await streams())
				for (const group of await w.redis("XINFO", "GROUPS", key)) lost.groups += await w.redis("XGROUP", "DESTROY", key, group[1]);
		},
		trim: async () => {
			for (const key of await streams()) lost.trim += await w.redis("XTRIM", key, "MAXLEN", 0);
		},
		restart: async () => {
			await w.redisServer.stop();
			await w.waitFor(async () => (await Promise.all(["listener", "batcher", "submitter", "reconciler"].map((p) => w.health(p)))).every((a) => a.status === 503 && /Redis/.test(a.body)), "each to say that Redis is away");
			await w.revealEach(ids.slice(180, 190), { wait: false });
			await w.redisServer.start();
		},
	};
	const order = ["flush", "groups", "flush", "trim", "flush", "restart", "flush", "flush"];
	await w.revealEach(ids.slice(190, 195));
	await w.waitFor(async () => (await streams()).length > 0, "a first bell");
	for (let i = 0; i < 180; i += 5) {
		await w.revealEach(ids.slice(i, i + 5), { wait: false });
		if (i % 25 !== 10) continue;
		const before = (await w.one("SELECT at FROM fairlead.lane WHERE name = 'listen:main'")).at;
		await w.waitFor(async () => (await w.one("SELECT at FROM fairlead.lane WHERE name = 'listen:main'")).at > before, "events to be written");
		const what = order.shift();
		if (what) await harm[what]();
	}
	for (const what of order) await harm[what]();
	await w.revealEach(ids.slice(195));
	assert.ok(lost.flush >= 5 && lost.groups >= 2, `what was taken from Redis: ${JSON.stringify(lost)}`);
	// and the bells are heard again: nothing is left to the looks that are made without one
	for (const [stream, group] of [["ktty:events:main", "batcher"], ["ktty:sends:owner", "submitter"], ["ktty:results:main", "reconciler"]])
		await w.waitFor(async () => {
			const top = (await w.redis("XREVRANGE", stream, "+", "-", "COUNT", 1))[0]?.[0];
			const it = (await w.redis("XINFO", "GROUPS", stream)).find((g) => g[1] === group);
			return top && it[it.indexOf("last-delivered-id") + 1] === top && it[it.indexOf("pending") + 1] === 0;
		}, `${group} to have heard and acknowledged all of ${stream}`);
	const bulks = await exactlyOnce(w, ids);
	t.note(`${lost.flush} keys, ${lost.groups} groups, ${lost.trim} entries lost, ${bulks.length} transactions`);
}
