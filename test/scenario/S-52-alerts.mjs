export const name = "the alert rules are whole, each says what it means, and every metric and label they name is told by a running fleet";

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../deploy/run/npm.mjs";
import { Http, programs } from "../lib/world.mjs";

// The YAML that a rules file needs: maps, lists, flow maps of one line, texts in quotes.
function read(text) {
	const groups = [];
	let rule, group, inside;
	for (const [i, raw] of text.split("\n").entries()) {
		const line = raw.replace(/^(\s*)- /, "$1  "), at = `line ${i + 1}: ${raw}`;
		if (/^\s*(#|$)/.test(raw)) continue;
		const m = line.match(/^( *)(\w+):(?: (.*))?$/);
		if (!m) throw new Error(`not understood, ${at}`);
		const [, space, key, value] = m;
		if (/\t/.test(raw)) throw new Error(`a tab, ${at}`);
		if (space.length === 0 && key === "groups") continue;
		if (space.length === 4 && key === "name") groups.push((group = { name: value, rules: [] }));
		else if (space.length === 4 && key === "rules") continue;
		else if (space.length === 8 && key === "alert") group.rules.push((rule = { alert: value, annotations: {} }));
		else if (space.length === 8 && key === "annotations") inside = rule.annotations;
		else if (space.length === 8) rule[key] = value;
		else if (space.length === 10) inside[key] = JSON.parse(value);
		else throw new Error(`not expected, ${at}`);
	}
	return groups;
}

export default async function (t) {
	const { assert } = t;
	const rules = read(readFileSync(join(root, "deploy/prometheus/alerts.yaml"), "utf8")).flatMap((g) => g.rules);
	assert.ok(rules.length >= 20);
	assert.equal(new Set(rules.map((r) => r.alert)).size, rules.length);
	for (const r of rules) {
		assert.deepEqual(Object.keys(r).filter((k) => !["alert", "expr", "for", "labels", "annotations"].includes(k)), [], r.alert);
		assert.match(r.alert, /^Fairlead[A-Z]\w+$/);
		assert.match(r.labels, /^\{ severity: (page|look) \}$/, r.alert);
		if (r.for) assert.match(r.for, /^\d+[smh]$/, r.alert);
		assert.deepEqual(Object.keys(r.annotations), ["summary", "description"], r.alert);
		for (const text of Object.values(r.annotations)) assert.ok(text.length > 10 && text.length < 220, `${r.alert}: ${text}`);
		assert.match(r.annotations.description, /\.$/, r.alert);
		for (const [open, close] of ["()", "{}", "[]"]) assert.equal(r.expr.split(open).length, r.expr.split(close).length, r.expr);
		assert.match(r.expr, /(==|>|<) *\d+$/, r.alert);
	}

	// what a fleet tells of itself
	const w = await t.world({ fleet: "all", mining: "auto", env: { BATCH_TIMEOUT_MS: "50" } });
	await w.batchReveal([1, 2]);
	await w.waitFor(() => w.codesSet([1, 2]), "two codes");
	const off = w.node.whole(() => new Http(500, "busy")); // what is only told once it has happened
	await w.mine();
	await w.waitFor(async () => /^fairlead_endpoint_failures_total/m.test((await w.health("listener", "/metrics")).body), "a failure to be counted");
	off();
	await w.waitFor(async () => (await w.metric("submitter", "fairlead_gas_used_total")) > 0, "what it cost");
	const texts = await Promise.all(programs.map(async (p) => (await w.health(p, "/metrics")).body)), told = new Map();
	for (const text of texts) for (const m of text.matchAll(/^([a-z_]+)(?:\{(.*)\})? /gm)) told.set(m[1], [...(told.get(m[1]) ?? []), m[2] ?? ""]);
	const names = (text) => [...text.matchAll(/\b(fairlead_[a-z_]+)/g)].map((m) => m[1]);
	for (const r of rules) {
		assert.ok(/\bup\{/.test(r.expr) || names(r.expr).length, r.expr);
		for (const n of [...names(r.expr), ...names(r.annotations.description)]) assert.ok(told.has(n), `${r.alert}: nobody tells ${n}`);
		for (const m of r.expr.matchAll(/(fairlead_[a-z_]+)\{(\w+)(=|!~)"([^"]*)"\}/g)) for (const v of m[4].split("|")) assert.ok(told.get(m[1]).some((l) => l.includes(`${m[2]}="${v}"`)), `${r.alert}: ${m[1]} has no ${m[2]} ${v}`);
		const by = r.expr.match(/by \((\w+)\)/)?.[1] ?? r.annotations.summary.match(/\$labels\.(\w+)/)?.[1];
		if (by && by !== "instance") for (const n of names(r.expr)) assert.ok(told.get(n).every((l) => l.includes(`${by}="`)), `${r.alert}: ${n} has no label ${by}`);
	}

	// names after the field's habits: counters end in _total, base units, a help and a type each, few series
	for (const text of texts) {
		const types = new Map([...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map((m) => [m[1], m[2]]));
		for (const [n, type] of types) {
			if (!n.startsWith("fairlead_")) continue;
			assert.equal(type === "counter", n.endsWith("_total"), `${n} is a ${type}`);
			assert.ok(!/_(ms|millis|minutes|eth)(_|$)/.test(n), `${n} is not in a base unit`);
			assert.match(text, new RegExp(`^# HELP ${n} .{8,}`, "m"));
		}
	}
	for (const [n, series] of told) assert.ok(n.includes("_bucket") || /^fairlead_http_/.test(n) || series.length <= 60, `${n} has ${series.length} series`);
	const spent = await w.metric("submitter", "fairlead_fees_paid_gwei_total"), gas = await w.metric("submitter", "fairlead_gas_used_total"), price = await w.metric("submitter", "fairlead_paid_price_wei");
	assert.ok(spent > 0 && gas > 21000 && price > 0);
	assert.equal(await w.metric("submitter", "fairlead_send_answers_total", 'answer="accepted"'), (await w.one("SELECT count(*) AS n FROM fairlead.attempt")).n);
	for (const n of ["fairlead_lane_open", "fairlead_ready"]) await w.waitFor(async () => (await w.metric("submitter", n)) === 1, `${n} to be 1`);
	t.note(`${rules.length} rules`);
}
