// One world: a chain from a seed on the scripted node, a listener and a batcher of its own on a fresh database, what the plan does
// to them, and at the end what must hold.
import { spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bins } from "../lib/world.mjs";
import { command } from "../lib/redis.mjs";
import { scriptedNode } from "../lib/scripted.mjs";
import { keys } from "../../deploy/run/servers.mjs";
import * as app from "./app.mjs";
import { broken, invariants } from "./look.mjs";
import { well } from "./plan.mjs";

const patience = Number(process.env.PATIENCE_MS ?? 30000);
const nap = (ms) => new Promise((r) => setTimeout(r, ms));
const describe = (e) => (e.code !== undefined && e.signal === undefined ? e.message : e.stack ?? String(e));

async function until(fn, what, w) {
	let last = "";
	for (const end = Date.now() + patience; ; await nap(8)) {
		if (w.problems.length) throw new Error(`while waiting for ${what}`);
		const said = await fn();
		if (said === true) return;
		last = said || last;
		if (Date.now() > end) throw new Error(`${what} did not come within ${patience / 1000} s${last ? `: ${last}` : ""}`);
	}
}

// A listener or batcher that is started again whenever it dies, until it is let go.
class Program {
	constructor(w, name) {
		Object.assign(this, { w, name, on: false, starts: 0, deaths: [] });
		this.socket = join(w.sockets, `${name}.sock`);
		this.log = join(w.dir, `${name}.log`);
	}
	start(fault) {
		this.on = true;
		this.#spawn(fault);
	}
	#spawn(fault) {
		const out = openSync(this.log, "a");
		const env = { PATH: process.env.PATH, ...this.w.env, FAIRLEAD_HEALTH: `unix:${this.socket}` };
		if (process.env.FAIRLEAD_TEST) env.FAIRLEAD_TEST = process.env.FAIRLEAD_TEST;
		if (fault) env.FAIRLEAD_FAULT = `${this.name}.${fault}`;
		this.starts++;
		const child = spawn("setpriv", ["--pdeathsig", "KILL", "--", join(bins("release"), `fairlead-${this.name}`), "fairlead.yaml"], { cwd: this.w.dir, stdio: ["ignore", out, out], env });
		closeSync(out);
		this.child = child;
		this.fault = fault;
		this.exited = new Promise((done) => child.once("exit", (code, signal) => {
			this.child = undefined;
			const asked = this.asked, own = fault?.endsWith(":kill") && signal === "SIGKILL";
			this.asked = undefined;
			const drained = code === 0 || code === 75 || signal === "SIGTERM"; // SIGTERM before main() holds it
			if (asked === "SIGTERM" && !drained && !own) this.w.problems.push(`${this.name} did not drain: ${signal ?? `exit ${code}`}`);
			else if (signal !== asked && !own && !(asked === "SIGTERM" && drained) && code !== 75) this.w.problems.push(`${this.name} ended by itself: ${signal ?? `exit ${code}`}`);
			this.deaths.push(signal ?? code);
			if (this.on) this.#spawn();
			done();
		}));
	}
	async kill({ down, fault } = {}) {
		if (!this.child) return down || this.on ? undefined : this.start(fault);
		this.on = false;
		this.asked = "SIGKILL";
		this.child.kill("SIGKILL");
		await this.exited;
		if (!down) this.start(fault);
	}
	async stop() {
		this.on = false;
		if (!this.child) return;
		this.asked = "SIGTERM";
		this.child.kill("SIGTERM");
		const child = this.child;
		const timer = setTimeout(() => {
			this.w.problems.push(`${this.name} was still there 10 s after SIGTERM`);
			this.asked = "SIGKILL";
			child.kill("SIGKILL");
		}, 10000);
		await this.exited;
		clearTimeout(timer);
	}
	text() {
		return existsSync(this.log) ? readFileSync(this.log, "utf8") : "";
	}
}

