export const name = "a submitter killed between the broadcast and the node's answer finds its transaction again and sends no other";

import { NEVER } from "../lib/world.mjs";

const withoutSkip = (text) => text.replace(/^ *skip:.*\n/m, ""); // the counter has to hold without it

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "manual", fleet: ["listener", "batcher", "reconciler"], yaml: withoutSkip, env: { BATCH_TIMEOUT_MS: "100", POLLING_INTERVAL_MS: "200" } });
	const hashes = (ids) => new Set(w.node.raws.filter((r) => ids.every((id) => r.args[0].map(Number).includes(id))).map((r) => r.hash));

	// The node has the bytes, the submitter dies before it hears so. First the transaction still waits to be mined when it
	// comes back, then it was mined while nobody looked.
	for (const [ids, minedMeanwhile] of [[[1, 2, 3, 4, 5], false], [[6, 7, 8], true]]) {
		const submitter = await w.start("submitter");
		const off = w.node.on("eth_sendRawTransaction", async (call, next) => {
			await next();
			submitter.signal9("SIGKILL");
			return NEVER;
		});
		await w.revealEach(ids);
		await w.waitFor(() => !submitter.running, "the submitter to be killed as it broadcasts");
		off();
		assert.equal(submitter.signal, "SIGKILL");
		assert.equal(hashes(ids).size, 1);
		if (minedMeanwhile) {
			await w.mine();
			assert.ok(await w.codesSet(ids), "the chain has executed what nobody acknowledged");
		}
		const again = await w.start("submitter");
		const mined = async () => {
			await w.mine();
			return (await w.sql("SELECT key::int AS id FROM fairlead.item WHERE state = 'done'")).filter((r) => ids.includes(r.id)).length === ids.length;
		};
		await w.waitFor(mined, `items ${ids} to be done`);
		assert.equal(hashes(ids).size, 1, "every transaction that left is the same one");
		assert.equal(await again.stop(), 0);
	}
	const bulks = await w.bulks();
	assert.deepEqual(bulks.map((b) => [b.ids, b.ok]), [[[1, 2, 3, 4, 5], true], [[6, 7, 8], true]]);
	assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.attempt")).n, 2);
	for (let id = 1; id <= 8; id++) assert.equal(await w.writes(id), 1);
}
