export const name = "Prometheus scrapes /monitor/stats: asked for text/plain its numbers are gauges, words are none; q-values decide; a browser gets JSON";

import { chainWords, soon } from "../lib/world.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ app: "vcel", mining: "manual", fleet: ["listener", "batcher", "reconciler"], yaml: chainWords(soon) });
	await w.revokeMany(7, 4);
	await w.waitFor(w.whole, "the chain");
	const ask = (accept) => w.http("/api/v1/monitor/stats", { headers: { accept } });
	const prometheus = "application/openmetrics-text;version=1.0.0;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
	const r = await ask(prometheus);
	assert.match(r.headers["content-type"], /^text\/plain; version=0\.0\.4/);
	const json = (await ask("text/html,application/xhtml+xml,*/*;q=0.8")).json;
	const samples = new Map(r.body.split("\n").filter((l) => l && !l.startsWith("#")).map((l) => l.split(" ")));
	const flat = Object.entries(json).flatMap(([k, v]) => (v && typeof v === "object" ? Object.entries(v).map(([m, x]) => [`${k}_${m}`, x]) : [[k, v]]));
	for (const [k, v] of flat.filter(([, v]) => typeof v === "number" || typeof v === "boolean")) assert.equal(Number([...samples].find(([n]) => n.endsWith(k))?.[1]), Number(v), k);
	assert.equal(samples.size, flat.filter(([, v]) => typeof v === "number" || typeof v === "boolean").length, "nothing but numbers");
	for (const [k, v] of samples) assert.ok(/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(k) && Number.isFinite(Number(v)), `${k} ${v}`);
	assert.equal((await ask("application/json, text/plain;q=0.5")).headers["content-type"].startsWith("application/json"), true);
	assert.equal((await ask("image/png")).status, 406);
}
