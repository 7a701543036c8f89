// One line a step: rewritten in place on a terminal, once when done otherwise. A failed step names its log and ends the run.
const utf8 = /utf-?8/i.test(process.env.LC_ALL || process.env.LC_CTYPE || process.env.LANG || "");
export const tty = Boolean(process.stdout.isTTY);
const colour = tty && !process.env.NO_COLOR;
export const mark = utf8 ? { ok: "✓", go: "▸", bad: "✗", more: "…", dash: "–" } : { ok: "v", go: ">", bad: "x", more: "...", dash: "-" };
export const ink = (code, text) => (colour ? `\x1b[${code}m${text}\x1b[0m` : text);

export const duration = (ms) => (ms < 10000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 1000)} s`);

export class StepError extends Error {}

// quiet: says nothing unless it fails (ONCE prints a ledger for grep)
export async function step(name, fn, { quiet = false, log } = {}) {
	const from = Date.now();
	let text = "";
	const width = () => Math.max(40, Math.min(process.stdout.columns || 100, 100));
	const show = (m, took) => {
		// A text that leaves no room for its time goes without; one that is longer still is cut.
		const room = width() - 16 - 8;
		const cut = text.length > room + 7 ? `${text.slice(0, room + 6)}${mark.more}` : text;
		process.stdout.write(`${tty ? "\r\x1b[K" : ""} ${m} ${name.padEnd(12)} ${cut.length > room ? cut : `${cut.padEnd(room)} ${took.padStart(6)}`}`.trimEnd());
	};
	const say = (t) => {
		text = t;
		if (tty && !quiet) show(ink(36, mark.go), "");
	};
	say(mark.more);
	try {
		const value = await fn(say);
		if (!quiet) {
			show(mark.ok, duration(Date.now() - from));
			process.stdout.write("\n");
		}
		return value;
	} catch (e) {
		const [first, ...rest] = String(e.message).trim().split("\n");
		if (tty && !quiet) process.stdout.write("\r\x1b[K");
		process.stdout.write(` ${ink("31;1", mark.bad)} ${name.padEnd(12)} ${first}${log ? `   the whole text: ${log}` : ""}   then: make run\n`);
		for (const line of rest.slice(-12)) process.stdout.write(`   ${line}\n`);
		throw new StepError(first);
	}
}
