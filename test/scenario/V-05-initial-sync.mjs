export const name = "the first synchronisation brings what is between START_BLOCK and the head before anybody is told that it listens";

import { chainWords, soon } from "../lib/world.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ app: "vcel", mining: "manual", env: { BATCH_SYNC_SIZE: "20" }, yaml: chainWords(soon) });
	await w.revoke(1, "before the start");
	const start = await w.mine(3);
	for (let i = 0; i < 25; i++) {
		await w.revoke(7, `old ${i}`);
		await w.mine(4);
	}
	const env = { SEPOLIA_START_BLOCK: String(start) };
	await w.start("batcher", { env, wait: "alive" });
	await w.waitFor(() => w.one("SELECT 1 AS x FROM fairlead.chains"), "the schema");
	// what stood in the table at every commit that says it listens
	await w.sql("CREATE TABLE said (rows int, listening bool)");
	await w.sql("CREATE FUNCTION say() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.said SELECT count(*), NEW.listening AND NOT NEW.catching_up FROM accesscontrol.signature_revoked; RETURN NULL; END $$");
	await w.sql("CREATE TRIGGER said AFTER UPDATE ON fairlead.chain FOR EACH ROW EXECUTE FUNCTION say()");
	const hold = w.node.hold("eth_getLogs");
	const p = await w.start("listener", { env, wait: "alive" });
	await w.waitFor(() => hold.list.length > 0, "the first question");
	assert.equal((await w.one("SELECT coalesce(bool_or(listening), false) AS x FROM said")).x, false);
	hold.release();
	await w.ready(p);
	await w.waitFor(async () => (await w.one("SELECT count(*) AS n FROM said WHERE listening")).n > 0, "listening to be told");
	const said = await w.sql("SELECT rows FROM said WHERE listening");
	assert.deepEqual([...new Set(said.map((r) => r.rows))], [25], "all old rows stood there when it was told first");
	await w.waitFor(async () => (await w.rows()).length === 25, "25 rows");
	assert.deepEqual(await w.rows(1), [], "what is below START_BLOCK is not read");
	assert.deepEqual(await w.source().then((s) => [s.live, s.swept]), [0, 25]);
}
