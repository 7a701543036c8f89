// One cell: a fleet of four programs on the scripted node, one fault point of the submitter armed, one mood of the node; then the
// oracle. It is shown as passed only when the point was really passed and the mood really touched a call.
//
//   await runCell(t, cell, { template })     t: as in test/lib/world.mjs; throws what is wrong
//
// Nine events make nine items, nine items five batches: six before the fault, three behind it. The oracle (judge) is the node's count
// of effects, its receipts, and the raw transactions that it heard, against PostgreSQL. Rows of test/scenario use the same parts: prepare,
// miner, settled, judge, runSome.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { need } from "../../deploy/run/npm.mjs";
import { ADDRESS as BOX, boxYaml } from "../lib/box.mjs";
import { asAdmin, keys, makeWorld } from "../lib/world.mjs";
import { post } from "../lib/scripted.mjs";
import { cells, moods } from "./cells.mjs";

const { ethers } = need("ethers");

const FIRST = 5; // the account's count before the first block, so that the lane has to find it (S4)
const BLOCK_MS = 40;
const FIRST_WAVE = 6, SECOND_WAVE = 3;
const STRANGER = `0x${"99".repeat(20)}`;

export const yaml = boxYaml({ name: "certify", final: 2, batch: 'max: 2, wait: 20ms, send: "Box.act(id[])", signer: owner, retry: { first: "10ms" }' });

// Two keys: the second is short of money where the point is a top-up's.
const manyKeys = /^(claim|topup)_/, ether = 10n ** 18n;
const pooled = (point) => yaml.replace('key: "${OWNER_PRIVATE_KEY}"', `keys: ["\${OWNER_PRIVATE_KEY}", "\${SECOND_PRIVATE_KEY}"]${point.startsWith("topup") ? ', low: "1 ether", float: "2 ether"' : ""}`);

const worldOptions = { app: "ktty", chain: "node", mapping: {}, yaml };
const takesOver = new Set(["lane_before_take", "lane_after_take", "load_after_read"]); // armed in a process that finds open slots
const waits = (point) => /^(order|foreign)_/.test(point); // for a person, or the chain, to act on what has left
const leaves = new Set(["lane_before_leave", "lane_after_leave"]);
const changes = new Set(["change_before_commit", "change_after_commit"]);

const stateOf = (pid) => readFileSync(`/proc/${pid}/stat`, "latin1").replace(/^.*\) /s, "")[0];

// ── the chain, mined by us: at once, without the pool while anything holds it, or not at all ──
export function miner(n) {
	const held = new Map(); // who holds it → "pool" (blocks stay empty) or "all" (no blocks)
	const m = { on: true, hold: (who, what = "pool") => held.set(who, what), release: (who) => held.delete(who) };
	m.over = (async () => {
		while (m.on) {
			if (![...held.values()].includes("all")) {
				await n.mine(1, held.size ? { pool: false } : {});
				await m.behind?.();
			}
			await new Promise((r) => setTimeout(r, BLOCK_MS));
		}
	})();
	m.over.catch(() => {});
	m.stop = async () => {
		m.on = false;
		await m.over;
	};
	return m;
}

// ── moods: set() before anything runs; done() once its harm was done; touched() is what proves it ──
const sends = (n, harm, times = 2) => n.do({ mood: { id: "certify", method: "eth_sendRawTransaction", behind: true, times, ...harm } });
const touchedMood = async (n) => (await n.do({ moods: true })).every((m) => m.touched > 0);

