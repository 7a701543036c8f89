// make check-source: what can be said about the sources without running them. One line a check, details below it.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { root } from "../../deploy/run/npm.mjs";

process.chdir(root);
const sh = (command, ...args) => spawnSync(command, args, { encoding: "utf8", maxBuffer: 1 << 28 });
// What is in the tree and not ignored, committed or not yet.
const files = sh("git", "ls-files", "--cached", "--others", "--exclude-standard").stdout.split("\n").filter((f) => f && existsSync(f) && statSync(f).isFile());
const c = files.filter((f) => /\.[ch]$/.test(f));
const makefile = readFileSync("Makefile", "utf8");
const floors = makefile.match(/^FLOORS\s*:?=\s*(.+)$/m)[1].trim().split(/\s+/).reverse(); // base first
const programs = makefile.match(/^PROGRAMS\s*:?=\s*(.+)$/m)[1].trim().split(/\s+/);
const text = (f) => readFileSync(f, "utf8");
const lines = (f) => text(f).split("\n");

let passed = 0, failed = 0;
function check(name, wrong, note = "") {
	if (wrong.length) failed++;
	else passed++;
	console.log(`${wrong.length ? "not ok" : "ok"} ${name}${note ? ` (${note})` : ""}`);
	for (const w of wrong.slice(0, 30)) console.log(`    ${w}`);
	if (wrong.length > 30) console.log(`    … and ${wrong.length - 30} more`);
}

