// A seed makes a plan: how a world is configured and what happens in it, step by step. The same seed, the same plan.

function rng(seed) {
	let a = (seed * 0x9e3779b1) >>> 0;
	const next = () => {
		a = (a + 0x6d2b79f5) >>> 0;
		let t = a;
		t = Math.imul(t ^ (t >>> 15), t | 1);
		t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
		return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
	};
	const r = {
		unit: next,
		int: (least, most) => least + Math.floor(next() * (most - least + 1)),
		chance: (p) => next() < p,
		pick: (list) => list[Math.floor(next() * list.length)],
	};
	// { word: weight, … } → a word
	r.word = (weights) => {
		let x = next() * Object.values(weights).reduce((s, n) => s + n, 0);
		for (const [word, n] of Object.entries(weights)) if ((x -= n) < 0) return word;
		return Object.keys(weights)[0];
	};
	return r;
}

const providers = "alchemy ankr besu blast bsc chainstack cloudflare drpc erigon geth infura nethermind quicknode reth".split(" ");

export function planOf(seed) {
	const r = rng(seed);
	const window = r.pick([6, 8, 12, 20, 40]);
	const final = r.word({ depth: 5, finalized: 2, safe: 1, none: window >= 12 ? 2 : 0 });
	const completeness = r.word({ none: 7, bloom: 1, receipts: 3 });
	const n = r.int(1, 3);
	const plan = {
		seed,
		rules: r.word({ mixed: 3, setwise: 1 }),
		start: r.int(1, 4),
		chain: { window, range: r.pick([1, 3, 10, 1000]), run: r.pick([1, 7, 1000]), grace: r.int(0, 2) },
		endpoints: Array.from({ length: n }, () => ({ ws: r.word({ true: 4, false: 3, only: 2 }) })).map((e) => ({ ws: e.ws === "only" ? "only" : e.ws === "true" })),
		tags: { safe: r.int(1, Math.min(4, window)), finalized: r.int(2, window) },
		node: r.chance(0.3) ? { types: [0, 1, 2, 3, 4] } : {},
		steps: [],
	};
	if (final === "depth") plan.chain.final = r.int(1, window);
	else if (final !== "none") plan.chain.final = final;
	plan.chain.completeness = completeness;
	// What a sweep finds counts as if it had been read in time where it lies inside the window: all of such a world does.
	if (r.chance(0.15)) Object.assign(plan.chain, { sweep: "1s", window: 300, completeness: "none" });
	steps(r, plan);
	return plan;
}

const harvest = (r) => ["moved", "named", "opened", "foreign", "stranger"].filter((s) => r.chance(s === "opened" || s === "moved" ? 0.8 : 0.5)).map((shape) => ({
	shape, count: [r.pick([0, 0, 1]), r.int(1, 4)], ...(r.chance(0.3) ? { chance: 0.5 } : {}), per_tx: r.int(1, 3),
}));
const mine = (r, blocks) => ({ mine: { blocks, logs: harvest(r) } });