const play = {
	honest: () => ({ touched: () => true }),
	lost: (c) => ({ set: () => sends(c.n, { cut: "before" }), touched: () => touchedMood(c.n) }),
	status: (c) => ({ set: () => sends(c.n, { status: 500, body: "oops" }), touched: () => touchedMood(c.n) }),
	evicts: (c) => {
		let evicted = 0;
		return {
			set: () => c.miner.hold("evicts"),
			during: async () => {
				await c.until(async () => (await c.n.do({ pool: true })).length > 0, "something to be in the pool");
				await c.calm();
				evicted = await c.n.do({ evict: true });
				c.miner.release("evicts");
			},
			touched: () => evicted > 0,
		};
	},
	lies: (c) => {
		const lie = (id, plus, skip) => c.n.do({ mood: { id, method: "eth_getTransactionCount", plus, skip, times: 3 } });
		return {
			set: async () => {
				await lie("high", 2, 4); // behind the first counts of the lane
				await lie("low", -2, 10);
			},
			touched: () => touchedMood(c.n),
		};
	},
	blind: (c) => ({
		set: () => c.n.do({ mood: { id: "blind", method: "eth_getTransactionReceipt", result: null, times: 60 } }),
		touched: () => touchedMood(c.n),
	}),
	reorg: (c) => reorgs(c),
	forgets: (c) => reorgs(c, { before: () => c.n.do({ chain: { repool: false } }) }),
	reverts: (c) => reorgs(c, { before: () => c.contract({ tx_fails: true }), then: () => c.contract({}) }),
};
for (const [name, m] of Object.entries(moods))
	if (m.pool) play[name] = (c) => {
		let refused = [];
		return {
			set: async () => {
				c.miner.hold("rules");
				await sends(c.n, { cut: "before" }, 1);
			},
			during: async () => {
				await c.until(async () => (refused = (await c.n.raws({ from: c.from })).filter((r) => r.refused)).length > 0, "the pool's own words for bytes that it has");
				c.miner.release("rules");
			},
			touched: async () => refused.length > 0 && (await c.n.state()).rules === m.pool && touchedMood(c.n),
		};
	};

// The blocks with our transactions leave before they are final; where it can be, behind their verdict and behind the fault.
function reorgs(c, { before, then } = {}) {
	let gone = 0;
	return {
		set: () => {
			// No block more behind the first of ours: what is final stays.
			c.miner.behind = async () => {
				if (Number(await c.n.rpc("eth_getTransactionCount", [c.from, "latest"])) === FIRST) return;
				c.miner.hold("reorg", "all");
				c.miner.behind = undefined;
			};
			return before?.();
		},
		during: async () => {
			let block;
			await c.until(async () => {
				const own = (await c.receipts()).filter(Boolean);
				block = Math.min(...own.map((r) => Number(r.blockNumber)));
				return own.length > 0 && !c.miner.behind;
			}, "a transaction of ours in a block");
			await c.until(async () => c.passed() && (c.point.startsWith("verdict") || (await c.w.one("SELECT count(*) AS n FROM fairlead.verdict")).n > 0), "its verdict");
			await c.until(() => heard(c), "the reconciler to have heard of it");
			await then?.();
			const head = await c.n.head();
			await c.n.do({ reorg: { depth: head - block + 1, blocks: head - block + 2, pool: false } });
			gone = (await c.receipts()).filter((r) => r === null).length;
			c.miner.release("reorg");
		},
		touched: () => gone > 0,
	};
}

// What rang for the reconciler is acknowledged: if it were to act before finality, it would have acted.
async function heard(c) {
	const groups = await c.w.redis("XINFO", "GROUPS", "certify:results:main").catch(() => []);
	const [top] = await c.w.redis("XREVRANGE", "certify:results:main", "+", "-", "COUNT", 1);
	const of = (g, name) => g[g.indexOf(name) + 1];
	return top ? groups.length > 0 && groups.every((g) => of(g, "pending") === 0 && of(g, "last-delivered-id") === top[0]) : c.point.startsWith("verdict") || (c.point === "lane_before_leave" && c.action === "kill"); // who dies there takes its bell along
}

