// make bench: the same burst done by a hand-written Node worker and by Fairlead, beside the floor (the same transactions, presigned
// and sent at once); then what the fleet costs when idle, how it starts, and how soon one event is a row and a transaction.
// Closes with lines `figure <name> <value>`. Every contender has a fresh chain, database and Redis.
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { keys, makeWorld, programs } from "../lib/world.mjs";
import * as servers from "../../deploy/run/servers.mjs";
import { need, root } from "../../deploy/run/npm.mjs";
import { until } from "../../deploy/run/proc.mjs";

const { ethers } = need("ethers");
const tokens = Number(process.env.BENCH_TOKENS ?? 5000), singles = Number(process.env.BENCH_SINGLES ?? 200), gasLimit = 300000000;
const dir = join(root, ".run/bench");
const figures = [];
const figure = (name, value) => figures.push([name, typeof value === "number" ? String(Math.round(value * 1000) / 1000) : value]);
const say = (text) => console.log(text);
const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

rmSync(dir, { recursive: true, force: true });
mkdirSync(dir, { recursive: true });
const pg = await servers.postgres(join(dir, "pg"), { log: join(dir, "postgresql.log") });

// One world for one contender, ended behind it.
async function inWorld(name, options, fn) {
	const t = { id: name, dir: join(dir, name), ends: [], shared: { pg: { dir: pg.dir, user: servers.dbUser } }, note: say };
	mkdirSync(t.dir, { recursive: true });
	const w = await makeWorld(t, { mining: 1, gasLimit, proxy: false, fleet: [], supply: tokens + 1000, mapping: tokens + 1000, ...options });
	try {
		return await fn(w);
	} catch (e) {
		say(`  ${name}: ${e.message}`); // before what its end makes others say
		throw e;
	} finally {
		for (const end of t.ends.reverse()) await end();
		if (w.problems.length) throw new Error(`${name}: ${w.problems.join("; ")}`);
	}
}

function cpuSeconds(pid) { // of a living process
	const f = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
	return (Number(f[11]) + Number(f[12])) / 100;
}
function pssMib(pid) {
	return Number(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8").match(/^Pss:\s+(\d+)/m)[1]) / 1024;
}
const sum = (list) => list.reduce((a, b) => a + b, 0);

// Samples the sum of PSS until stopped; the peak counts.
function peakPss(pids) {
	let peak = 0;
	const timer = setInterval(() => {
		try {
			peak = Math.max(peak, sum(pids.map(pssMib)));
		} catch {
			// a process has just ended: the samples before it stand
		}
	}, 100);
	return () => (clearInterval(timer), peak);
}

function child(script, env) {
	const p = spawn(process.execPath, [join(root, "test/bench", script)], { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "inherit"] });
	return new Promise((done, fail) => {
		p.stdout.on("data", (d) => String(d).includes("listening") && done(p));
		p.on("exit", (code) => fail(new Error(`${script} ended with ${code}`)));
	});
}

// All tokens revealed, one TokenRevealed each, in one block if the node lets us: blocks stand still while they are sent.
async function burst(w, ids) {
	await w.chain.rpc("evm_setIntervalMining", 0);
	await w.revealEach(ids, { wait: false });
	await w.chain.rpc("evm_mine");
	const from = await w.head();
	await w.chain.rpc("evm_setIntervalMining", 1);
	const logs = await until(async () => {
		const got = await w.chain.rpc("eth_getLogs", { fromBlock: ethers.toQuantity(w.block), toBlock: "latest", address: w.address, topics: [ethers.id("TokenRevealed(uint256)")] });
		return got.length === ids.length && got;
	}, `${ids.length} reveals to be mined`, 30000);
	return { from, last: Math.max(...logs.map((l) => Number(l.blockNumber))), t0: performance.now() };
}

