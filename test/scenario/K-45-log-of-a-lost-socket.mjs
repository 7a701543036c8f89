export const name = "WebSocket error, reconnect and Provider error stand in the logs of both programs that listen, and that it is well again";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "auto", fleet: ["listener", "batcher", "submitter"], env: { RECONNECT_DELAY_MS: "50", POLLING_INTERVAL_MS: "50", RPC_RETRY_DELAY_MS: "50", BATCH_TIMEOUT_MS: "50" } });
	const both = ["listener", "submitter"];
	await w.waitFor(() => w.node.sockets.size === 2, "both sockets");
	for (const p of both) assert.doesNotMatch(w.log(p), /WebSocket error|Provider error|reconnect/);

	w.node.refuse = true;
	w.node.cut();
	for (const p of both) {
		await w.waitFor(() => /WebSocket error/.test(w.log(p)), `WebSocket error in the ${p}'s log`);
		const [line] = w.lines(p, /WebSocket error/);
		assert.equal(line.level, "odd");
		assert.match(line.text, /reconnect/);
		assert.equal(line.url, w.node.ws);
		assert.ok(line.why.length > 0);
	}
	w.node.refuse = 0;
	for (const p of both) await w.waitFor(() => w.lines(p, "heads.up").some((l) => /reconnect succeeded/.test(l.text)), `the ${p} to say that it is back`);

	// the node fails: told too, and its end
	w.node.fault("500");
	w.node.cut();
	w.node.refuse = true;
	for (const p of both) {
		await w.waitFor(() => /Provider error/.test(w.log(p)), `Provider error in the ${p}'s log`);
		const [line] = w.lines(p, /Provider error/);
		assert.equal(line.level, "odd");
		assert.match(line.why ?? line.reason, /500/);
	}
	w.node.well();
	w.node.refuse = 0;
	for (const p of both) await w.waitFor(() => /The provider answers again/.test(w.log(p)), `the ${p} to say that the provider is back`);
	await w.reveal([1]);
	await w.waitFor(() => w.codesSet([1]), "work goes on");
}