// ── the cell ──
export async function prepare(t, cell = { mood: "honest" }, template, options = {}) {
	const many = manyKeys.test(cell.point);
	const w = await t.world({ ...worldOptions, ...(many ? { yaml: pooled(cell.point), env: { SECOND_PRIVATE_KEY: keys[1] } } : {}), ...options, template, node: { seed: 7, chain: { pool: moods[cell.mood].pool ?? "geth" } } });
	const n = w.scripted, from = new ethers.Wallet(keys[0]).address;
	const accounts = [{ address: from, first: FIRST }, ...(many ? [{ address: new ethers.Wallet(keys[1]).address, first: 2 }] : [])];
	const c = { w, n, from, accounts, used: [], ...cell, trace: join(w.dir, "trace"), processes: 0, waved: 0 };
	c.until = (fn, what, ms = 15000) => w.waitFor(fn, what, ms);
	await n.do([
		...accounts.map(({ address, first }) => ({ account: { address, nonce: first } })),
		...(/^topup/.test(cell.point) ? [{ account: { address: accounts[1].address, balance: `0x${(ether / 2n).toString(16)}` } }] : []),
		{ shape: { name: "put", address: BOX, event: "Put(uint256 indexed id)", args: { id: { seq: 1 } } } },
		{ mine: 3 },
	]);
	c.contract = (how) => n.do({ contract: { address: BOX, function: "act(uint256[] ids)", count: "ids", gas_each: 25000, ...how } });
	await c.contract({});
	c.wave = async (count) => {
		await n.mine(1, { pool: false, logs: { shape: "put", count } });
		c.waved += count;
	};
	c.passed = () => {
		try {
			return readFileSync(c.trace, "utf8").split("\n").includes(`submitter.${c.point}`);
		} catch {
			return false;
		}
	};
	c.receipts = async () => {
		const hashes = [...new Set((await n.raws({ from })).map((r) => r.hash))];
		return rpcs(n, hashes.map((h) => ["eth_getTransactionReceipt", [h]]));
	};
	c.submitter = (env = {}) => w.start("submitter", { name: `submitter${++c.processes}`, env, wait: false });
	// Nothing more is coming: all that is committed was heard by the node.
	c.calm = () => c.until(async () => (await w.one("SELECT count(*) AS n FROM fairlead.slot")).n * 2 >= FIRST_WAVE || c.passed(), "the first batches to be signed");
	return c;
}

async function rpcs(n, calls) {
	if (calls.length === 0) return [];
	const { text } = await post(n.http, calls.map(([method, params], id) => ({ jsonrpc: "2.0", id, method, params })));
	return JSON.parse(text).sort((a, b) => a.id - b.id).map((a) => a.result);
}

const armed = (c) => ({ FAIRLEAD_FAULT: `${c.point}:1:${c.action}`, FAIRLEAD_FAULT_TRACE: c.trace });

async function reach(c) {
	if (takesOver.has(c.point)) {
		c.miner.hold("take-over");
		const before = await c.submitter();
		await c.wave(FIRST_WAVE);
		await c.until(async () => (await c.n.raws({ from: c.from })).length >= FIRST_WAVE / 2, "the first process to have sent");
		await before.kill9();
	}
	if (changes.has(c.point) || waits(c.point)) c.miner.hold("change");
	if (c.point.startsWith("claim")) {
		await c.wave(FIRST_WAVE);
		await c.until(async () => (await c.w.one("SELECT count(*) AS n FROM fairlead.batch WHERE state = 'ready'")).n > 0, "something to be claimed");
	}
	const p = await c.submitter(armed(c));
	if (c.waved === 0) await c.wave(FIRST_WAVE);
	if (waits(c.point)) await c.until(async () => (await c.n.raws({ from: c.from })).length > 0, "something to be sent");
	if (c.point.startsWith("order")) {
		const { batch } = await c.w.one("SELECT batch FROM fairlead.slot ORDER BY nonce LIMIT 1");
		c.w.t.assert.equal((await c.w.run("submitter", ["--resend", String(batch)])).code, 0, "it is ordered");
	}
	// The chain itself uses the first nonce; no transaction of ours has it then.
	if (c.point.startsWith("foreign")) {
		await c.n.mine(1, { pool: false, txs: [{ key: "deposit", type: 126, from: c.from, to: STRANGER, moves: [c.from] }] });
		c.used.push(FIRST);
	}
	if (leaves.has(c.point)) {
		await c.until(async () => (await c.n.raws({ from: c.from })).length > 0, "something to be sent");
		p.signal9("SIGTERM");
	}
	await c.until(c.passed, `${c.point} to be passed`, 20000);
	c.miner.release("change");
	c.miner.release("take-over");
	return p;
}

