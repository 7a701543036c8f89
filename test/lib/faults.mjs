// What F-01 walks: every fault point on an event's way, in one running fleet, each reached with work under way. Those of requests and
// their jobs (request_…, job_…) are passed by no event: D-04 and D-05 walk them. Those of a lane's take-over, of replacements and of
// the looks in between are walked by the cells of test/certify, a dozen of them in G-01; `walked` says which.
//
//   walk(t, mode)     mode: "kill" (the process kills itself, a supervisor restarts it) | "err" (the point fails) |
//                     "stop" (it freezes past its lease, a second process takes over, then it wakes)
//
// The oracle (exactlyOnce) is the chain's own counter of writes with skip: off, and PostgreSQL against what the node saw.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { programs } from "./world.mjs";

export const withoutSkip = (text) => text.replace(/^ *skip:.*\n/m, "");
// Short waits, and a comparison each second, so that the points of the clocks are passed too.
const quick = (text) => withoutSkip(text).replaceAll("every: 5m", "every: 1s");
export const quickEnv = { BATCH_TIMEOUT_MS: "100", POLLING_INTERVAL_MS: "500", RPC_RETRY_DELAY_MS: "20", RECONNECT_DELAY_MS: "20", GRACEFUL_SHUTDOWN_TIMEOUT_MS: "20000", ADMIN_TOKEN: null };

// Every token of ids: one item, done, its code on the chain, written once; every transaction that left was committed before.
export async function exactlyOnce(w, ids, ms = 60000) {
	const { assert } = w.t;
	const state = async () => (await w.sql("SELECT state, count(*) AS n FROM fairlead.item GROUP BY 1 ORDER BY 1")).map((r) => `${r.n} ${r.state}`).join(", ");
	try {
		await w.waitFor(async () => (await state()) === `${ids.length} done`, `${ids.length} items to be done`, ms);
	} catch (e) {
		throw new Error(`${e.message}; there are ${await state()}`);
	}
	const keys = (await w.sql("SELECT key::int AS id FROM fairlead.item ORDER BY 1")).map((r) => r.id);
	assert.deepEqual(keys, [...ids].sort((a, b) => a - b), "an item a token");
	assert.ok(await w.codesSet(ids), "each code is the mapping's");
	const writes = await Promise.all(ids.map((id) => w.writes(id)));
	assert.deepEqual(ids.filter((id, i) => writes[i] !== 1).map((id) => `token ${id} was written ${writes[ids.indexOf(id)]} times`), []);
	const bulks = await w.bulks();
	assert.deepEqual(bulks.filter((b) => !b.ok), [], "no transaction failed");
	assert.deepEqual(bulks.flatMap((b) => b.ids).sort((a, b) => a - b), keys, "each token in one transaction");
	assert.deepEqual(bulks.map((b) => b.nonce).sort((a, b) => a - b), bulks.map((b, i) => i + bulks[0].nonce), "no nonce is left out");
	// P2: what left stands in PostgreSQL since before it left
	const attempts = new Map((await w.sql("SELECT '0x' || encode(hash, 'hex') AS hash, extract(epoch FROM at) * 1000 AS at FROM fairlead.attempt")).map((r) => [r.hash, Number(r.at)]));
	const owner = w.node.raws.filter((r) => r.from === w.owner);
	assert.ok(owner.length >= bulks.length);
	assert.deepEqual(owner.filter((r) => !(attempts.get(r.hash) <= r.at + 1)).map((r) => r.hash), [], "signed bytes were committed before they left");
	assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.slot WHERE closed IS NULL")).n, 0);
	assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.dead")).n, 0);
	return bulks;
}

export async function faultPoints(w) {
	const points = [];
	for (const program of programs) {
		const { code, out } = await w.run(program, ["--faults"], { file: null });
		w.t.assert.equal(code, 0);
		for (const line of out.trim().split("\n")) {
			const [of, name] = line.split(" ");
			if (of === program) points.push({ program, name, id: name.slice(program.length + 1) });
		}
	}
	return points;
}

const stateOf = (pid) => readFileSync(`/proc/${pid}/stat`, "latin1").replace(/^.*\) /s, "")[0];

export const walked = (id) => !/^(request|job|lane|load|mark|watch|change|claim|topup|order|foreign)_|^send_(before_broadcast|after_store)$/.test(id);