// A floor uses the floors below it; a program uses all floors and no other program (DESIGN: the house with floors).
{
	const wrong = [];
	const rank = (path) => {
		const [a, b] = path.split("/");
		if (a === "common") return floors.indexOf(b);
		return programs.includes(a) ? floors.length : -1;
	};
	for (const f of c) {
		const mine = rank(f);
		const area = f.split("/")[0];
		if (mine < 0 && area !== "test" && area !== "common") continue;
		lines(f).forEach((line, i) => {
			const target = line.match(/^\s*#\s*include\s+"([^"]+)"/)?.[1];
			if (!target) return;
			const theirs = rank(target);
			const where = `${f}:${i + 1}: includes ${target}`;
			if (area === "test") return;
			if (mine < 0) wrong.push(`${f}: common/${f.split("/")[1]} is no floor of the Makefile`);
			else if (theirs < 0) wrong.push(`${where}: neither a floor nor a program, from the root of the tree`);
			else if (theirs > mine) wrong.push(`${where}: that floor is above`);
			else if (mine === floors.length && theirs === mine && target.split("/")[0] !== area) wrong.push(`${where}: that is another program`);
			else if (!existsSync(target) && !/\.def$/.test(target)) wrong.push(`${where}: it is not there`);
		});
	}
	check("layers", [...new Set(wrong)], floors.join(" < "));
}
// Libraries that do i/o are known to common/io only (and libpq to the ledger, which installs in one blocking transaction);
// what decides knows no clock and no environment.
{
	const io = /^(uv|libpq-fe|libpq\/.*|hiredis\/(?!read).*|curl\/.*|wslay\/.*|llhttp)\.h$/;
	const impure = /\b(getenv|clock_gettime|gettimeofday|time|fopen|open|socket|printf|fprintf)\s*\(/;
	const pure = new Set(["base", "evm", "solana", "app"]);
	const wrong = [];
	for (const f of c) {
		const [area, floor] = f.split("/");
		if (area === "test" || (area === "common" && floor === "io")) continue;
		lines(f).forEach((line, i) => {
			const header = line.match(/^\s*#\s*include\s+<([^>]+)>/)?.[1];
			if (header && io.test(header) && !(floor === "ledger" && header === "libpq-fe.h")) wrong.push(`${f}:${i + 1}: <${header}> belongs into common/io`);
			if (area === "common" && (floor === "base" || floor === "evm") && /\.c$/.test(f) && /\b(getenv|clock_gettime|gettimeofday|fopen|socket)\s*\(/.test(line)) wrong.push(`${f}:${i + 1}: ${line.match(impure)?.[1]} in a pure floor`);
		});
	}
	check("i/o libraries stay in common/io", wrong, `${[...pure].filter((p) => floors.includes(p)).join(", ")} are pure`);
}
{
	const r = sh("clang-format", "--dry-run", "-Werror", ...c);
	const wrong = r.error ? [String(r.error)] : r.stderr.split("\n").filter((l) => /error:/.test(l)).map((l) => l.replace(/ \[-Wclang.*$/, ""));
	const per = new Map();
	for (const w of wrong) per.set(w.split(":")[0], (per.get(w.split(":")[0]) ?? 0) + 1);
	check("clang-format", [...per].map(([f, n]) => `${f}: ${n} place${n > 1 ? "s" : ""} (clang-format -i ${f})`), `${c.length} files`);
}
// Each header can be the first thing a file includes, and says in a comment what it is before anything else.
{
	const flags = sh("pkg-config", "--cflags", ...makefile.match(/^PKGS\s*:?=\s*(.+)$/m)[1].trim().split(/\s+/)).stdout.trim().split(/\s+/);
	const wrong = [];
	const headers = c.filter((f) => /^(common|listener|batcher|submitter|reconciler)\/.*\.h$/.test(f));
	for (const h of headers) {
		const r = sh("cc", "-std=gnu11", "-fsyntax-only", "-I.", "-Wno-unused", "-isystem", "/usr/share/include/llhttp", "-DFAIRLEAD_VERSION=\"0\"", ...flags, "-x", "c", h);
		if (r.status) wrong.push(r.stderr.split("\n").find((l) => /error/.test(l)) ?? `${h}: does not stand alone`);
		if (!/^\/\*/.test(text(h))) wrong.push(`${h}:1: a header opens with what it is and what it is not`);
	}
	check("headers stand alone", wrong, `${headers.length}`);
}
// The words are put together here so that this file does not hold them.
{
	const word = (...parts) => parts.join("");
	const rules = [
		[new RegExp(`\\b(${[word("TO", "DO"), word("FIX", "ME"), word("XX", "X"), word("HA", "CK")].join("|")})\\b`), "unfinished work has no mark, it has an issue"],
		[new RegExp(`(^|[\\s"'\`=(:])/(${[word("wo", "rk"), word("ro", "ot"), word("ho", "me")].join("|")})/`), "a path of one machine"],
		[new RegExp([word("registry\\.", "npmjs"), word("registry\\.", "yarnpkg"), word("deb\\.", "debian\\.org"), word("security\\.", "debian\\.org"), word("files\\.python", "hosted"), word("pypi\\.", "org"), word("static\\.crates", "\\.io"), word("proxy\\.", "golang")].join("|")), "the address of a package registry"],
		[/\bBEGIN (RSA |EC |OPENSSH )?PRIVATE KEY\b/, "a private key"],
	];
	const wrong = [];
	for (const f of files) {
		if (statSync(f).size > 2_000_000) continue;
		const t = text(f);
		if (t.includes("\0")) continue;
		t.split("\n").forEach((line, i) => {
			for (const [re, why] of rules) if (re.test(line)) wrong.push(`${f}:${i + 1}: ${why}: ${line.trim().slice(0, 100)}`);
		});
	}
	for (const f of files) if (/(^|\/)(package-lock\.json|yarn\.lock|pnpm-lock\.yaml)$/.test(f)) wrong.push(`${f}: lock files name registries`);
	check("words", wrong, `${files.length} files`);
}
// Every fault point is passed somewhere: a point that no code has proves nothing.
if (existsSync("common/io/fault.def")) {
	const all = c.filter((f) => !f.startsWith("test/")).map(text).join("\n");
	const points = [...text("common/io/fault.def").matchAll(/^FAULT_POINT\((\w+)/gm)].map((m) => m[1]);
	check("fault points are in the code", points.filter((p) => !new RegExp(`\\bFAULT_${p}\\b`).test(all)).map((p) => `common/io/fault.def: ${p} is passed nowhere`), `${points.length}`);
}
{
	const wrong = [];
	for (const f of files.filter((f) => f.endsWith(".mjs"))) {
		const r = sh(process.execPath, "--check", f);
		if (r.status) wrong.push(`${f}: ${r.stderr.split("\n").find((l) => /Error/.test(l))}`);
	}
	for (const f of files.filter((f) => /^#!.*\bbash\b/.test(text(f).slice(0, 40)))) {
		const r = sh("bash", "-n", f);
		if (r.status) wrong.push(r.stderr.trim());
	}
	check("scripts parse", wrong);
}
// What the README tells a reader to type is there.
{
	const wrong = [];
	const readme = text("README.md");
	const targets = new Set([...sh("make", "-pRrq", "help").stdout.matchAll(/^([a-z][\w-]*):/gm)].map((m) => m[1]));
	const code = [...readme.replace(/```yaml[\s\S]*?```/g, "").matchAll(/```[a-z]*\n([\s\S]*?)```|`([^`\n]+)`/g)].map((m) => m[1] ?? m[2]).join("\n");
	for (const m of code.matchAll(/\bmake ((?:[A-Z_]+=\S+ )*)([a-z][\w-]*)/g)) if (!targets.has(m[2])) wrong.push(`README.md: make ${m[2]} is no target`);
	for (const m of code.matchAll(/(?:^|[\s`(])((?:common|listener|batcher|submitter|reconciler|sql|deploy|test|\.ci)\/[\w./-]*)/gm)) {
		const path = m[1].replace(/[.,:]+$/, "");
		if (!existsSync(path) && !/[<*…]/.test(path) && !existsSync(dirname(path) + "/" + path.split("/").pop().replace(/\..*$/, "") + ".h")) wrong.push(`README.md: ${path} is not there`);
	}
	for (const m of readme.matchAll(/\]\((?!https?:|#)([^)#]+)\)/g)) if (!existsSync(m[1])) wrong.push(`README.md: the link ${m[1]} leads nowhere`);
	check("README", [...new Set(wrong)]);
}
// Sizes are a report: about 40 lines a function and 500 a file; a table or a switch may be longer.
{
	const long = [], big = [], all = [];
	for (const f of c.filter((f) => f.endsWith(".c") && !f.startsWith("test/"))) {
		const l = lines(f);
		if (l.length > 500) big.push(`${f}: ${l.length} lines`);
		for (let i = 0; i < l.length; i++) {
			if (l[i] !== "{" && !/^\S.*\)\s*\{$/.test(l[i])) continue;
			const end = l.indexOf("}", i);
			if (end < 0) break;
			let head = i;
			while (l[i] === "{" && head > 0 && !/^\w/.test(l[head - 1]) && l[head - 1] !== "") head--;
			const name = (l[i] === "{" ? l.slice(Math.max(0, i - 4), i).join(" ") : l[i]).match(/(\w+)\s*\([^()]*(?:\([^()]*\)[^()]*)*\)?\s*\{?$/)?.[1] ?? "?";
			all.push(end - i + 1);
			if (end - i + 1 > 60) long.push([end - i + 1, `${f}:${i + 1}: ${name} has ${end - i + 1} lines`]);
			i = end;
		}
	}
	all.sort((a, b) => a - b);
	const at = (q) => all[Math.floor((all.length - 1) * q)] ?? 0;
	console.log(`sizes: ${all.length} functions, median ${at(0.5)} lines, p95 ${at(0.95)}, longest ${at(1)}; ${long.length} above 60, ${big.length} files above 500`);
	for (const [, l] of long.sort((a, b) => b[0] - a[0]).slice(0, 10)) console.log(`    ${l}`);
	for (const l of big) console.log(`    ${l}`);
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