// Waits until every code stands on the chain; the block of the last one that was set.
async function settled(w, ids, limit) {
	const minedAt = async () => {
		const got = await w.chain.rpc("eth_getLogs", { fromBlock: ethers.toQuantity(w.block), toBlock: "latest", address: w.address, topics: [ethers.id("TokenCodesUpdated(uint256[],string[])")] });
		const set = new Set();
		for (const l of got) for (const id of w.iface.parseLog(l).args[0]) set.add(Number(id));
		return set.size === ids.length && Math.max(...got.map((l) => Number(l.blockNumber)));
	};
	const block = await until(minedAt, `${ids.length} codes on the chain`, limit);
	const writes = await Promise.all(ids.filter((_, i) => i % 97 === 0).map((id) => w.writes(id)));
	if (writes.some((n) => n !== 1)) throw new Error("a code was written more than once");
	return block;
}

const ids = Array.from({ length: tokens }, (_, i) => i + 1);

async function floor() {
	return inWorld("floor", {}, async (w) => {
		const owner = new ethers.Wallet(keys[0]);
		const first = Number(await w.chain.rpc("eth_getTransactionCount", owner.address, "latest"));
		const raws = [];
		for (let i = 0; i < ids.length; i += 10) {
			const part = ids.slice(i, i + 10);
			const data = w.iface.encodeFunctionData("setBulkTokenCodes", [part, part.map((id) => w.codes[id])]);
			raws.push(await owner.signTransaction({ type: 2, chainId: 31337, to: w.address, data, nonce: first + raws.length, gasLimit: 1100000, maxFeePerGas: 10n ** 12n, maxPriorityFeePerGas: 10n ** 9n }));
		}
		const b = await burst(w, ids);
		for (let i = 0; i < raws.length; i += 100)
			await fetch(w.chain.http, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(raws.slice(i, i + 100).map((raw, k) => ({ jsonrpc: "2.0", id: k, method: "eth_sendRawTransaction", params: [raw] }))) });
		const end = await settled(w, ids, 60000);
		return { blocks: end - b.last, s: (performance.now() - b.t0) / 1000 };
	});
}

async function nodeWorker() {
	return inWorld("worker", {}, async (w) => {
		const p = await child("worker.mjs", { ...w.env });
		const peak = peakPss([p.pid]);
		const before = cpuSeconds(p.pid);
		const b = await burst(w, ids);
		const end = await settled(w, ids, 120000);
		const s = (performance.now() - b.t0) / 1000, cpu = cpuSeconds(p.pid) - before;
		p.removeAllListeners("exit");
		p.kill();
		return { blocks: end - b.last, s, cpu, pss: peak() };
	});
}

async function fleet() {
	return inWorld("fairlead", { fleet: "all", env: { SEND_WINDOW: "1000", CATCHUP_BATCH_SIZE: "5000" } }, async (w) => {
		const pids = programs.map((p) => w.programs[p].pid);
		await new Promise((r) => setTimeout(r, 3000)); // idle: a while without work, only to be measured
		const idle = sum(pids.map(pssMib)), idleCpu = sum(pids.map(cpuSeconds));
		const peak = peakPss(pids);
		const before = sum(pids.map(cpuSeconds));
		const b = await burst(w, ids);
		const end = await settled(w, ids, 120000);
		const s = (performance.now() - b.t0) / 1000;
		const cpu = sum(pids.map(cpuSeconds)) - before;
		const each = programs.map((p, i) => `${p} ${cpuSeconds(pids[i]).toFixed(2)}`).join(", ");
		await until(async () => (await w.one("SELECT count(*)::int AS n FROM fairlead.item WHERE state = 'done'")).n === tokens, "all items done", 60000);
		const starts = await startTimes(w);
		return { blocks: end - b.last, s, cpu, pss: peak(), idle, idleCpu, each, starts };
	});
}

