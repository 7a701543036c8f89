export const name = "A8: a rule that fails on what happened to one item is tried three times, alone, and put aside; the others and the next ones are told";

const rules = `rules:
  - on: reveal.sent
    do:
      - let: SELECT 1 / (:tokenId - 2) AS x
      - log: "sent {tokenId}"
`;

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "auto", env: { BATCH_TIMEOUT_MS: "50" }, yaml: (y) => y.replace("rules:\n", rules) });
	for (const p of ["listener", "batcher", "submitter", "reconciler"]) await w.start(p);
	const sent = () => w.lines("batcher", "rule.log").map((l) => l.text);
	await w.batchReveal([1, 2, 3]);
	await w.waitFor(async () => (await w.sql("SELECT FROM fairlead.dead")).length === 1, "the one to be put aside");
	await w.waitFor(() => sent().length === 2, "the others");
	const [dead] = await w.sql("SELECT lane, sqlstate, tries, what LIKE 'reveal.sent {%' AS named, message LIKE 'rule rule0: %' AS told, (SELECT key FROM fairlead.item i WHERE i.id = d.item) AS key FROM fairlead.dead_letter d");
	assert.deepEqual(dead, { lane: "apply:main", sqlstate: "22012", tries: 3, named: true, told: true, key: "2" });
	assert.deepEqual(w.lines("batcher", "event.failed").map((l) => [l.event, l.text, Number(l.try)]), [1, 2, 3].map((n) => ["reveal.sent", "Failed to process sent", n]));
	await w.reveal([4]);
	await w.waitFor(() => sent().length === 3, "the next one");
	assert.deepEqual(sent(), ["sent 1", "sent 3", "sent 4"]);
	await w.waitFor(() => w.codesSet([1, 2, 3, 4]), "the codes, whatever the rule does");
}
