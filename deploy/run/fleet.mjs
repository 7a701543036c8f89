// The four programs on one file: started, waited for, started again when they die, measured, drained.
import { readFileSync, rmSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { ending, isAlive, start, stop, tail } from "./proc.mjs";

export const programs = ["listener", "batcher", "submitter", "reconciler"];

export function ask(socketPath, path) {
	return new Promise((done, fail) => {
		const q = request({ socketPath, path, timeout: 3000 }, (a) => {
			let body = "";
			a.on("data", (d) => (body += d));
			a.on("end", () => done({ status: a.statusCode, body }));
		});
		q.on("timeout", () => q.destroy(new Error("no answer")));
		q.on("error", fail);
		q.end();
	});
}

export class Fleet {
	// options: { bin, file, env, dir (of sockets), log (directory), cwd, said: (text) => … about deaths }
	constructor(options) {
		Object.assign(this, options, { members: {}, ending: false, spent: 0, restarts: 0 });
	}
	socket(program) {
		return join(this.dir, `${program}.sock`);
	}
	launch(program, pause = 200) {
		rmSync(this.socket(program), { force: true });
		const p = start(join(this.bin, `fairlead-${program}`), { name: program, args: [this.file], env: { ...this.env, ...(program === "submitter" ? {} : { OWNER_PRIVATE_KEY: undefined }), FAIRLEAD_HEALTH: `unix:${this.socket(program)}` }, log: join(this.log, program), death: "KILL", cwd: this.cwd });
		this.members[program] = p;
		const from = Date.now();
		p.exited.then(() => {
			if (this.ending || this.holding) return;
			const wait = Date.now() - from > 30000 ? 200 : Math.min(pause, 5000);
			this.restarts++;
			this.said?.(`${program} ended (${ending(p)}); it is started again in ${(wait / 1000).toFixed(1)} s. Its last words: ${tail(p.log, 1)}`);
			this.timer = setTimeout(() => this.ending || this.launch(program, wait * 2), wait);
		});
		return p;
	}
	// Starts all and waits until each says that it is ready; a program that ends first throws with its words.
	async start(show = () => {}) {
		this.holding = true;
		const ready = {};
		const draw = () => show(programs.map((p) => `${p} ${ready[p] ? this.ok : this.more}`).join("   "));
		for (const p of programs) this.launch(p);
		const end = Date.now() + 60000;
		draw();
		await Promise.all(programs.map(async (p) => {
			for (let last = ""; !ready[p]; ) {
				const m = this.members[p];
				if (!isAlive(m)) throw new Error(`${p} ended: ${ending(m)}\n${tail(m.log, 12)}`);
				try {
					const r = await ask(this.socket(p), "/readyz");
					ready[p] = r.status === 200;
					last = r.body.trim();
				} catch (e) {
					last = e.message;
				}
				if (!ready[p] && Date.now() > end) throw new Error(`${p} is not ready after 60 s: ${last}\n${tail(m.log, 12)}`);
				if (!ready[p]) await new Promise((r) => setTimeout(r, 20));
			}
			draw();
		}));
		this.holding = false;
	}
	// CPU seconds since start and memory (proportional share) in MiB, of the four together.
	usage() {
		let ticks = 0, kib = 0;
		for (const p of Object.values(this.members)) {
			try {
				const stat = readFileSync(`/proc/${p.pid}/stat`, "utf8");
				const f = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
				ticks += Number(f[11]) + Number(f[12]);
				kib += Number(readFileSync(`/proc/${p.pid}/smaps_rollup`, "utf8").match(/^Pss:\s+(\d+)/m)?.[1] ?? 0);
			} catch {
				// it has just ended
			}
		}
		return { cpu: ticks / 100, mib: kib / 1024 };
	}
	async stop() {
		this.ending = true;
		clearTimeout(this.timer);
		const all = Object.values(this.members);
		await Promise.all(all.map((p) => stop(p, { ms: 15000 })));
		return all.filter((p) => p.code !== 0).map((p) => `${p.name} did not drain (${ending(p)}): .run/log/${p.name}`);
	}
}
