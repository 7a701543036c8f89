export const name = "the dashboard loads, and every metric and label it draws is told by a running fleet";

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../deploy/run/npm.mjs";
import { Http, programs } from "../lib/world.mjs";

export default async function (t) {
	const { assert } = t;
	const board = JSON.parse(readFileSync(join(root, "deploy/grafana/fairlead.json"), "utf8"));
	assert.ok(board.title && board.uid && board.schemaVersion >= 36 && board.panels.length >= 10);
	assert.equal(new Set(board.panels.map((p) => p.id)).size, board.panels.length);
	for (const p of board.panels) assert.ok(p.gridPos.x + p.gridPos.w <= 24 && p.targets.length && p.fieldConfig.defaults.unit && p.description, p.title);

	const w = await t.world({ fleet: "all", mining: "auto", env: { BATCH_TIMEOUT_MS: "50" } });
	await w.batchReveal([1, 2]);
	await w.waitFor(() => w.codesSet([1, 2]), "two codes");
	await w.http("/health");
	const off = w.node.whole(() => new Http(500, "busy")); // what is only told once it has happened
	await w.mine();
	await w.waitFor(async () => /^fairlead_endpoint_failures_total/m.test((await w.health("listener", "/metrics")).body), "a failure to be counted");
	off();
	const told = new Map(); // name → labels
	for (const text of [...(await Promise.all(programs.map(async (p) => (await w.health(p, "/metrics")).body))), (await w.http("/metrics")).body])
		for (const m of text.matchAll(/^([a-z_]+)(?:\{(.*)\})? /gm)) told.set(m[1], new Set([...(told.get(m[1]) ?? []), ...[...(m[2] ?? "").matchAll(/(\w+)="/g)].map((l) => l[1])]));
	for (const { title, targets } of board.panels)
		for (const { expr } of targets) {
			const names = [...expr.matchAll(/\b((?:fairlead|process)_[a-z_]+)/g)].map((m) => m[1]);
			assert.ok(names.length, `${title}: ${expr}`);
			for (const n of names) assert.ok(told.has(n), `${title}: nobody tells ${n}`);
			for (const m of expr.matchAll(/by \(([\w, ]+)\) \((?:rate\()?((?:fairlead)_[a-z_]+)/g)) for (const label of m[1].split(/, */)) assert.ok(told.get(m[2]).has(label), `${title}: ${m[2]} has no label ${label}`);
		}
	t.note(`${board.panels.length} panels`);
}
