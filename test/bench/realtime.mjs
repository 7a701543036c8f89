// How soon is one event a committed row? Fairlead's listener, which reads each block by its hash, beside a script that inserts
// what viem's WebSocket watcher hands it. Both live on one anvil that mines on demand and in one database; they take ten events in
// turn, and who is not measured stands still (SIGSTOP), so that none waits for the other's work on two cores.
//
//   mined      the miner (this process) has the transaction in the pool and asks evm_mine over an open socket; the block is mined as
//              long after that as anvil's answer took while both readers stood still (the median of 40 such blocks, printed). When
//              the answer comes beside a reader that is at work, it comes late, and the later the quicker the reader is; so it is
//              left in the socket until the row stands: to read it takes a core for a third of a millisecond, just then.
//   committed  the time that PostgreSQL noted in the commit record of the row's transaction (pg_xact_commit_timestamp of its xmin),
//              read when all is over: nothing that measures runs beside the commit, no trigger, no notification.
//   one clock  before each event PostgreSQL is asked for its clock three times; the quickest answer says how far its clock is from
//              the miner's, and half of its round trip is the error, printed as its median.
//
// Between the events lie 5 to 20 ms at random, so that no timer of anybody keeps step.
import { mkdirSync } from "node:fs";
import { spawn } from "node:child_process";
import { connect } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { need } from "../../deploy/run/npm.mjs";
import { burstOn, transfer, yaml } from "./burst.mjs";

const rest = (ms) => new Promise((r) => setTimeout(r, ms));
const at = (list, share) => [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * share))];

// ── the watcher: node realtime.mjs watch ──

async function watch() {
	const { Client } = need("pg");
	const viem = need("viem");
	const { WS_URL, CONTRACT_ADDRESS, WATCH_PG } = process.env;
	const pg = new Client(JSON.parse(WATCH_PG));
	pg.on("error", () => process.exit(1)); // the server has ended, and so does the bench
	await pg.connect();
	await pg.query("CREATE TABLE watched (block bigint, log int, tx text, sender text, receiver text, value numeric, PRIMARY KEY (block, log))");
	let turn = Promise.resolve(); // one query at a time, as its client wants it
	const insert = (l) => (turn = turn.then(() => pg.query({ name: "in", text: "INSERT INTO watched VALUES ($1, $2, $3, $4, $5, $6)", values: [String(l.blockNumber), l.logIndex, l.transactionHash, l.args.from, l.args.to, String(l.args.value)] })));
	const client = viem.createPublicClient({ transport: viem.webSocket(WS_URL) });
	client.watchEvent({ address: CONTRACT_ADDRESS, event: viem.parseAbi([transfer])[0], strict: true, onLogs: (logs) => logs.forEach((l) => insert(l)), onError: (e) => console.error(`viem: ${e.message}`) });
	console.log("listening");
}

// ── the miner ──

