export const name = "INV-11: what PostgreSQL keeps refusing is tried with growing gaps, whatever else succeeds in between";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "auto", fleet: ["listener", "batcher"], env: { BATCH_TIMEOUT_MS: "10" } });
	await w.sql("ALTER FUNCTION fairlead_app.cut_reveal(bigint, int, int, bool) RENAME TO cut_away");
	await w.reveal([1]);
	const lines = await w.waitFor(() => {
		const l = w.lines("batcher", "lane.stopped");
		return l.length >= 5 && l;
	}, "five tries");
	const at = lines.map((l) => Date.parse(l.time ?? l.ts ?? l.raw.match(/\d{4}-\d\d-\d\dT[\d:.]+Z/)[0]));
	assert.ok(at[4] - at[3] > 2 * (at[1] - at[0]), `the gaps: ${at.slice(1).map((x, i) => x - at[i])}`);
	await w.sql("ALTER FUNCTION fairlead_app.cut_away(bigint, int, int, bool) RENAME TO cut_reveal");
	await w.waitFor(async () => (await w.one("SELECT count(*) AS n FROM fairlead.batch")).n === 1, "the batch");
}
