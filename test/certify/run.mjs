// `make certify`: the whole matrix of cells.mjs, JOBS at once (4), and a table of it. CELLS="send_*:kill" runs a part of it.
//
// A failing cell keeps its logs in .run/certify/<cell>/ and prints the command that repeats it. Closes with figure lines.
import { fork } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { root } from "../../deploy/run/npm.mjs";
import { killAll, tail } from "../../deploy/run/proc.mjs";
import * as servers from "../../deploy/run/servers.mjs";
import { actions, cells, chosen, moods, points } from "./cells.mjs";

const self = fileURLToPath(import.meta.url);
const work = join(root, process.env.CERTIFY_DIR || ".run/certify");
const jobs = Number(process.env.JOBS || 4);
const LIMIT_MS = 90000; // a cell takes two seconds on an idle machine

// ── a worker: cells one behind another, each in a world of its own ──
async function worker() {
	const { runAlone } = await import("./cell.mjs");
	process.on("disconnect", () => {
		killAll();
		process.exit(1);
	});
	process.on("message", async ({ cell, shared, template }) => {
		const from = Date.now();
		const dir = join(work, cell.id.replaceAll(":", "-"));
		rmSync(dir, { recursive: true, force: true });
		const problems = await runAlone({ dir, shared }, cell, template);
		servers.removeOutside();
		if (!problems.length && !process.env.KEEP) rmSync(dir, { recursive: true, force: true });
		process.send({ problems, ms: Date.now() - from });
	});
	process.send("ready");
}

// The schema is made once; every cell's database is a copy.
export async function makeTemplate(shared) {
	const { templateOf } = await import("./cell.mjs");
	return templateOf(join(work, "template"), shared);
}

export class Workers {
	constructor(n, shared, template, env = {}) {
		Object.assign(this, { n, shared, template, env, children: new Set() });
	}
	start() {
		const child = fork(self, ["--worker"], { stdio: ["ignore", "inherit", "inherit", "ipc"], env: { ...process.env, ...this.env } });
		this.children.add(child);
		child.once("exit", () => this.children.delete(child));
		return new Promise((done) => child.once("message", () => done(child)));
	}
	async run(list, told, enough = () => false) {
		const queue = [...list];
		await Promise.all(Array.from({ length: Math.min(this.n, queue.length) }, async () => {
			let child = await this.start();
			for (let cell; !enough() && (cell = queue.shift()); ) {
				const result = await this.one(child, cell);
				if (result.lost) child = await this.start();
				told(cell, result);
			}
			child.disconnect();
		}));
	}
	one(child, cell) {
		return new Promise((done) => {
			const lost = (why) => {
				child.kill("SIGKILL");
				done({ problems: [why], ms: LIMIT_MS, lost: true });
			};
			const timer = setTimeout(() => lost(`not over after ${LIMIT_MS / 1000} s`), LIMIT_MS);
			const ended = () => {
				clearTimeout(timer);
				lost("its worker ended");
			};
			child.once("exit", ended);
			child.once("message", (result) => {
				clearTimeout(timer);
				child.off("exit", ended);
				done(result);
			});
			child.send({ cell, shared: this.shared, template: this.template });
		});
	}
}

export async function withServers(fn) {
	rmSync(work, { recursive: true, force: true });
	mkdirSync(work, { recursive: true });
	const pg = await servers.postgres(join(work, "pg"), { log: join(work, "postgresql.log"), memory: true, settings: { track_commit_timestamp: "on", max_connections: 400 } });
	try {
		return await fn({ pg: { dir: pg.dir } });
	} finally {
		await pg.stop("immediate");
		servers.removeOutside();
	}
}

const logsOf = (dir) => (existsSync(dir) ? readdirSync(dir, { withFileTypes: true }) : []).flatMap((e) => (/^world\d+$/.test(e.name) ? logsOf(join(dir, e.name)) : /^submitter\d\.log$/.test(e.name) ? [join(dir, e.name)] : []));

