export const name = "WebSocket refused 50 times, then accepted: listening again; until then polling, and the truth about it";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "auto", fleet: ["batcher"], env: { BATCH_TIMEOUT_MS: "50", RECONNECT_DELAY_MS: "5", POLLING_INTERVAL_MS: "100", RPC_RETRY_DELAY_MS: "20" }, yaml: (text) => text.replace("reconnect: { ", "reconnect: { max: 20ms, ") });
	w.node.refuse = 50;
	await w.node.down(); // nobody answers at all, first
	await w.start("listener", { wait: "alive" });
	await w.waitFor(async () => {
		const a = await w.health("listener");
		return a.status === 503 && /Provider error/.test(a.body);
	}, "the listener to say that it is not ready");
	await w.node.up();
	await w.start("submitter", { env: { WS_URL: null } }); // all tries are the listener's

	// HTTP answers, the socket is refused: ready by polling, and the status says that there is no socket
	await w.ready(w.programs.listener);
	await w.waitFor(() => w.lines("listener", "heads.alarm").length > 0, "the alarm at the tenth try");
	const chain = async () => (await w.health("listener", "/status")).json.chains[0];
	await w.revealEach([1]);
	await w.waitFor(() => w.codesSet([1]), "an event that came by polling");
	await w.waitFor(() => w.node.refuse <= 5, "45 refused tries");
	const refused = await chain();
	if (w.node.refuse > 0) assert.equal(refused.websocket, false);

	await w.waitFor(() => w.node.refuse === 0, "fifty refused tries");
	await w.waitFor(async () => (await chain()).websocket, "a socket that is up");
	assert.ok((await chain()).reconnects >= 50, `${(await chain()).reconnects} reconnects`);
	await w.waitFor(() => w.lines("listener", (l) => l.ev === "heads.up" && /reconnect succeeded/.test(l.text)).length === 1, "the log to say so");
	assert.equal(w.lines("listener", "heads.alarm").length, 1, "one alarm, no flood");

	// and it is the socket that brings the next one: polling is as slow as silence allows now
	await w.waitFor(async () => (await w.one("SELECT subscription IS NOT NULL AS up FROM fairlead.chains")) && (await chain()).websocket, "listening");
	await w.revealEach([2]);
	await w.waitFor(() => w.codesSet([2]), "a live event");
	assert.ok(w.node.sockets.size > 0);
}
