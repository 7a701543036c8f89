// Child processes that can't be left behind. Each has a log file, its own process group (so that Ctrl-C in a terminal
// reaches only us, and we end things in order) and a parent-death signal (so that nothing survives even kill -9 of us).
import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { once } from "node:events";

const alive = new Set();

// options: { args, env (added to ours), cwd, log (file, appended), death (signal name at our death), uid, gid, name }
export function start(command, options = {}) {
	const { args = [], env = {}, cwd, log, death = "KILL", uid, gid, name = command } = options;
	const drop = uid === undefined ? [] : [`--reuid=${uid}`, `--regid=${gid}`, "--clear-groups"];
	let out = "ignore";
	if (log) {
		mkdirSync(dirname(log), { recursive: true });
		out = openSync(log, "a");
	}
	const child = spawn("setpriv", ["--pdeathsig", death, ...drop, "--", command, ...args], {
		cwd, detached: true, stdio: ["ignore", out, out], env: { ...process.env, ...env },
	});
	if (log) closeSync(out);
	const p = { name, pid: child.pid, log, code: undefined, signal: undefined, child };
	alive.add(p);
	p.exited = new Promise((done) => {
		child.once("error", (e) => {
			p.code = 127;
			p.error = e;
			alive.delete(p);
			done(p);
		});
		child.once("exit", (code, signal) => {
			p.code = code;
			p.signal = signal;
			alive.delete(p);
			done(p);
		});
	});
	return p;
}

export const isAlive = (p) => alive.has(p);
// How it ended, in words: "exit 78", "killed by SIGSEGV".
export const ending = (p) => (p.signal ? `killed by ${p.signal}` : `exit ${p.code}`);

export function signal(p, name) {
	if (!isAlive(p)) return false;
	try {
		return process.kill(p.pid, name);
	} catch {
		return false;
	}
}

// The whole group: for programs that start others.
export function signalGroup(p, name) {
	try {
		return process.kill(-p.pid, name);
	} catch {
		return false;
	}
}

// Asks to end, waits, and after `ms` insists. Resolves to the process; p.forced says that it had to be killed.
export async function stop(p, { with: sig = "SIGTERM", ms = 15000 } = {}) {
	if (!isAlive(p)) return p;
	signal(p, "SIGCONT");
	signal(p, sig);
	const timer = setTimeout(() => {
		p.forced = true;
		signalGroup(p, "SIGKILL");
	}, ms);
	await p.exited;
	clearTimeout(timer);
	return p;
}

export function killAll() {
	for (const p of alive) signalGroup(p, "SIGKILL");
}

// Runs to the end; output as text. Does not throw: look at code.
export async function run(command, args = [], options = {}) {
	const child = spawn(command, args, { ...options, env: { ...process.env, ...options.env }, stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"] });
	let text = "";
	let stdout = "";
	child.stdout.on("data", (d) => {
		text += d;
		stdout += d;
	});
	child.stderr.on("data", (d) => (text += d));
	if (options.input !== undefined) {
		child.stdin.on("error", () => {});
		child.stdin.end(options.input);
	}
	const [code, sig] = await once(child, "close").catch((e) => [127, String(e)]);
	return { code: code ?? 128, signal: sig, text, stdout };
}

export const tail = (file, lines = 20) => {
	try {
		return readFileSync(file, "utf8").trimEnd().split("\n").slice(-lines).join("\n");
	} catch {
		return "";
	}
};

// Waits until fn() gives something true; throws after ms with what it waited for. A throwing fn is "not yet".
export async function until(fn, what, ms = 30000, every = 30) {
	const end = Date.now() + ms;
	for (let last; ; ) {
		try {
			const value = await fn();
			if (value) return value;
			last = undefined;
		} catch (e) {
			if (e?.final) throw e;
			last = e;
		}
		if (Date.now() > end) throw new Error(`waited ${Math.round(ms / 1000)} s for ${typeof what === "function" ? what() : what}${last ? `; the last try: ${last.message}` : ""}`);
		await new Promise((r) => setTimeout(r, every));
	}
}
