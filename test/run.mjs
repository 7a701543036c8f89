// The test runner behind `make test`: builds, then everything that must hold, one line a test, and a closing count.
//
//   ok NAME seconds note          not ok NAME seconds   (and below it, indented, what was wrong)          skip NAME why
//
// ONLY="K-05" runs what is so named, or whose name begins so, or ends so behind a blank (listener/plan; several words: any of
// them), with just the builds it needs.
// A whole run ends with the table of what the two applications promise (lib/rows.mjs): .run/test/rows.md.
// Names: build …, unit <floor>/<module>, vectors …, fuzz <target>, harden <program>, and the scenarios' ids (K-05 …).
// JOBS scenarios run at once (3). BUILD (build/release), BUILD_ASAN, BUILD_CLANG say where the builds lie. Work lies in .run/test; what failed keeps its logs there.
import { fork } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { cpus } from "node:os";
import { basename, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import assert from "node:assert/strict";
import { root } from "../deploy/run/npm.mjs";
import { killAll, run, tail } from "../deploy/run/proc.mjs";
import * as servers from "../deploy/run/servers.mjs";
import { table } from "./lib/rows.mjs";

const self = fileURLToPath(import.meta.url);
const work = join(root, ".run/test");
const only = (process.env.ONLY ?? "").split(/[\s,]+/).filter(Boolean);
const jobs = Number(process.env.JOBS || 3);
const release = process.env.BUILD || "build/release";
const asan = process.env.BUILD_ASAN || "build/asan";
const clang = process.env.BUILD_CLANG || "build/clang";
const wanted = (name) => !only.length || only.some((o) => name === o || name.startsWith(o) || name.endsWith(` ${o}`));

// ── one scenario, in a process of its own ────────────────────────────────────────────────────────────────────────────
async function one(file, id, shared) {
	const { makeWorld } = await import("./lib/world.mjs");
	const dir = join(work, id);
	rmSync(dir, { recursive: true, force: true });
	mkdirSync(dir, { recursive: true });
	const worlds = [];
	const t = { id, dir, shared, ends: [], assert, notes: [], note: (text) => t.notes.push(text) };
	t.skip = (why) => {
		throw Object.assign(new Error(why), { skip: true });
	};
	t.world = async (options) => {
		const w = await makeWorld(t, options);
		worlds.push(w);
		return w;
	};
	let failure, skip;
	try {
		const test = await import(pathToFileURL(file).href);
		await test.default(t);
	} catch (e) {
		if (e.skip) skip = e.message;
		else failure = e.stack ?? String(e);
	}
	const problems = [];
	for (const end of t.ends.reverse()) problems.push(...(await end()).problems);
	servers.removeOutside();
	const what = [failure, ...problems].filter(Boolean);
	let detail = what.join("\n");
	if (what.length)
		for (const f of readdirSync(dir).filter((f) => f.endsWith(".log") && !/^(anvil|hardhat|redis|postgresql)/.test(f))) detail += `\n── ${join(".run/test", id, f)} ──\n${tail(join(dir, f), 25)}`;
	process.send({ ok: !what.length, skip, note: t.notes.join(", "), detail }, () => process.exit(0));
}

// Processes whose environment carries our mark: what a scenario left behind.
function marked(mark) {
	const found = [];
	for (const pid of readdirSync("/proc").filter((p) => /^\d+$/.test(p))) {
		try {
			if (readFileSync(`/proc/${pid}/environ`, "latin1").split("\0").includes(`FAIRLEAD_TEST=${mark}`) && !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, "latin1"))) found.push({ pid: Number(pid), exe: basename(readlinkSync(`/proc/${pid}/exe`)) });
		} catch {
			// gone, or not ours to read
		}
	}
	return found;
}