// INV-1: what a dead or frozen submitter has acknowledged is bound.
async function acknowledgedIsBound(c) {
	const stream = "certify:sends:owner", tops = [];
	for (const g of await c.w.redis("XINFO", "GROUPS", stream).catch(() => [])) {
		const of = (name) => g[g.indexOf(name) + 1];
		const pending = new Set((await c.w.redis("XPENDING", stream, of("name"), "-", "+", 100)).map((e) => e[0]));
		const delivered = await c.w.redis("XRANGE", stream, "-", of("last-delivered-id"));
		tops.push(Math.max(0, ...delivered.map((e) => e[0]).filter((id) => !pending.has(id)).map((id) => Number(id.split("-")[0]))));
	}
	// each lane of a pool hears every bell: what one still owes an answer for is not lost
	const top = tops.length ? Math.min(...tops) : 0;
	const { n } = await c.w.one("SELECT count(*) AS n FROM fairlead.batch WHERE state = 'ready' AND id <= $1", [top]);
	c.w.t.assert.equal(n, 0, `${n} batches up to ${top} are acknowledged and not bound`);
}

async function act(c, p) {
	if (c.action === "kill") {
		await p.exited;
		c.w.t.assert.equal(p.signal, "SIGKILL", `${c.point} killed it`);
		await acknowledgedIsBound(c);
		await c.submitter();
	} else if (c.action === "stop") {
		await c.until(() => stateOf(p.pid) === "T", `the process to freeze at ${c.point}`);
		p.frozen = true;
		await acknowledgedIsBound(c);
		const late = await c.submitter();
		const lane = () => c.w.one("SELECT name, epoch, holder FROM fairlead.lane WHERE name LIKE 'send:%' AND holder LIKE $1", [`%:${late.pid}`]);
		await c.until(async () => {
			await c.w.sql("UPDATE fairlead.lane SET until = '-infinity' WHERE name LIKE 'send:%' AND holder LIKE $1", [`%:${p.pid}`]);
			return lane();
		}, "another submitter to take over");
		await c.until(() => late.lines("lane.open").length > 0, "the taker to open the lane");
		await c.until(async () => (await c.w.one("SELECT count(*) AS n FROM fairlead.batch WHERE state = 'ready'")).n === 0, "the taker to sign what is ready");
		const held = p.lines("lease.gain").length > 0 && !leaves.has(c.point), halts = p.lines("lane.halted").length;
		p.thaw();
		// INV-8, P5: its first write is refused; with several lanes that may be the one that gives one away
		const ends = ["lease.lost", ...(c.accounts.length > 1 ? ["lease.given"] : [])];
		if (held) await c.until(() => ends.some((ev) => p.lines(ev).length > 0), "the one that woke late to notice that it leads no more");
		// a count of two too many, which the mood gave it before it froze, may still halt what was its lane then
		const lied = (l) => c.mood === "lies" && /has counted (\d+) .* knows of (\d+);/.test(l.reason) && RegExp.$1 - RegExp.$2 === 2;
		c.w.t.assert.deepEqual(p.lines("lane.halted").slice(halts).filter((l) => !lied(l)), [], "nonces that the taker used are no riddle to it");
	} else if (leaves.has(c.point)) {
		await p.exited;
		c.w.t.assert.equal(p.code, 0, "it drained");
		await c.submitter();
	}
}

export async function runCell(t, cell, { template } = {}) {
	const c = await prepare(t, cell, template);
	const mood = play[c.mood](c);
	c.miner = miner(c.n);
	try {
		await mood.set?.();
		await Promise.all(["listener", "batcher", "reconciler"].map((p) => c.w.start(p, { wait: false })));
		const during = mood.during?.() ?? Promise.resolve();
		during.catch(() => {});
		const p = await reach(c);
		await act(c, p);
		await during;
		await c.wave(SECOND_WAVE);
		await c.until(() => settled(c), () => `all to be final; now ${c.now}`, 20000);
		t.assert.ok(await mood.touched(), `the mood ${c.mood} touched nothing`);
		await c.n.do({ calm: true });
		await judge(c);
	} finally {
		await c.miner.stop().catch(() => {});
	}
	for (const p of c.w.all.filter((p) => p.running)) {
		if (p.program !== "submitter") await p.kill9();
		else t.assert.equal(await p.stop(), 0, `${p.name} drained`);
	}
}

