export const name = "without WS_URL events arrive by polling; when the socket dies polling carries on, the socket is tried again, and takes over when it is back";

import { RpcError } from "../lib/world.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "auto", fleet: ["listener"], env: { WS_URL: null, POLLING_INTERVAL_MS: "50", RECONNECT_DELAY_MS: "50" } });
	const seen = async (id) => w.waitFor(async () => (await w.one("SELECT 1 AS x FROM companions.token_revealed WHERE token_id = $1", [id])), `the event of token ${id}`);
	await w.reveal([1]);
	await seen(1);
	assert.equal(w.node.connects.length, 0, "no WebSocket was tried");
	await w.stop("listener");

	const p = await w.start("listener", { env: { WS_URL: w.node.ws } });
	const up = () => w.waitFor(async () => w.node.sockets.size === 1 && /"websocket":true/.test((await w.health("listener", "/status")).body), "the socket to be up");
	await up();
	await w.reveal([2]);
	await seen(2);
	w.node.refuse = true;
	const tries = w.node.connects.length;
	w.node.cut();
	await w.reveal([3]);
	await seen(3);
	await w.waitFor(() => w.node.connects.length >= tries + 3, "the socket to be tried again and again");
	await w.heard("listener", /WebSocket error/);
	assert.equal(w.node.sockets.size, 0);

	w.node.refuse = false;
	await up();
	w.node.on("eth_blockNumber", () => {
		throw new RpcError(-32000, "polling is dead now");
	});
	await w.reveal([4]);
	await seen(4);
	await w.waitFor(() => p.lines(/reconnect succeeded/).length === 1, "the log to say that the socket is back");
	assert.deepEqual((await w.sql("SELECT token_id::int AS id FROM companions.token_revealed ORDER BY _seq")).map((r) => r.id), [1, 2, 3, 4]);
	t.note(`${w.node.connects.length - tries} tries`);
}
