export const name = "the lines that people watch for, word by word";

import { chainWords, soon } from "../lib/world.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ app: "vcel", mining: "manual", yaml: chainWords({ ...soon, sweep: "1s" }) });
	const said = (text, what = text) => w.waitFor(() => w.said(text).length > 0, `the line ${what}`);
	await w.revoke(7, "old");
	await w.start("batcher", { wait: "alive" });
	await w.start("listener");
	await said("Starting hybrid sync system (batch every 15 minutes + real-time events)");
	await said("Batch event: Signature revoked for lock 7");
	await said(`Signature revoked [batch]: Lock 7, Hash: ${w.hash("old")}`);
	await said("Starting real-time event listening...");
	const [r] = await w.revoke(8, "new");
	await said("Real-time event: Signature revoked for lock 8");
	await said(`Signature revoked [real-time]: Lock 8, Hash: ${w.hash("new")}`);
	await said("Starting scheduled batch sync...");
	await said(`Batch sync complete: 0 new revocations, synced to block ${r.block}`);
	// and with something found
	const show = w.hide("missed");
	const [late] = await w.revoke(8, "missed");
	await w.waitFor(w.whole, "the block without its log");
	show();
	await said(`Batch sync complete: 1 new revocations, synced to block ${late.block}`);
	await said(`Signature revoked [batch]: Lock 8, Hash: ${w.hash("missed")}`);
	for (const s of ["old", "new", "missed"]) assert.equal(w.said(new RegExp(`Hash: ${w.hash(s)}$`)).length, 1, `${s} is told once`);
	// a log line of a rule carries its event: tx and block
	const [line] = w.said(`Signature revoked [real-time]: Lock 8, Hash: ${w.hash("new")}`);
	assert.deepEqual([line.tx, Number(line.block), line.level], [r.transactionHash, r.block, "info"]);
}