function steps(r, plan) {
	const add = (...s) => plan.steps.push(...s);
	const chain = { head: 0, top: 0, window: Math.min(plan.chain.window, 40) };
	const grow = (blocks) => {
		chain.head += blocks;
		chain.top = Math.max(chain.top, chain.head);
		return { node: mine(r, blocks) };
	};
	add(grow(r.pick([3, 10, 40, 90])));
	if (r.chance(0.5)) add({ node: mood(r, plan) }); // a mood from the beginning
	add({ start: "both", fault: r.chance(0.3) ? fault(r) : null });
	if (r.chance(0.7)) {
		add({ pause: 30 }, grow(1), { caught: true });
		if (r.chance(0.5)) add({ node: mood(r, plan) });
	}
	for (let i = r.int(10, 24); i > 0; i--) {
		const what = r.word({ grow: 10, reorg: 7, twice: 2, mood: 5, calm: 2, crash: 5, stop: 1, caught: 5, flush: 0.5, cut: 1 });
		if (what === "grow") add(grow(r.pick([1, 1, 1, 2, 5, 15])));
		else if (what === "reorg" || what === "twice") for (let k = what === "twice" ? 2 : 1; k > 0; k--) reorg(r, chain, add);
		else if (what === "mood") add({ node: mood(r, plan) });
		else if (what === "calm") add({ calm: true });
		else if (what === "crash") add({ crash: r.pick(["listener", "batcher", "both"]), fault: r.chance(0.6) ? fault(r) : null, down: r.chance(0.3) });
		else if (what === "stop") add({ stop: r.pick(["listener", "batcher"]) });
		else if (what === "caught") {
			if (chain.head <= chain.top) add(grow(chain.top - chain.head + 1)); // a lower head alone is never a reorg (R5)
			add({ caught: true });
		}
		else if (what === "flush") add({ flush: true });
		else add({ node: { cut: { ...(r.chance(0.5) ? { ws: true } : {}) } } });
		if (r.chance(0.7)) add({ pause: r.pick([0, 2, 5, 10, 20, 30, 60]) });
	}
	plan.blocks = chain.top;
}

// A reorg that the window can repair, wherever the cursor stands: the cursor is never above the highest head there ever was.
function reorg(r, chain, add) {
	const most = Math.min(chain.head - 1, chain.window - (chain.top - chain.head));
	if (most < 1) return;
	const depth = r.chance(0.25) ? most : r.int(1, Math.min(most, r.pick([1, 2, 4, most])));
	const room = most - depth; // how much lower the chain may end
	const shape = r.word({ longer: 5, same: 3, shorter: room > 0 ? 1 : 0, cut: room > 0 ? 0.5 : 0, long: 1 });
	if (shape === "cut") {
		chain.head -= depth;
		add({ node: { shorten: depth } });
		return;
	}
	const blocks = { longer: depth + 1, same: depth, shorter: Math.max(1, depth - 1), long: depth + r.int(2, 8) }[shape];
	chain.head += blocks - depth;
	chain.top = Math.max(chain.top, chain.head);
	add({ node: { reorg: { depth, blocks, keep: r.word({ none: 2, all: 2, shift: 2, other: 2 }), ...(r.chance(0.6) ? { logs: harvest(r) } : {}) } } });
}

const faults = { listener: "before_commit after_commit after_ring before_retract after_retract".split(" ").map((f) => `listen_${f}`), batcher: "apply_before_commit apply_after_commit apply_before_ack apply_after_ack cut_before_commit cut_after_commit cut_after_ring".split(" ") };
const fault = (r) => {
	const program = r.pick(["listener", "batcher"]);
	return { program, at: `${r.pick(faults[program])}:${r.int(1, 4)}:${r.word({ kill: 3, err: 1 })}` };
};