// A cell in a world of its own, ended behind it. Returns what was wrong.
export async function runAlone(t, cell, template) {
	mkdirSync(t.dir, { recursive: true });
	const problems = [];
	const own = { ...t, id: cell.id, ends: [], assert, note() {} };
	own.world = (options) => makeWorld(own, options);
	await runCell(own, cell, { template }).catch((e) => problems.push(e.stack));
	for (const end of own.ends.reverse()) problems.push(...(await end()).problems);
	return problems;
}

// Some cells of the matrix as a row, three at once.
export async function runSome(t, ids) {
	const template = await templateOf(join(t.dir, "template"), t.shared);
	t.ends.push(async () => ({ problems: await asAdmin(t.shared.pg, `DROP DATABASE ${template}`).then(() => [], (e) => [e.message]) }));
	const queue = [...ids], problems = [];
	await Promise.all(Array.from({ length: 3 }, async () => {
		for (let id; (id = queue.shift()); ) {
			const cell = cells.find((c) => c.id === id);
			assert.ok(cell, `${id} is a cell`);
			for (const p of await runAlone({ dir: join(t.dir, id.replaceAll(":", "-")), shared: t.shared }, cell, template)) problems.push(`${p}\nagain: make certify CELLS=${id}`);
		}
	}));
	assert.deepEqual(problems, []);
}

export async function settled(c) {
	const items = await c.w.sql("SELECT state, count(*) AS n FROM fairlead.item GROUP BY 1 ORDER BY 1");
	const { n } = await c.w.one("SELECT count(*) AS n FROM fairlead.slot WHERE closed IS NULL");
	if (c.point?.startsWith("topup") && (await c.w.one("SELECT count(*) AS n FROM fairlead.topup")).n === 0) return false;
	c.now = `${items.map((r) => `${r.n} ${r.state}`).join(", ")}, ${n} open slots`;
	return n === 0 && items.length === 1 && items[0].state === "done" && items[0].n === c.waved;
}

// ── the oracle ──
export async function judge(c) {
	const effects = await c.n.do({ effects: { address: BOX } });
	assert.deepEqual(effects, Object.fromEntries(Array.from({ length: c.waved }, (_, i) => [i + 1, 1])), "each item has one effect");

	for (const account of c.accounts) await judgeAccount(c, account);
	assert.equal((await c.w.one("SELECT count(*) AS n FROM fairlead.dead")).n, 0);
	if (c.point?.startsWith("topup")) assert.equal((await c.w.one("SELECT count(*) AS n FROM fairlead.topup")).n, 1, "one top-up for one need");
}