// slot: { pg, redis, admin (a client of PostgreSQL), client(database) }; dir is made anew. Returns { ok, problems, note }.
export async function runWorld(plan, { dir, sockets, slot, template, reindex }) {
	rmSync(dir, { recursive: true, force: true });
	mkdirSync(dir, { recursive: true });
	mkdirSync(sockets, { recursive: true });
	const w = { plan, dir, sockets, problems: [], stats: {} };
	const ends = [];
	try {
		await command(slot.redis.socket, "FLUSHALL");
		w.node = await scriptedNode({ seed: plan.seed, endpoints: plan.endpoints.length + 1, chain: Object.keys(plan.node).length ? plan.node : undefined });
		ends.push(() => w.node.close());
		w.database = plan.database;
		w.db = await fresh(w, slot, template, ends, w.database);
		w.honest = plan.endpoints.length;
		const all = Array.from({ length: w.honest }, (_, i) => i);
		await w.node.do([...app.shapes.map((shape) => ({ shape })), { set: { on: all, ...plan.tags } }]);
		writeFileSync(join(dir, "app.sql"), app.sql);
		writeFileSync(join(dir, "fairlead.yaml"), app.yaml(plan, w.node.endpoints.slice(0, w.honest)));
		w.env = environment(slot, w.database);
		w.programs = { listener: new Program(w, "listener"), batcher: new Program(w, "batcher") };
		for (const step of plan.steps) {
			if (w.problems.length) break;
			await take(w, slot, step);
		}
		if (!w.problems.length) await settle(w);
		if (!w.problems.length) await judge(w);
		await Promise.all(Object.values(w.programs).map((p) => p.stop()));
		if (!w.problems.length) w.problems.push(...(await invariants(w)));
		if (!w.problems.length && reindex) await again(w, slot, template, ends);
	} catch (e) {
		w.problems.push(describe(e));
	}
	for (const p of Object.values(w.programs ?? {})) {
		p.on = false;
		if (p.child) {
			p.asked = "SIGKILL";
			p.child.kill("SIGKILL");
			await p.exited;
		}
	}
	for (const end of ends.reverse()) await end().catch((e) => w.problems.push(`while ending: ${e.message}`));
	for (const p of Object.values(w.programs ?? {})) {
		const bug = p.text().match(/^.*(?:\blevel=bug\b|ERROR: (?:Address|Leak)Sanitizer|runtime error:).*$/m);
		if (bug) w.problems.push(`${p.name}: ${bug[0]}`);
	}
	if (!w.problems.length && !process.env.KEEP) rmSync(dir, { recursive: true, force: true });
	return { ok: !w.problems.length, problems: w.problems, stats: w.stats };
}

