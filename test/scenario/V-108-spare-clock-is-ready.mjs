export const name = "INV-11: a reconciler that failed and then lost its lane is a spare, and a spare is ready";

export default async function (t) {
	const w = await t.world({ mining: "manual", fleet: ["listener", "batcher", "reconciler"] });
	await w.sql("ALTER TABLE fairlead.verdict RENAME TO verdict_away");
	await w.waitFor(async () => /the clock waits/.test((await w.health("reconciler")).body), "the clock to wait");
	await w.sql("UPDATE fairlead.lane SET epoch = epoch + 1, holder = 'another', until = 'infinity' WHERE name = 'clock'");
	await w.sql("ALTER TABLE fairlead.verdict_away RENAME TO verdict");
	await w.waitFor(() => w.lines("reconciler", "lease.lost").length === 1, "the lane to be lost");
	await w.waitFor(() => w.lines("reconciler", "lease.spare").length > 0, "it to stand by");
	await w.ready(w.programs.reconciler);
}
