export const name = "FAIRLEAD_LOG=json: every line of the four programs is one JSON object with the same keys, through trouble and odd texts too";

import { Http, programs } from "../lib/world.mjs";

export default async function (t) {
	const { assert } = t;
	const odd = 'a "quoted" \\ back\tslash, ünï ☃ and a\u0001 control';
	const w = await t.world({
		mining: "auto", env: { FAIRLEAD_LOG: "json", LOG_LEVEL: "debug", BATCH_TIMEOUT_MS: "50", RECONNECT_DELAY_MS: "50", RPC_RETRY_DELAY_MS: "50", POLLING_INTERVAL_MS: "50" },
	});
	await Promise.all(programs.map((p) => w.start(p)));
	await w.reveal([1, 2, 6000]);
	await w.waitFor(() => w.codesSet([1, 2]), "two codes");
	await w.waitFor(() => w.lines("submitter", "batch.mined").length, "the batch to be told");
	await w.waitFor(() => w.lines("batcher", "item.parked").length, "the token without a code to be parked");
	// an error text with everything in it that JSON must escape
	w.node.whole(({ calls }) => new Http(200, JSON.stringify(calls.map((c) => ({ jsonrpc: "2.0", id: c.id, error: { code: -32000, message: odd } })))));
	w.node.cut();
	await w.waitFor(() => w.lines("listener", /ünï|\\u00fc/).length, "the node's odd words in the log");
	await w.stopAll();

	const events = new Set();
	for (const program of programs) {
		const lines = w.log(program).split("\n");
		assert.equal(lines.pop(), "", "the last line is whole");
		assert.ok(lines.length > 3);
		for (const line of lines) {
			const o = JSON.parse(line);
			assert.deepEqual(Object.keys(o).slice(0, 5), ["t", "level", "program", "ev", "text"]);
			assert.match(o.t, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
			assert.match(o.level, /^(debug|info|odd|bug)$/);
			assert.equal(o.program, program);
			assert.match(o.ev, /^[a-z_]+(\.[a-z_]+)*$/);
			assert.equal(typeof o.text, "string");
			for (const [k, v] of Object.entries(o)) assert.ok(/^[a-z_]+$/.test(k) && ["string", "number", "boolean"].includes(typeof v), `${k}: ${v}`);
			events.add(o.ev);
		}
	}
	for (const ev of ["start", "health", "lease.gain", "events", "batches", "batch.mined", "item.parked", "drain", "end"]) assert.ok(events.has(ev), ev);
	assert.ok(w.lines("listener", (l) => Object.values(l).some((v) => v !== l.raw && String(v).includes(odd))).length, "the odd words come back as they were");
	t.note(`${events.size} kinds of lines`);
}