const children = new Set();
async function scenario(file, id, limit, shared) {
	const mark = `${id}:${process.pid}`;
	const child = fork(self, ["--one", file, id], { detached: true, stdio: ["ignore", "pipe", "pipe", "ipc"], env: { ...process.env, FAIRLEAD_BIN: resolve(root, release, "bin"), FAIRLEAD_BIN_ASAN: resolve(root, asan, "bin"), FAIRLEAD_TEST: mark, FAIRLEAD_SHARED: JSON.stringify(shared) } });
	children.add(child);
	let said = "";
	child.stdout.on("data", (d) => (said += d));
	child.stderr.on("data", (d) => (said += d));
	let result;
	child.on("message", (m) => (result = m));
	const timer = setTimeout(() => {
		result ??= { ok: false, detail: `not over after ${limit} s; its logs: .run/test/${id}` };
		process.kill(-child.pid, "SIGKILL");
	}, limit * 1000);
	await new Promise((done) => child.once("close", done));
	clearTimeout(timer);
	children.delete(child);
	result ??= { ok: false, detail: `the scenario's process ended without a result\n${said}` };
	let left = marked(mark);
	for (const end = Date.now() + 2000; left.length && Date.now() < end; left = marked(mark)) await new Promise((r) => setTimeout(r, 50));
	if (left.length) {
		result = { ...result, ok: false, detail: `${result.detail ?? ""}\nleft alive: ${left.map((p) => `${p.exe} (${p.pid})`).join(", ")}` };
		for (const p of left) process.kill(p.pid, "SIGKILL");
	}
	if (said.trim() && !result.ok) result.detail += `\n${said.trim()}`;
	if (result.ok && !process.env.KEEP) rmSync(join(work, id), { recursive: true, force: true });
	return result;
}

// ── lines and counts ─────────────────────────────────────────────────────────────────────────────────────────────────
const count = { passed: 0, failed: 0, skipped: 0 };
function say(name, words, result, ms) {
	const took = `${(ms / 1000).toFixed(1)} s`;
	if (result.skip) {
		count.skipped++;
		console.log(`skip ${name}${words} ${result.skip}`);
	} else if (result.ok) {
		count.passed++;
		console.log(`ok ${name}${words} ${took}${result.note ? ` (${result.note})` : ""}`);
	} else {
		count.failed++;
		console.log(`not ok ${name}${words} ${took}`);
		console.log(String(result.detail ?? "").trimEnd().replace(/^/gm, "    "));
	}
	return result.ok;
}
async function check(name, fn) {
	const from = Date.now();
	const result = await fn().catch((e) => ({ ok: false, detail: e.stack }));
	return say(name, "", result, Date.now() - from);
}
async function command(words, options = {}) {
	const r = await run(words[0], words.slice(1), { cwd: root, ...options });
	return { ok: r.code === 0, text: r.text, detail: r.code === 0 ? undefined : `${words.join(" ")}: ${r.signal ?? `exit ${r.code}`}\n${r.text.split("\n").filter((l) => !/^ {2}(CC|LD|AR|GEN)\b/.test(l)).slice(-40).join("\n")}` };
}
const make = (name, ...words) => check(name, () => command(["make", "-s", "--no-print-directory", `-j${Math.min(cpus().length, 4)}`, ...words], { env: { MAKEFLAGS: "", ONLY: "" } }));

// ── what there is to run ─────────────────────────────────────────────────────────────────────────────────────────────
const files = (dir, re) => (existsSync(join(root, dir)) ? readdirSync(join(root, dir)).filter((f) => re.test(f)).sort() : []);
function scenarios() {
	return files("test/scenario", /^[A-Za-z]+-?\d*.*\.mjs$/).map((f) => {
		const [, id, words] = f.match(/^([A-Za-z]+\d*-\d+[a-z]?|[A-Za-z]+)-?(.*)\.mjs$/);
		const text = readFileSync(join(root, "test/scenario", f), "utf8");
		return { file: join(root, "test/scenario", f), id, words, name: text.match(/^export const name = "(.*)";/m)?.[1], limit: Number(text.match(/^export const limit = (\d+)/m)?.[1] ?? 120), builds: ["asan", "valgrind"].filter((b) => new RegExp(`build:\\s*["']${b}`).test(text)) };
	});
}
function units() {
	const list = [];
	for (const floor of files("test/unit", /^\w+$/)) for (const f of files(`test/unit/${floor}`, /^test_.*\.c$/)) list.push({ name: `unit ${floor}/${f.slice(5, -2)}`, path: `unit/${floor}/${f.slice(0, -2)}` });
	return list;
}
const fuzzers = () => files("test/fuzz", /^fuzz_.*\.c$/).map((f) => ({ name: `fuzz ${f.slice(5, -2)}`, target: f.slice(5, -2) }));

async function pool(list, n, fn) {
	const queue = [...list];
	await Promise.all(Array.from({ length: n }, async () => {
		for (let x; (x = queue.shift()); ) await fn(x);
	}));
}