export async function walk(t, mode) {
	const { assert } = t;
	const w = await t.world({ mining: 0.25, yaml: quick, env: quickEnv });
	const all = await faultPoints(w), points = all.filter((p) => walked(p.id));
	const text = readFileSync(new URL("../../common/io/fault.def", import.meta.url), "utf8");
	assert.equal(all.length, [...text.matchAll(/^FAULT_POINT\(/gm)].length, "--faults lists them all");
	const ids = [];
	let next = 1;
	const reveal = () => {
		const some = [next++, next++, next++];
		ids.push(...some);
		return w.revealEach(some);
	};
	const quiet = async () => {
		await w.waitFor(async () => (await w.one("SELECT count(*) AS n FROM fairlead.item WHERE state = 'done'")).n === ids.length, "quiet");
		const head = await w.head();
		await w.waitFor(async () => (await w.one("SELECT done >= $1 AS past FROM fairlead.chains", [head + 3])).past, "three more blocks");
	};
	// What makes a program pass the point, beside events and their consequences.
	const provoke = {
		listen_before_retract: reorg, listen_after_retract: reorg,
		repair_before_ring: stuck, repair_after_ring: stuck,
	};
	async function reorg() { // of empty blocks: what the fleet did stays, the log gets a retraction
		await w.chain.rpc("anvil_reorg", 2, []);
	}
	let frozen;
	async function stuck() { // the batcher sleeps on events that were rung
		frozen ??= running.batcher.now;
		frozen.freeze();
		await reveal();
	}
	const unstick = () => {
		frozen?.thaw();
		frozen = undefined;
	};

	const running = {};
	for (const program of programs) running[program] = await w.supervise(program);
	let spare = 0;
	for (const point of points) {
		const { program, id } = point;
		const trace = join(w.dir, `${mode}-${id}.trace`);
		const s = running[program];
		// The supervised one ends and is started anew with the point armed; after its death it is started without.
		if (id === "listen_before_retract" || id === "listen_after_retract") await quiet();
		s.on = false;
		await s.now.stop();
		await s.over;
		const armed = await w.supervise(program, { name: program, env: { FAIRLEAD_FAULT: `${point.name}:1:${mode}`, FAIRLEAD_FAULT_TRACE: trace }, again: { FAIRLEAD_FAULT: null, FAIRLEAD_FAULT_TRACE: null }, wait: false });
		running[program] = armed;
		const first = armed.now;
		if (mode === "stop") await w.waitFor(() => stateOf(first.pid) === "T" || first.lines("lease.gain").length > 0, `${program} to lead`);
		if (provoke[id]) await provoke[id]();
		else await reveal();
		const reached = () => {
			try {
				return readFileSync(trace, "utf8").split("\n").includes(point.name);
			} catch {
				return false;
			}
		};
		await w.waitFor(reached, `the fault point ${point.name} to be reached`);
		if (mode === "kill") {
			await w.waitFor(() => armed.deaths === 1 && armed.codes[0] === "SIGKILL" && armed.now !== first, `${program} to die at ${point.name} and to be started again`);
		} else if (mode === "stop") {
			await w.waitFor(() => stateOf(first.pid) === "T", `${program} to freeze at ${point.name}`);
			first.frozen = true;
			const lanes = await w.sql("SELECT name, epoch FROM fairlead.lane WHERE holder LIKE $1", [`%:${first.pid}`]);
			assert.equal(lanes.length, 1, `${program} held its lane when it froze`);
			const other = await w.start(program, { name: `${program}${++spare}`, wait: "alive" });
			// its lease runs out: as if ten seconds had passed
			const over = async () => {
				await w.sql("UPDATE fairlead.lane SET until = '-infinity' WHERE name = $1 AND epoch = $2", [lanes[0].name, lanes[0].epoch]);
				return (await w.one("SELECT epoch > $2 AS over FROM fairlead.lane WHERE name = $1", [lanes[0].name, lanes[0].epoch])).over;
			};
			await w.waitFor(over, `another ${program} to take over from the one frozen at ${point.name}`);
			unstick();
			await reveal();
			await w.waitFor(() => w.codesSet(ids), `the fleet to go on while ${program} is frozen at ${point.name}`);
			first.thaw();
			await w.waitFor(() => first.lines("lease.lost").length > 0 || !first.running, `the one that woke to notice that it leads no more (${point.name})`);
			armed.on = false;
			await first.stop();
			await armed.over;
			running[program] = { on: false, now: other, over: Promise.resolve() };
		}
		unstick();
	}
	await reveal();
	const bulks = await exactlyOnce(w, ids);
	t.note(`${points.length} points, ${ids.length} tokens in ${bulks.length} transactions`);
}