// Calls of one kind over one socket that stays open: ask() returns when it was asked, answer() when the answer was read.
function caller(port, method) {
	const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params: [] });
	const text = `POST / HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
	let heard = () => {};
	// a socket that reads into a buffer of ours is the only one that pause() keeps from reading
	const onread = { buffer: Buffer.alloc(4096), callback: (n, b) => (heard(b.toString("latin1", 0, n)), true) };
	const socket = connect({ port, host: "127.0.0.1", noDelay: true, onread });
	const ask = () => {
		socket.pause();
		const asked = performance.now();
		socket.write(text);
		return asked;
	};
	const answer = () => new Promise((done, fail) => {
		heard = (d) => (d.includes(" 200 ") ? done(performance.now()) : fail(new Error(d)));
		socket.resume();
	});
	return { ask, answer, end: () => socket.destroy() };
}

// What to add to performance.now() for PostgreSQL's clock, in ms, and how wrong that may be.
async function clock(c) {
	let best;
	for (let i = 0; i < 3; i++) {
		const a = performance.now();
		const { t } = (await c.query({ name: "clock", text: "SELECT extract(epoch FROM clock_timestamp()) * 1000 AS t" })).rows[0];
		const b = performance.now();
		if (!best || b - a < best.error * 2) best = { add: Number(t) - (a + b) / 2, error: (b - a) / 2 };
	}
	return best;
}

async function turns(w, chain, burst, c, watcher, events) {
	const mine = caller(chain.port, "evm_mine");
	const sides = {
		fairlead: { pid: w.programs.listener.pid, rows: 'SELECT _block AS block, xmin FROM token.transfer', list: [] },
		viem: { pid: watcher.pid, rows: "SELECT block, xmin FROM watched", list: [] },
	};
	const names = Object.keys(sides);
	const stands = async (s, block) => {
		for (let i = 0; ; i++) {
			await rest(10); // longer than a usual event: this question is not beside it
			if ((await c.query(`SELECT FROM (${s.rows}) x WHERE block = $1`, [block])).rowCount) return;
			if (i > 1000) throw new Error(`the event of block ${block} became no row`);
		}
	};
	let first = 1, block = await w.head();
	const one = async (s) => {
		await burst.send(first++, 1);
		const k = await clock(c);
		await rest(5 + Math.random() * 15);
		const asked = mine.ask();
		await stands(s, ++block);
		await mine.answer();
		return { block, asked: asked + k.add, error: k.error };
	};
	for (const n of names) await one(sides[n]); // both hear
	for (const n of names) process.kill(sides[n].pid, "SIGSTOP");
	const alone = [];
	for (let i = 0; i < 40; i++, block++) {
		await burst.send(first++, 1);
		await rest(5 + Math.random() * 15);
		const asked = mine.ask();
		alone.push((await mine.answer()) - asked);
	}
	const making = at(alone, 0.5);
	for (let turn = 0; sides.viem.list.length < events; turn++) {
		const s = sides[names[turn % 2]];
		process.kill(s.pid, "SIGCONT");
		await stands(s, block); // it has caught up with what it slept through
		await one(s);
		for (let k = 0; k < 10; k++) s.list.push(await one(s));
		process.kill(s.pid, "SIGSTOP");
	}
	for (const n of names) process.kill(sides[n].pid, "SIGCONT");
	mine.end();
	for (const n of names) {
		await stands(sides[n], block);
		const { rows } = await c.query(`SELECT block, extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000 AS t FROM (${sides[n].rows}) x`);
		if (rows.length !== first - 1) throw new Error(`${n} has ${rows.length} rows of ${first - 1} events`);
		const times = new Map(rows.map((r) => [Number(r.block), Number(r.t)]));
		for (const e of sides[n].list) e.ms = times.get(e.block) - e.asked - making;
	}
	return { ...sides, making };
}

// pg: a server with track_commit_timestamp. Returns the two ratios, ours / viem's.
export async function realtime({ dir, pg, say, events }) {
	const { Client } = need("pg");
	const { makeWorld } = await import("../lib/world.mjs");
	const servers = await import("../../deploy/run/servers.mjs");
	mkdirSync(dir, { recursive: true });
	const t = { id: "realtime", dir, ends: [], shared: { pg: { dir: pg.dir, user: servers.dbUser } }, note: say };
	const chain = await servers.anvil(dir, { mining: "manual" });
	let c, watcher;
	try {
		const burst = await burstOn(chain, 20);
		await chain.rpc("anvil_mine", "0x10");
		const w = await makeWorld(t, { chain: "none", mapping: {}, yaml: yaml({ ws: true }), env: { RPC_URL: chain.http, WS_URL: chain.ws, CONTRACT_ADDRESS: burst.address, DEPLOYMENT_BLOCK: null } });
		w.head = async () => Number(await chain.rpc("eth_blockNumber"));
		const where = { host: pg.dir, user: servers.dbUser, database: w.database };
		c = new Client(where);
		c.on("error", () => {});
		await c.connect();
		await w.start("listener");
		watcher = spawn("setpriv", ["--pdeathsig", "KILL", "--", process.execPath, fileURLToPath(import.meta.url), "watch"], { env: { ...process.env, WS_URL: chain.ws, CONTRACT_ADDRESS: burst.address, WATCH_PG: JSON.stringify(where) }, stdio: ["ignore", "pipe", "inherit"] });
		await new Promise((done, fail) => (watcher.stdout.once("data", done), watcher.once("exit", () => fail(new Error("the watcher ended")))));
		await rest(500); // its subscription has no event of its own to wait for
		const { fairlead, viem, making } = await turns(w, chain, burst, c, watcher, events);
		const p = (s, share) => at(s.list.map((e) => e.ms), share);
		say(`one event, block mined → row committed, ${events} each (anvil makes a block in ${making.toFixed(2)} ms):`);
		for (const [name, s] of Object.entries({ Fairlead: fairlead, viem }))
			say(`  ${name.padEnd(9)} median ${p(s, 0.5).toFixed(2)}  p90 ${p(s, 0.9).toFixed(2)}  p99 ${p(s, 0.99).toFixed(2)} ms  (clock ± ${at(s.list.map((e) => e.error), 0.5).toFixed(2)})`);
		return { ratio: p(fairlead, 0.5) / p(viem, 0.5), p99: p(fairlead, 0.99) / p(viem, 0.99), sides: { fairlead, viem } };
	} finally {
		watcher?.removeAllListeners("exit");
		watcher?.kill("SIGKILL");
		await c?.end();
		for (const end of t.ends.reverse()) await end();
		await chain.stop();
	}
}

if (process.argv[2] === "watch") await watch();
