export const name = "an event that a rule can't take, and one whose item can't go, are told as Failed to process TokenRevealed, with the reason";

export default async function (t) {
	const { assert } = t;
	// token 13 fails in a rule of its own; token 14 has no code; 12 and 15 are well
	const rule = '\n  - on: Companions.TokenRevealed\n    sql: INSERT INTO token_codes (token_id, code, tx, at) SELECT 1 / (:tokenId - 13), \'\', :tx.hash, :block.time WHERE :tokenId = 13\n';
	const w = await t.world({
		mining: "auto", mapping: { 12: "a", 13: "b", 15: "c" }, fleet: ["listener", "batcher", "submitter"], env: { BATCH_TIMEOUT_MS: "50" },
		yaml: (text) => text.replace(/\n\nroutes:/, `\n${rule}\nroutes:`),
	});
	const failed = (about) => w.lines("batcher", /Failed to process TokenRevealed/).filter(about);
	const receipts = await w.reveal([12, 13, 14, 15]);
	await w.waitFor(() => failed((l) => l.ev === "event.failed").length, "the line of the rule");
	const [poison] = failed((l) => l.ev === "event.failed");
	assert.equal(poison.tx, receipts[1].transactionHash);
	assert.equal(poison.event, "Companions.TokenRevealed");
	assert.match(poison.reason, /division by zero/);
	assert.equal(poison.level, "odd");

	// tried three times, then put aside: the lane goes on
	await w.waitFor(() => w.codesSet([12, 15]), "the others");
	assert.equal(failed((l) => l.ev === "event.failed").length, 3);
	const [dead] = await w.sql("SELECT message, tries FROM fairlead.dead");
	assert.match(dead.message, /division by zero/);
	assert.equal(dead.tries, 3);

	await w.waitFor(() => failed((l) => l.ev === "item.parked").length, "the line of the parked item");
	const [parked] = failed((l) => l.ev === "item.parked");
	assert.deepEqual([parked.key, parked.tx], ["14", receipts[2].transactionHash]);
	assert.ok(parked.reason.length > 5, "with a reason");
	assert.equal(w.lines("batcher", /Failed to process/).length, 4, "and nothing else failed");
}