async function fresh(w, slot, template, ends, name) {
	await slot.admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
	await slot.admin.query(`CREATE DATABASE ${name} TEMPLATE ${template} STRATEGY FILE_COPY`); // a tenth of what WAL_LOG costs
	ends.push(() => slot.admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
	const c = await slot.client(name);
	ends.push(() => c.end());
	const db = async (text) => (await c.query(text)).rows;
	db.list = async (text) => (await c.query({ text, rowMode: "array" })).rows;
	return db;
}

export const environment = (slot, database) => ({ DATABASE_URL: slot.pg.url(database), REDIS_URL: slot.redis.url, OWNER_KEY: keys[0], ASAN_OPTIONS: "exitcode=99:abort_on_error=0:detect_leaks=1", UBSAN_OPTIONS: "halt_on_error=1:print_stacktrace=1" });

async function take(w, slot, step) {
	const p = w.programs;
	const both = (who) => (who === "both" ? [p.listener, p.batcher] : [p[who]]);
	const of = (program, fault) => (fault?.program === program.name ? fault.at : undefined);
	if (step.node) await w.node.do(step.node);
	else if (step.calm) await w.node.do(well(w.honest));
	else if (step.start) for (const x of both(step.start)) x.start(of(x, step.fault));
	else if (step.crash) await Promise.all(both(step.crash).map((x) => x.kill({ down: step.down, fault: of(x, step.fault) })));
	else if (step.stop) await p[step.stop].stop();
	else if (step.flush) await command(slot.redis.socket, "FLUSHALL");
	else if (step.caught) {
		for (const x of both("both")) if (!x.on) x.start();
		await w.node.do(well(w.honest));
		await caughtUp(w);
	} else if (step.pause !== undefined) await nap(step.pause);
	else throw new Error(`a step that nobody knows: ${JSON.stringify(step)}`);
}

// The cursor at the head of the chain, its hash the chain's, and the rules behind it.
async function caughtUp(w) {
	const { head, hash } = (await w.node.do({ heads: true })).main;
	await until(async () => {
		const [x] = await w.db(`SELECT c.done::int AS done, c.halted, l.at::int AS listen, a.at::int AS apply, (SELECT '0x' || encode(b.hash, 'hex') FROM fairlead.block b WHERE b.chain = c.id AND b.number = c.done) AS hash
			FROM fairlead.chain c JOIN fairlead.lane l ON l.name = 'listen:main' JOIN fairlead.lane a ON a.name = 'apply:main'`);
		if (!x) return "the chain has no row yet";
		if (x.halted) throw new Error(`the chain halted: ${x.halted}`);
		if (x.done > head) return `the cursor is at ${x.done}, the head at ${head}`;
		return (x.done === head && (x.hash ?? hash) === hash && x.apply === x.listen) || `cursor ${x.done} ${x.hash} of ${head} ${hash}, rules at ${x.apply} of ${x.listen}`;
	}, "the cursor and the rules at the head", w);
}

// All is well, the chain grows past every grace, and everything comes to rest.
async function settle(w) {
	for (const x of Object.values(w.programs)) if (!x.on) x.start();
	await w.node.do(well(w.honest));
	const { head } = (await w.node.do({ heads: true })).main;
	await w.node.do({ mine: { blocks: Math.max(0, w.plan.blocks - head) + 3, logs: [{ shape: "moved", count: 1 }] } });
	await caughtUp(w);
	if (w.plan.chain.sweep) await until(async () => (await wrongEvents(w)) || true, "a sweep to find what was left out", w);
	// Where finality is a tag that nobody told, the floor waits for it: it is asked once a second, with a block.
	await until(async () => {
		if (!(await broken(w, "the window is whole")).length) return true;
		await w.node.do({ mine: 1 });
		await caughtUp(w);
		return "the floor is below the blocks that are kept";
	}, "the window to be whole", w);
	// A grace is counted in blocks from when the batcher looks, and by one that was killed meanwhile once more: the chain goes on until
	// nothing waits for one.
	await until(async () => {
		await w.node.do({ mine: { blocks: w.plan.chain.grace + 1, logs: [{ shape: "opened", count: 1 }] } });
		await caughtUp(w);
		const [{ n }] = await w.db("SELECT count(*)::int AS n FROM fairlead.item WHERE cause IS NULL AND state = 'batched'");
		return n === 0 || `${n} are there`;
	}, "items whose event is gone to leave their batches", w);
}

async function truth(w) {
	const logs = await w.node.rpc("eth_getLogs", [{ fromBlock: "0x0", toBlock: "latest" }], w.honest);
	return app.eventsOf(logs, w.plan.start);
}

function differ(name, have, want) {
	const h = new Map(), more = [], less = [];
	for (const x of have) h.set(x, (h.get(x) ?? 0) + 1);
	for (const x of want) {
		if (h.get(x)) h.set(x, h.get(x) - 1);
		else less.push(x);
	}
	for (const [x, n] of h) for (let i = 0; i < n; i++) more.push(x);
	if (!more.length && !less.length) return "";
	return `${name}: ${more.length} too many (${more.slice(0, 3).join("; ")}), ${less.length} missing (${less.slice(0, 3).join("; ")})`;
}

async function tables(db, rules) {
	const out = {};
	for (const [name, q] of Object.entries(app.queries)) {
		if (rules === "setwise" && !["balance", "label", "journal"].includes(name)) continue;
		out[name] = (await db.list(q)).map((r) => JSON.stringify(r)).sort();
	}
	return out;
}

const wrongEvents = async (w) => differ("events", (await w.db(app.eventQuery)).map(app.eventLine), (await truth(w)).map(app.eventLine));

async function judge(w) {
	const events = await truth(w), wrong = await wrongEvents(w);
	if (wrong) {
		w.problems.push(wrong);
		return;
	}
	// What waits for a grace, a timer or finality is waited for; then it is exactly this.
	await until(async () => {
		const [{ final }] = await w.db("SELECT final::int FROM fairlead.chain");
		const want = app.tablesOf(events, w.plan.rules, final);
		const have = await tables(w.db, w.plan.rules);
		return Object.keys(want).map((k) => differ(k, have[k], want[k])).filter(Boolean).join(" | ") || true;
	}, "the tables of the rules and the items to be those of the final chain", w);
	const [s] = await w.db("SELECT (SELECT count(*)::int FROM fairlead.reorg) AS reorgs, (SELECT count(*)::int FROM fairlead.retraction) AS retracted, (SELECT count(*)::int FROM fairlead.batch) AS batches");
	w.stats = { events: events.length, ...s, starts: w.programs.listener.starts + w.programs.batcher.starts, blocks: w.plan.blocks };
}

// A listener and a batcher read the final chain once, into a fresh database: the same tables.
async function again(w, slot, template, ends) {
	await command(slot.redis.socket, "FLUSHALL");
	const name = `${w.database}_again`;
	const db = await fresh(w, slot, template, ends, name);
	const second = { ...w, db, env: environment(slot, name), programs: {} };
	second.programs = { listener: new Program(second, "listener"), batcher: new Program(second, "batcher") };
	for (const p of Object.values(second.programs)) p.log = join(w.dir, `${p.name}-again.log`);
	try {
		for (const p of Object.values(second.programs)) p.start();
		await caughtUp(second);
		const strip = (list) => list.map(app.eventLine);
		const wrong = differ("events of the first reading beside a clean one", strip(await w.db(app.eventQuery)), strip(await db(app.eventQuery)));
		if (wrong) w.problems.push(wrong);
		const ids = "SELECT encode(_id, 'hex') || ' ' || _block || ' ' || _log AS x FROM fairlead.event";
		const names = differ("identities beside a clean reading", (await w.db(ids)).map((r) => r.x), (await db(ids)).map((r) => r.x));
		if (names) w.problems.push(names);
		await until(async () => {
			const two = await tables(db, w.plan.rules), one = await tables(w.db, w.plan.rules);
			delete one.settled, delete two.settled; // each as final as its own reading found it
			return Object.keys(one).map((k) => differ(`${k} beside a clean re-index`, one[k], two[k])).filter(Boolean).join(" | ") || true;
		}, "the tables to equal those of a clean re-index", second);
	} finally {
		await Promise.all(Object.values(second.programs).map((p) => p.stop()));
	}
}
