// What the two applications promise, a row each, and what became of it in this run: a table made by the tests themselves.
//
// C: the application's own promise; N: needed to make one of those true; X: wished for. A row is done when the scenario of its name
// passes. Rows that come with the deployment (images, compose files) and what was ruled out stand in `later`.
import { writeFileSync } from "node:fs";

const span = (app, from, to) => Array.from({ length: to - from + 1 }, (_, i) => `${app}-${String(from + i).padStart(2, "0")}`);
export const promised = {
	ktty: { C: span("K", 1, 47), N: span("K", 57, 66), X: span("K", 48, 56) },
	vcel: { C: [...span("V", 1, 37), "V-42"], N: span("V", 43, 49), X: span("V", 38, 41) },
};
export const later = {
	"K-41": "an image: comes with the deployment", "K-42": "a compose file: comes with the deployment",
	"V-49": "MQTT is not spoken; topics go over WebSocket and event streams",
};

// rows: [{ id, words, name, result }] of the whole run. Returns { lines, missing, failed }.
export function table(rows, file) {
	const of = new Map();
	for (const r of rows) of.set(r.id.replace(/[a-z]$/, ""), [...(of.get(r.id.replace(/[a-z]$/, "")) ?? []), r]);
	const lines = [], missing = [], failed = [];
	let text = "# What the applications promise, and what this run showed\n";
	for (const [app, kinds] of Object.entries(promised)) {
		const count = { ok: 0, failed: 0, later: 0, open: 0 };
		text += `\n## ${app}\n\n| row | kind | state | what the test shows |\n| --- | --- | --- | --- |\n`;
		for (const [kind, ids] of Object.entries(kinds))
			for (const id of ids) {
				const tests = of.get(id) ?? [];
				const state = tests.length ? (tests.every((t) => t.result.ok && !t.result.skip) ? "ok" : "failed") : later[id] ? "later" : "open";
				count[state]++;
				if (state === "failed") failed.push(id);
				if (state === "open" && kind !== "X") missing.push(id);
				text += `| ${id} | ${kind} | ${state} | ${(tests.map((t) => t.name ?? t.words).join("; ") || later[id] || "").replaceAll("|", "\\|")} |\n`;
			}
		lines.push(`${app}: ${count.ok} rows hold${count.failed ? `, ${count.failed} failed` : ""}${count.open ? `, ${count.open} open` : ""}${count.later ? `, ${count.later} later` : ""}`);
	}
	writeFileSync(file, text);
	return { lines, missing, failed };
}