async function runUnits(list) {
	const dir = join(work, "unit");
	mkdirSync(dir, { recursive: true });
	let env = {};
	let ends = [];
	if (list.some((u) => /^unit (io|bus|ledger|fleet|listener|batcher|submitter|reconciler)\//.test(u.name))) {
		const pg = await servers.postgres(join(dir, "pg"), { log: join(dir, "postgresql.log"), memory: true });
		await pg.createdb("test");
		const r = await servers.redis(dir, { log: join(dir, "redis.log") });
		const a = await servers.anvil(dir, { mining: "auto" });
		ends = [() => pg.stop("immediate"), () => r.stop(), () => a.stop()];
		env = { FAIRLEAD_TEST_PG: `host=${pg.dir} dbname=test user=${servers.dbUser}`, FAIRLEAD_TEST_REDIS: r.socket, FAIRLEAD_TEST_RPC: a.http, FAIRLEAD_TEST_WS: a.ws };
	}
	env = { ...env, ASAN_OPTIONS: "detect_leaks=1", UBSAN_OPTIONS: "halt_on_error=1:print_stacktrace=1", CMOCKA_MESSAGE_OUTPUT: "STDOUT" };
	try {
		for (const u of list)
			await check(u.name, async () => {
				const bin = join(root, asan, u.path);
				if (!existsSync(bin)) return { ok: false, detail: "it was not built" };
				const r = await command(["timeout", "-k", "5", "300", bin], { env });
				return { ...r, note: r.text.match(/\[ {2}PASSED {2}\] (\d+ test\(s\))/)?.[1] };
			});
	} finally {
		for (const end of ends) await end();
	}
}

// The hardening is read back from what was built, not from the flags.
const harden = (program) => check(`harden ${program}`, async () => {
	const bin = resolve(root, release, "bin", `fairlead-${program}`);
	const headers = (await run("readelf", ["-hlWd", bin])).text;
	const symbols = (await run("readelf", ["-sW", "--dyn-syms", bin])).text;
	const wants = {
		"position independent (PIE)": /Type:\s+DYN/.test(headers) && /Flags:.*\bPIE\b|FLAGS_1.*PIE/.test(headers),
		"bound at start (BIND_NOW)": /BIND_NOW|FLAGS_1.*NOW/.test(headers),
		"relocations read only (GNU_RELRO)": /GNU_RELRO/.test(headers),
		"no executable stack": /GNU_STACK.*RW\s/.test(headers) && !/GNU_STACK.*RWE/.test(headers),
		"no segment both writable and executable": !/LOAD.*RWE/.test(headers),
		"stack protector": /__stack_chk_fail/.test(symbols),
		"fortified calls": /__\w+_chk@/.test(symbols),
		"no text relocations": !/TEXTREL/.test(headers),
	};
	const missing = Object.keys(wants).filter((k) => !wants[k]);
	return { ok: !missing.length, detail: `missing in ${bin}: ${missing.join(", ")}` };
});

// Units, fuzz targets and vectors: one behind the other, for the units share their servers.
async function inOrder(unit, fuzz, vectors) {
	if (unit.length) await runUnits(unit);
	for (const f of fuzz)
		await check(f.name, async () => {
			const corpus = join(root, "test/fuzz/corpus", f.target);
			if (!existsSync(corpus)) return { ok: false, detail: `${corpus} is missing: a target has a corpus` };
			return { ...(await command(["timeout", "-k", "5", "120", join(root, asan, "fuzz", `fuzz_${f.target}`), corpus])), note: `${readdirSync(corpus).length} inputs` };
		});
	if (vectors) await check("vectors", async () => {
		const r = await command(["make", "-s", "--no-print-directory", `BUILD=${asan}`, "SAN=address,undefined", "OPT=-O1 -g", "vectors"], { env: { MAKEFLAGS: "", ONLY: "" } });
		return { ...r, note: r.text.trim().split("\n").at(-1).slice(0, 100) };
	});
}

// A database with the engine's migrations, applied as a program applies them (common/ledger/migrate.c): worlds begin as its copies.
async function engine(pg) {
	const name = "engine";
	await pg.createdb(name);
	const { asAdmin } = await import("./lib/world.mjs");
	const text = (f) => readFileSync(join(root, "sql", f), "utf8");
	const list = files("sql", /^\d+_.*\.sql$/).map((f) => (Number(f.slice(0, 3)) > 1 ? `UPDATE fairlead.version SET schema = ${Number(f.slice(0, 3))}, at = clock_timestamp();\n` : "") + text(f));
	await asAdmin(pg, `SET search_path = public; SET client_min_messages = warning;\n${list.join("\n")}`, name);
	return name;
}

// The scenarios, a few at once: those that may take longest first, so that none of them is waited for alone at the end.
async function runRows(rows) {
	if (!rows.length) return;
	const dir = join(work, `shared-${process.pid}`);
	const pg = await servers.postgres(join(dir, "pg"), { log: join(dir, "postgresql.log"), memory: true, settings: { track_commit_timestamp: "on" } }); // P2: when what left was committed
	const shared = { pg: { dir: pg.dir, bin: pg.bin } };
	if (rows.length > 2) shared.pg.engine = await engine(pg);
	try {
		await pool([...rows].sort((a, b) => b.limit - a.limit), Math.min(jobs, rows.length), async (s) => {
			const t0 = Date.now();
			const result = await scenario(s.file, s.id, s.limit, shared).catch((e) => ({ ok: false, detail: e.stack }));
			s.result = result;
			say(s.id, s.words ? ` ${s.words}` : "", result, Date.now() - t0);
		});
	} finally {
		await pg.stop("immediate");
		rmSync(dir, { recursive: true, force: true });
	}
}

async function main() {
	const from = Date.now();
	mkdirSync(work, { recursive: true });
	const rows = scenarios().filter((s) => wanted(s.id));
	const unit = units().filter((u) => wanted(u.name) || wanted("unit"));
	const fuzz = fuzzers().filter((f) => wanted(f.name) || wanted("fuzz"));
	const vectors = existsSync(join(root, "test/vectors/vectors.mk")) && wanted("vectors");
	const hard = ["listener", "batcher", "submitter", "reconciler"].filter((p) => wanted(`harden ${p}`));
	if (only.length && !rows.length && !unit.length && !fuzz.length && !vectors && !hard.length && !wanted("build")) {
		console.log(`nothing is called ${only.join(" ")}: try a row (K-05), unit, vectors, fuzz, harden or build`);
		console.log("0 passed, 1 failed");
		process.exit(1);
	}
	if (only.length && (rows.length || hard.length) && !process.env.NOBUILD) await quietly("build release", release);
	if (!only.length || wanted("build")) {
		await make("build release (gcc, -Werror)", `BUILD=${release}`, "WERROR=-Werror", "all", "node");
		await make("build address+undefined", "-k", `BUILD=${asan}`, "SAN=address,undefined", "OPT=-O1 -g", "all", "node", "unit", "fuzz-replay");
		await make("build clang (-Werror)", `BUILD=${clang}`, "CC=clang", "WERROR=-Werror", "OPT=-O1", "all", "node");
	} else {
		if (unit.length) await quietly("build unit", asan, "-k", "SAN=address,undefined", "OPT=-O1 -g", ...unit.map((u) => `${asan}/${u.path}`));
		if (fuzz.length) await quietly("build fuzz", asan, "SAN=address,undefined", "OPT=-O1 -g", "fuzz-replay");
		if (rows.some((r) => r.builds.includes("asan"))) await quietly("build asan", asan, "SAN=address,undefined", "OPT=-O1 -g", "all", "node");
	}
	for (const p of hard) await harden(p);
	await Promise.all([inOrder(unit, fuzz, vectors), runRows(rows)]);
	servers.removeOutside();
	if (!only.length) await check("rows", async () => {
		const t = table(rows, join(work, "rows.md"));
		return { ok: !t.missing.length, note: `${t.lines.join("; ")}: .run/test/rows.md`, detail: `promised, and shown by no scenario: ${t.missing.join(" ")}` };
	});
	console.log(`\n${((Date.now() - from) / 1000).toFixed(0)} s`);
	console.log(`${count.passed} passed, ${count.failed} failed${count.skipped ? `, ${count.skipped} skipped` : ""}`);
	process.exit(count.failed ? 1 : 0);
}

// A build that only serves the rows asked for: a line only when it fails.
async function quietly(name, build, ...words) {
	const r = await command(["make", "-s", "--no-print-directory", "-j2", `BUILD=${build}`, ...(words.length ? words : ["all", "node"])], { env: { MAKEFLAGS: "", ONLY: "" } });
	if (!r.ok) say(name, "", r, 0);
}

function endAll(code) {
	for (const c of children) {
		try {
			process.kill(-c.pid, "SIGKILL");
		} catch {
			// gone
		}
	}
	killAll();
	servers.removeOutside();
	process.exit(code);
}

if (process.argv[2] === "--one") {
	process.on("disconnect", () => {
		killAll();
		process.exit(1);
	});
	await one(process.argv[3], process.argv[4], JSON.parse(process.env.FAIRLEAD_SHARED));
} else {
	for (const s of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(s, () => endAll(130));
	await main().catch((e) => {
		console.error(e.stack);
		console.log(`${count.passed} passed, ${count.failed + 1} failed`);
		endAll(1);
	});
}