// exec to ready, the schema present: each program five times, the slowest program's median.
async function startTimes(w) {
	await w.stopAll();
	const all = {};
	for (const name of programs) {
		all[name] = [];
		for (let i = 0; i < 5; i++) {
			const socket = join(w.dir, `s${i}.sock`);
			let last;
			const t0 = performance.now();
			const p = spawn(join(root, process.env.BUILD ?? "build/release", `bin/fairlead-${name}`), [w.yaml], { cwd: w.dir, env: { ...process.env, ...w.env, FAIRLEAD_HEALTH: `unix:${socket}` }, stdio: "ignore" });
			for (;;) {
				const ok = await new Promise((done) => request({ socketPath: socket, path: "/readyz" }, (a) => {
					a.on("data", (d) => (last = String(d)));
					a.on("end", () => done(a.statusCode === 200));
				}).on("error", (e) => done(!(last = e.message))).end());
				if (ok) break;
				if (performance.now() - t0 > 20000) throw new Error(`${name} did not become ready: ${last}`);
			}
			all[name].push(performance.now() - t0);
			p.kill("SIGTERM");
			await new Promise((done) => p.once("exit", done));
		}
	}
	return Object.fromEntries(Object.entries(all).map(([k, v]) => [k, median(v)]));
}

// One event at a time: how soon it is a committed row, and how soon a transaction stands in the node's pool. Fairlead and two
// watchers take ten events each in turn; who is not measured stands still, so that none waits for another's work on two cores,
// and all have the same node, database and minutes.
async function latency() {
	return inWorld("latency", { mining: "auto", fleet: "all", env: { BATCH_TIMEOUT_MS: "0" } }, async (w) => {
		const { Client } = need("pg");
		const WebSocket = need("ws");
		const where = { host: w.pg.dir, user: servers.dbUser, database: w.database };
		await w.sql("CREATE FUNCTION bench_tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_notify('bench', TG_ARGV[0] || ' ' || NEW.token_id); RETURN NULL; END $$");
		await w.sql("CREATE TRIGGER tell AFTER INSERT ON companions.token_revealed FOR EACH ROW EXECUTE FUNCTION bench_tell('fairlead')");
		const hear = new Client(where);
		hear.on("error", () => {}); // ended with the world
		await hear.connect();
		const seen = {};
		hear.on("notification", (n) => (seen[n.payload] = performance.now()));
		await hear.query("LISTEN bench");
		const pool = new WebSocket(w.chain.ws);
		await new Promise((done) => pool.once("open", done));
		const hashes = new Map();
		pool.on("message", (m) => {
			const { params } = JSON.parse(m);
			if (params?.result) hashes.set(params.result, performance.now());
		});
		pool.send(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "eth_subscribe", params: ["newPendingTransactions"] }));

		const fleetPids = programs.map((p) => w.programs[p].pid);
		const sides = { fairlead: { from: w.owner.toLowerCase(), pids: fleetPids, times: { row: [], send: [] } } };
		const watchers = [];
		for (const [name, key] of [["ethers", keys[2]], ["viem", keys[3]]]) {
			await w.sql(`CREATE TABLE bench_${name} (token_id numeric, tx text, block bigint)`);
			await w.sql(`CREATE TRIGGER tell AFTER INSERT ON bench_${name} FOR EACH ROW EXECUTE FUNCTION bench_tell('${name}')`);
			const p = await child("watcher.mjs", { ...w.env, WATCHER: name, WATCHER_KEY: key, WATCHER_PG: JSON.stringify(where), WATCHER_TABLE: `bench_${name}` });
			watchers.push(p);
			sides[name] = { from: new ethers.Wallet(key).address.toLowerCase(), pids: [p.pid], times: { row: [], send: [] } };
		}
		const names = Object.keys(sides), signal = (name, s) => sides[name].pids.forEach((pid) => process.kill(pid, s));
		const rowOf = (name, id) => until(() => seen[`${name} ${id}`], () => `event ${id} to be a row of ${name}`, 20000);

		let id = 1; // until the watchers' subscriptions stand, their events are nobody's
		for (; !names.every((n) => Object.keys(seen).some((k) => k.startsWith(n))); id++) {
			await w.reveal([id], { wait: false });
			await rowOf("fairlead", id);
			await new Promise((r) => setTimeout(r, 100));
		}
		for (const n of names) signal(n, "SIGSTOP");
		for (let turn = 0; sides.viem.times.send.length < singles; turn++) {
			const me = names[turn % names.length];
			signal(me, "SIGCONT");
			if (turn >= names.length || me === "fairlead") await rowOf(me, id - 1); // it has caught up
			await until(async () => Number(await w.chain.rpc("txpool_status").then((s) => s.pending)) === 0, "the pool to be empty", 20000);
			await new Promise((r) => setTimeout(r, 300)); // its own work on what it missed ends
			for (let k = 0; k < 10; k++, id++) {
				hashes.clear();
				const t0 = performance.now();
				await w.reveal([id], { wait: false });
				sides[me].times.row.push(await rowOf(me, id) - t0);
				let sent;
				await until(async () => {
					for (const [hash, at] of hashes) if ((await w.chain.rpc("eth_getTransactionByHash", hash))?.from === sides[me].from) sent ??= at;
					return sent;
				}, () => `event ${id} to be sent by ${me}`, 20000);
				sides[me].times.send.push(sent - t0);
			}
			signal(me, "SIGSTOP");
		}
		for (const n of names) signal(n, "SIGCONT");
		for (const p of watchers) {
			p.removeAllListeners("exit");
			p.kill();
		}
		pool.close();
		await hear.end();
		return Object.fromEntries(names.map((n) => [n, { row: median(sides[n].times.row), send: median(sides[n].times.send) }]));
	});
}

