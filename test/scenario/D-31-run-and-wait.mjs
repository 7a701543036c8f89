export const name = "a comparison is run when a request asks for it: at once, once for all who ask together; who waits is answered behind it";

import { chainWords, soon } from "../lib/world.mjs";

const routes = `
  POST /recheck:
    do:
      - { run: recheck, wait: 20s }
      - reply: SELECT count(*) AS rows, (SELECT differences FROM fairlead.clock WHERE name = 'recheck') AS differences FROM revoked_signatures
  POST /recheck/later:
    do: [ { run: recheck }, { reply: SELECT true AS success } ]
  POST /recheck/hasty:
    do: [ { run: recheck, wait: 200ms }, { reply: SELECT true AS success } ]
`;

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ app: "vcel", mining: "manual", fleet: ["listener", "batcher", "reconciler"], yaml: (text) => chainWords({ ...soon, final: 1, sweep: "1h" })(text).replace("\nserve:\n", `${routes}\nserve:\n`) });
	await w.revokeMany(7, 60);
	await w.revoke(8, "forgotten");
	await w.mine(5);
	await w.waitFor(async () => (await w.rows()).length === 61 && (await w.whole()), "61 rows");
	const runs = () => w.lines("reconciler", "compare").length;
	const post = (path) => w.http(path, { method: "POST" });
	await w.waitFor(() => runs() > 0, "the first run, which is due");
	await w.act("forget", 8, w.hash("forgotten"));
	await w.mine(5);
	await w.waitFor(w.whole, "the head");

	const before = runs();
	const all = await Promise.all(Array.from({ length: 12 }, () => post("/recheck")));
	for (const r of all) assert.deepEqual([r.status, r.json.rows], [200, 60], r.body);
	assert.ok(runs() > before && runs() - before <= 3, `${runs() - before} runs of 12 that asked together`);
	t.note(`${runs() - before} runs`);
	assert.equal((await w.rows(8)).length, 0, "the forgotten one is gone");

	// not waited for
	const n = runs();
	assert.deepEqual((await post("/recheck/later")).json, { success: true });
	await w.waitFor(() => runs() === n + 1, "the run");
	await w.waitFor(async () => (await w.one("SELECT count(*) AS n FROM fairlead.wish")).n === 0, "the wish to be done");

	// a node that does not answer: late, and the wish stands until it does
	let hanging = true;
	w.node.on("eth_call", async (call, next) => {
		while (hanging) await new Promise((r) => setTimeout(r, 20));
		return next();
	});
	const late = await post("/recheck/hasty");
	assert.equal(late.status, 500);
	assert.match(late.json.detail, /has not ended within 200 ms/);
	assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.wish")).n, 1);
	hanging = false;
	await w.waitFor(async () => (await w.one("SELECT count(*) AS n FROM fairlead.wish")).n === 0, "the run to end");
}
