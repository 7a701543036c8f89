export const name = "several endpoints: failover within one round, one that hangs, one that is behind, all down and up, one of another chain and one of another genesis; return behind a probe";

import { reading } from "../lib/reading.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await reading(t, { endpoints: 3 });
	const { n } = w;
	const place = async (i) => w.one("SELECT state, failures::int AS failures, error FROM fairlead.endpoint WHERE place = $1", [i + 1]);
	const places = async () => (await w.sql("SELECT state FROM fairlead.endpoint ORDER BY place")).map((r) => r.state);
	const live = async (what) => {
		await w.book(1, 2);
		await w.waitFor(w.agrees, what);
	};
	// a chain id that is another one, and another block 0: said once each, never read from
	await w.start("listener");
	await w.waitFor(async () => (await w.one("SELECT genesis IS NOT NULL AS x FROM fairlead.chain")).x, "the chain to be known");
	await w.stop("listener");
	await n.do([{ set: { on: 1, chain_id: 5 } }, { set: { on: 2, genesis: `0x${"11".repeat(32)}` } }]);
	await w.book(120, [0, 3]);
	await w.start("listener");
	await w.waitFor(w.agrees, "the history");
	await live("the head");
	await w.waitFor(async () => (await places()).filter((s) => s === "excluded").length === 2, "two to be excluded");
	assert.deepEqual(await n.count({ on: 1, method: "eth_getLogs" }) + await n.count({ on: 2, method: "eth_getLogs" }), 0, "nothing is read from them");
	const said = w.lines("listener", /exclud/i).length;
	assert.ok(said >= 2 && said <= 4, `said ${said} times`);
	assert.match((await w.health("listener", "/status")).body ?? "", /excluded/);
	// they turn out to be right: back behind a probe
	await n.do({ set: { on: 1, chain_id: false } });
	await w.waitFor(async () => (await places()).filter((s) => s === "well").length >= 2, "to be taken back", 60000);

	// the one that is read from goes away, in the middle of a history: the rest is read elsewhere
	await w.book(400, [0, 3]);
	await n.do({ down: { on: 0 } });
	await w.waitFor(w.agrees, "the history without the first");
	await live("the head without the first");
	assert.equal((await w.health("listener")).status, 200);
	await n.do({ up: { on: 0 } });
	await w.waitFor(async () => (await places())[0] === "well", "the first to be back");

	// one hangs, with what was asked of it
	await n.do({ mood: { on: 0, hang: true } });
	await w.book(400, [0, 3]);
	await w.waitFor(w.agrees, "the history beside one that hangs");
	for (let i = 0; i < 3; i++) await live("the head beside one that hangs");
	await n.do({ calm: true });

	// all of them
	await n.do({ down: { on: w.ours } });
	const rows = await w.rows();
	await w.book(30, [0, 3]);
	await w.waitFor(async () => (await w.health("listener")).status === 503, "readiness to say it");
	assert.deepEqual(await w.rows(), rows);
	await n.do({ up: { on: w.ours } });
	await w.waitFor(w.agrees, "what was mined meanwhile");
	await w.waitFor(async () => (await w.health("listener")).status === 200, "readiness");
	assert.deepEqual(await w.reorgs(), []);
}