try {
	say(`burst: ${tokens} reveals in one block, blocks of 1 s, batches of 10`);
	const f = await floor();
	say(`  floor        ${f.blocks} blocks  ${f.s.toFixed(1)} s   presigned, sent at once`);
	const n = await nodeWorker();
	say(`  Node worker  ${n.blocks} blocks  ${n.s.toFixed(1)} s   ${n.cpu.toFixed(2)} s CPU  ${n.pss.toFixed(0)} MiB`);
	const o = await fleet();
	say(`  Fairlead     ${o.blocks} blocks  ${o.s.toFixed(1)} s   ${o.cpu.toFixed(2)} s CPU  ${o.pss.toFixed(1)} MiB   (${o.each})`);
	say(`idle: ${o.idle.toFixed(1)} MiB for the four, ${o.idleCpu.toFixed(2)} s CPU since start; start to ready: ${Object.entries(o.starts).map(([k, v]) => `${k} ${v.toFixed(0)} ms`).join(", ")}`);
	const l = await latency();
	say(`one event, median of ${singles}: a row after ${l.fairlead.row.toFixed(1)} ms (ethers ${l.ethers.row.toFixed(1)}, viem ${l.viem.row.toFixed(1)}), a transaction after ${l.fairlead.send.toFixed(1)} ms (ethers ${l.ethers.send.toFixed(1)}, viem ${l.viem.send.toFixed(1)})`);
	figure("burst_floor_blocks", f.blocks);
	figure("burst_blocks", o.blocks);
	figure("burst_s", o.s);
	figure("burst_floor_s", f.s);
	figure("burst_worker_s", n.s);
	figure("fleet_cpu_s", o.cpu);
	figure("worker_cpu_s", n.cpu);
	figure("fleet_pss_mib", o.pss);
	figure("worker_pss_mib", n.pss);
	figure("idle_pss_mib", o.idle);
	figure("start_ms", Math.max(...Object.values(o.starts)));
	figure("event_to_row_ms", l.fairlead.row);
	figure("event_to_row_ethers_ms", l.ethers.row);
	figure("event_to_row_viem_ms", l.viem.row);
	figure("event_to_send_ms", l.fairlead.send);
	figure("event_to_send_ethers_ms", l.ethers.send);
	figure("event_to_send_viem_ms", l.viem.send);
	for (const [name, value] of figures) console.log(`figure ${name} ${value}`);
} finally {
	await pg.stop("fast");
}
process.exit(0);
