export const name = "rules on what happens to a batch: sent, mined, final and failed, once an item, with the names that it had; CHAIN.final once a transaction";

import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const rules = `rules:
  - on: reveal.sent
    log: "sent {tokenId} {code} {tx.hash}"
  - on: reveal.mined
    log: "mined {tokenId} {code} {tx.hash} {block.number} {tx.status}"
  - on: reveal.final
    do:
      - sql: INSERT INTO told (id, code, tx, block, at) VALUES (:tokenId, :code, :tx.hash, :block.number, :block.time)
      - log: "final {tokenId} {block.number}"
  - on: reveal.failed
    log: "failed {tokenId}: {tx.error}"
  - on: main.final
    log: "final transaction {tx.hash} of {block.number}"
`;

export default async function (t) {
	const { assert } = t;
	const yaml = (y) => y.replace("rules:\n", rules).replace("sql: sql/ktty.sql", "sql: [ sql/ktty.sql, told.sql ]");
	const w = await t.world({ mining: "manual", env: { BATCH_TIMEOUT_MS: "50", CONFIRMATIONS_REQUIRED: "3" }, yaml });
	writeFileSync(join(dirname(w.yaml), "told.sql"), "CREATE TABLE told (id numeric PRIMARY KEY, code text, tx text, block bigint, at timestamptz)");
	for (const p of ["listener", "batcher", "submitter", "reconciler"]) await w.start(p);
	const lines = (word) => w.lines("batcher", "rule.log").map((l) => l.text).filter((l) => l.startsWith(word)).sort();
	const [revealed] = await w.batchReveal([1, 2]);
	await w.waitFor(() => w.node.raws.length, "the transaction to be sent");
	await w.waitFor(() => lines("sent").length === 2, "both to be told as sent");
	assert.equal(lines("mined").length, 0, "sent is not mined");
	await w.waitFor(async () => (await w.mine()) && w.codesSet([1, 2]), "two codes");
	await w.waitFor(() => lines("mined").length === 2, "both to be told as mined");
	assert.equal(lines("final ").length, 0, "mined is not final");
	const [bulk] = await w.bulks();
	await w.mine(4);
	await w.waitFor(async () => (await w.one("SELECT count(*) AS n FROM told")).n === 2, "both to be told as final");
	await w.waitFor(() => lines("final transaction").length === 2, "two transactions to be told as final");
	assert.deepEqual(lines("sent"), [1, 2].map((id) => `sent ${id} ${w.codes[id]} ${bulk.hash}`));
	assert.deepEqual(lines("mined"), [1, 2].map((id) => `mined ${id} ${w.codes[id]} ${bulk.hash} ${bulk.block} success`));
	assert.deepEqual(lines("failed"), []);
	assert.deepEqual(lines("final transaction"), [`final transaction ${revealed.transactionHash} of ${Number(revealed.blockNumber)}`, `final transaction ${bulk.hash} of ${bulk.block}`].sort());
	const time = Number((await w.chain.rpc("eth_getBlockByNumber", `0x${bulk.block.toString(16)}`, false)).timestamp);
	assert.deepEqual(await w.sql("SELECT id::int, code, tx, block, extract(epoch FROM at)::int AS time FROM told ORDER BY id"), [1, 2].map((id) => ({ id, code: w.codes[id], tx: bulk.hash, block: bulk.block, time })));
	assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.happening")).n, 0, "nothing is left in the queue");
}