// ── the table ──
const color = process.stdout.isTTY && !process.env.NO_COLOR;
const paint = (code, text) => (color ? `\x1b[${code}m${text}\x1b[0m` : text);
function table(results) {
	const names = Object.keys(moods), widths = names.map((m) => Math.max(m.length, 1));
	const lines = [`${" ".repeat(31)}${names.map((m, i) => m.padEnd(widths[i])).join("  ")}`];
	for (const point of points) {
		const rows = actions.filter((action) => names.some((m) => results.has(`${point}:${action}:${m}`)));
		for (const action of rows) {
			const marks = names.map((m, i) => {
				const r = results.get(`${point}:${action}:${m}`);
				const mark = !r ? paint(2, "·") : r.problems.length ? paint("1;31", "✗") : "✓";
				return mark + " ".repeat(widths[i] - 1);
			});
			lines.push(`  ${(action === rows[0] ? point : "").padEnd(22)} ${action.padEnd(5)} ${marks.join("  ")}`.trimEnd());
		}
	}
	return lines;
}

async function main() {
	const from = Date.now();
	const list = process.env.CELLS ? chosen(process.env.CELLS) : cells;
	if (list.length === 0) {
		console.log(`no cell is called ${process.env.CELLS}; a cell is a fault point, kill stop or err, and a mood: send_after_commit:kill:lost`);
		process.exit(64);
	}
	const results = new Map();
	console.log(`${list.length} cells of ${cells.length}, ${jobs} at once\n`);
	await withServers(async (shared) => {
		const template = await makeTemplate(shared);
		let last = 0;
		await new Workers(jobs, shared, template).run(list, (cell, r) => {
			results.set(cell.id, r);
			if (r.problems.length) {
				console.log(`${paint("1;31", "✗")} ${cell.id}   ${(r.ms / 1000).toFixed(1)} s`);
				for (const p of r.problems) console.log(p.trimEnd().replace(/^/gm, "    "));
				for (const f of logsOf(join(work, cell.id.replaceAll(":", "-")))) console.log(`    ── ${f.slice(root.length + 1)} ──\n${tail(f, 8).replace(/^/gm, "    ")}`);
				console.log(`    again: make certify CELLS=${cell.id}\n`);
			} else if (Date.now() - last > 10000) {
				last = Date.now();
				console.log(paint(2, `${results.size} of ${list.length} after ${((Date.now() - from) / 1000).toFixed(0)} s`));
			}
		});
	});
	const all = [...results], failed = all.filter(([, r]) => r.problems.length);
	const ms = all.map(([, r]) => r.ms).sort((a, b) => a - b);
	console.log(`\n${table(results).join("\n")}\n`);
	for (const [name, m] of Object.entries(moods)) console.log(`  ${name.padEnd(11)} ${m.words}`);
	console.log(`\n${failed.length ? paint("1;31", `${failed.length} of ${all.length} cells failed.`) : paint(1, `${all.length} cells: one effect an item, no gap, no nonce with two actions, the ledger is the chain.`)}`);
	console.log(`half of them took ${(ms[ms.length >> 1] / 1000).toFixed(1)} s, the slowest ${(ms.at(-1) / 1000).toFixed(1)} s; all of it ${((Date.now() - from) / 1000).toFixed(0)} s`);
	for (const [id] of failed) console.log(`again: make certify CELLS=${id}`);
	console.log(`figure certify_cells ${all.length}`);
	console.log(`figure certify_failures ${failed.length}`);
	process.exit(failed.length ? 1 : 0);
}

function endAll(code) {
	killAll();
	servers.removeOutside();
	process.exit(code);
}
if (process.argv[2] !== "--worker") for (const s of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(s, () => endAll(130));
if (process.argv[2] === "--worker") await worker();
else if (resolve(process.argv[1]) === self) {
	await main().catch((e) => {
		console.error(e.stack);
		endAll(1);
	});
}