// What an endpoint does to its callers. None makes an honest log undetectable: what nobody can tell is not asked of anybody, but
// by a chain whose completeness is proved.
function mood(r, plan) {
	const on = r.int(0, plan.endpoints.length - 1), as = r.pick(providers), times = r.int(1, 6);
	const proved = plan.chain.completeness === "receipts" || plan.chain.sweep;
	const kinds = {
		latency: () => ({ mood: { on, latency: r.int(1, 15), jitter: r.int(0, 20) } }),
		error: () => ({ mood: { on, times, error: { code: -32000, message: r.pick(["internal error", "header not found", "too many requests", "request timed out", "limit exceeded"]) } } }),
		some: () => ({ mood: { on, chance: 0.25, seed: r.int(1, 1000), error: { code: -32603, message: "Internal error" } } }),
		status: () => ({ mood: { on, times, status: r.pick([500, 502, 503, 429, 404, 200]), body: r.pick(["", "<html>no</html>", "{}", "[]", "null"]) } }),
		cut: () => ({ mood: { on, times, cut: r.pick(["before", "middle", r.int(0, 300)]) } }),
		truncate: () => ({ mood: { on, times, truncate: true } }),
		hang: () => ({ mood: { on, times: r.int(1, 2), hang: true } }),
		null: () => ({ mood: { on, times, method: r.pick(["eth_getLogs", "eth_getBlockByNumber", "eth_getBlockByHash"]), result: null } }),
		id: () => ({ mood: { on, times: 1, id_is: 99999 } }),
		words: () => ({ mood: { on, times: r.int(1, 3), method: "eth_getLogs", as, kind: r.pick(["range", "results", "timeout"]), limit: r.int(1, 20) } }),
		lag: () => ({ set: { on, lag: r.chance(0.5) ? r.int(1, 4) : [0, r.int(1, 3)], beyond: r.pick(["clamp", "empty", "error", "null"]), future: r.pick(["empty", "error", "null"]), unknown_hash: r.pick(["error", "null"]) } }),
		pushes: () => ({ set: { on, lose: r.pick([0, 0.3, 0.8]), repeat: r.pick([0, 0.4]), order: r.pick(["heads-logs", "logs-heads", "shuffled"]), removed: r.chance(0.5) } }),
		silent: () => ({ set: { on, ...(r.chance(0.5) ? { silent: true } : { pushes: false }) } }),
		refuse: () => ({ set: { on, refuse: r.int(1, 3) } }),
		form: () => ({ set: { on, framing: r.pick(["chunked", "length"]), time_in_logs: r.chance(0.5), low_tags: r.chance(0.5) } }),
		range: () => ({ limit: { on, range: r.int(1, 30), as } }),
		results: () => ({ limit: { on, results: r.int(3, 40), as } }),
		slow: () => ({ limit: { on, timeout: r.int(1, 20), as } }),
		batch: () => ({ limit: { on, batch: r.int(2, 20), as } }),
		down: () => ({ down: { on } }),
		copies: () => ({ lie: { on, kind: r.pick(["repeat", "shuffle", "reverse"]), in: r.pick(["logs", "pushes"]), every: r.int(1, 3) } }),
		forge: () => ({ lie: { on, kind: "forge", in: "logs", times, every: r.int(1, 3), field: r.pick(["blockHash", "blockNumber"]) } }),
		omit: () => ({ lie: { on, kind: r.pick(["omit", "empty"]), in: "logs", times, every: r.int(1, 3) } }),
		behind: () => ({ set: { on, logs_behind: r.int(1, 2), logs_missing: "empty", unknown_hash: "empty" } }),
	};
	const weights = { latency: 3, error: 2, some: 1, status: 2, cut: 2, truncate: 1, hang: 1, null: 2, id: 0.5, words: 2, lag: 4, pushes: 3, silent: 1, refuse: 1, form: 1, range: 2, results: 2, slow: 1, batch: 1, down: 1, copies: 2, forge: 2, ...(proved ? { omit: 4, behind: 2 } : {}) };
	const step = kinds[r.word(weights)]();
	// Below the window, of a chain that wants no proof, a log is one endpoint's word between the ends of what was asked: no header is read.
	if (step.lie?.kind === "forge" && plan.chain.completeness === "none" && plan.chain.window < 300) return { lie: { ...step.lie, in: "pushes" } };
	const leaves = ["omit", "empty"].includes(step.lie?.kind);
	if (!leaves || plan.chain.completeness === "receipts") return step;
	// A sweep reads all that lies in the window a second time, and finds what one answer left out, not what its own leaves out again: one
	// answer a world. What is pushed is no proof of anything.
	const again = plan.left;
	plan.left = true;
	return { lie: { ...step.lie, times: 1, ...(again ? { in: "pushes" } : {}) } };
}

// Everybody is well again.
export const well = (n) => {
	const on = Array.from({ length: n }, (_, i) => i);
	return [{ up: { on } }, { calm: true }, { truth: true }, { limit: { on, range: 0, results: 0, timeout: 0, batch: 0 } },
		{ set: { on, lag: 0, beyond: "clamp", future: "empty", unknown_hash: "error", lose: 0, repeat: 0, order: "heads-logs", removed: true, silent: false, pushes: true, refuse: false, logs_behind: 0, low_tags: false } }];
};
