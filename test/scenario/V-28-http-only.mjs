export const name = "a provider without subscriptions is polled, one behind ws:// is heard; both listen, and the mode is shown";

import { chainWords, soon } from "../lib/world.mjs";

export default async function (t) {
	const { assert } = t;
	for (const rpc of ["http", "ws"]) {
		const w = await t.world({ app: "vcel", rpc, mining: "manual", fleet: ["listener", "batcher"], yaml: chainWords(rpc === "ws" ? { poll: "1h" } : soon) });
		const listens = async () => (await w.one("SELECT listening AND NOT catching_up AS x FROM fairlead.chains WHERE name = 'net'"))?.x;
		await w.waitFor(listens, `${rpc}: listening`);
		const mode = async () => (await w.health("listener", "/status")).body;
		await w.waitFor(async () => new RegExp(`"websocket": ?${rpc === "ws"}`).test(await mode()), `${rpc}: the mode in /status`);
		await w.revoke(7, "s");
		await w.waitFor(async () => (await w.rows()).length === 1, `${rpc}: the row`);
		assert.deepEqual([w.node.connects.length > 0, w.node.of("eth_subscribe").length > 0], [rpc === "ws", rpc === "ws"]);
		assert.equal((await w.source()).live, 1);
		await w.stopAll();
	}

	// one that takes the socket and knows no subscriptions
	const w = await t.world({ app: "vcel", rpc: "ws", mining: "manual", yaml: chainWords(soon) });
	const { RpcError } = await import("../lib/world.mjs");
	w.node.on("eth_subscribe", () => {
		throw new RpcError(-32601, "the method eth_subscribe does not exist");
	});
	await w.start("batcher", { wait: "alive" });
	await w.start("listener");
	await w.revoke(7, "s");
	await w.waitFor(async () => (await w.rows()).length === 1, "the row by polling over the socket");
	await w.waitFor(async () => (await w.one("SELECT listening AND NOT catching_up AS x FROM fairlead.chains WHERE name = 'net'")).x, "listening");
}