// One key of ours. c.used: its nonces that the chain itself used up.
async function judgeAccount(c, { address, first }) {
	const signer = [address.slice(2).toLowerCase()], used = address === c.from ? c.used : [];
	const attempts = await c.w.sql(`
		SELECT a.nonce::int, a.kind, '0x' || encode(a.hash, 'hex') AS hash, extract(epoch FROM pg_xact_commit_timestamp(a.xmin)) * 1000 AS at,
		       array(SELECT item::int FROM fairlead.attempt_item x WHERE x.hash = a.hash ORDER BY 1) AS items
		  FROM fairlead.attempt a WHERE a.signer = decode($1, 'hex') ORDER BY a.nonce, a.n`, signer);
	const slots = await c.w.sql("SELECT nonce::int, batch::int, closed, '0x' || encode(winner, 'hex') AS winner, '0x' || encode(closed_hash, 'hex') AS block FROM fairlead.slot WHERE signer = decode($1, 'hex') ORDER BY nonce", signer);
	const verdicts = new Map((await c.w.sql("SELECT '0x' || encode(v.hash, 'hex') AS hash, '0x' || encode(v.block_hash, 'hex') AS block, v.ok FROM fairlead.verdict v JOIN fairlead.attempt a USING (hash) WHERE v.final AND a.signer = decode($1, 'hex')", signer)).map((v) => [v.hash, v]));
	const items = await c.w.sql("SELECT id::int, batch::int FROM fairlead.item ORDER BY id");
	const byHash = new Map(attempts.map((a) => [a.hash, a]));

	// P2: every raw transaction that the node ever saw is a row of attempt, older than its arrival
	const raws = await c.n.raws({ from: address });
	assert.deepEqual(raws.filter((r) => !byHash.has(r.hash)).map((r) => `${r.hash} with nonce ${r.nonce}`), [], "what left stands in PostgreSQL");
	assert.deepEqual(raws.filter((r) => !(Number(byHash.get(r.hash).at) < r.wall_ms + 1)).map((r) => `${r.hash} left ${Number(byHash.get(r.hash).at) - r.wall_ms} ms before its commit`), [], "committed before it left");

	// P3, P4: the account's count is the number of attempts that are mined, one a nonce, none left out
	const receipts = await rpcs(c.n, attempts.map((a) => ["eth_getTransactionReceipt", [a.hash]]));
	const mined = attempts.map((a, i) => ({ ...a, receipt: receipts[i] })).filter((a) => a.receipt);
	const count = Number(await c.n.rpc("eth_getTransactionCount", [address, "latest"]));
	const dense = Array.from({ length: count - first }, (_, i) => first + i), own = dense.filter((nonce) => !used.includes(nonce));
	assert.deepEqual(mined.map((a) => a.nonce), own, "one mined attempt a nonce, no gap");
	assert.deepEqual(slots.map((s) => s.nonce), dense, "a slot a nonce");
	assert.deepEqual(slots.filter((s) => s.closed === "foreign").map((s) => s.nonce), used, "a nonce that something else used is closed as such");
	assert.equal((await c.w.one("SELECT at FROM fairlead.lane WHERE name LIKE 'send:%' AND lower(right(name, 40)) = $1", signer)).at, count, "the lane stands at the account's count");
	assert.deepEqual((await c.n.do({ pool: true })).filter((x) => x.from.toLowerCase() === address.toLowerCase() && x.nonce >= count), [], "nothing of ours waits in the pool");

	// the ledger is the chain: winner, block, status, items
	for (const m of mined) {
		const s = slots.find((x) => x.nonce === m.nonce), v = verdicts.get(m.hash), ok = m.receipt.status === "0x1";
		const closed = !ok ? "reverted" : m.kind === "cancel" ? "cancelled" : "done";
		assert.deepEqual([s.winner, s.block, s.closed, v?.block, v?.ok], [m.hash, m.receipt.blockHash, closed, m.receipt.blockHash, ok], `slot ${s.nonce}`);
		if (closed === "done" && s.batch) assert.deepEqual(items.filter((it) => it.batch === s.batch).map((it) => it.id), m.items, `the items of slot ${s.nonce}`);
	}
	assert.equal(verdicts.size, mined.length, "a final verdict a mined transaction");
}

// The schema as the programs make it, without a chain: its database, of which each cell has a copy.
export async function templateOf(dir, shared) {
	const t = { id: "template", dir, shared, ends: [], assert, note() {} };
	const name = `certify_${process.pid}`;
	const w = await makeWorld(t, worldOptions);
	Object.assign(w.env, { RPC_URL: "http://127.0.0.1:9", WS_URL: "ws://127.0.0.1:9" });
	const p = await w.start("listener", { wait: false });
	await w.waitFor(() => w.one("SELECT FROM fairlead.application"), "the schema to be made");
	await p.kill9();
	const others = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${w.database}'`;
	await w.waitFor(() => asAdmin(w.pg, others).then(() => asAdmin(w.pg, `CREATE DATABASE ${name} TEMPLATE ${w.database}`)).then(() => true), "a copy of the schema");
	for (const end of t.ends.reverse()) await end();
	return name;
}
