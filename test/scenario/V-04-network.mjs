export const name = "NETWORK picks Sepolia, which is the default, or Mainnet; the other one is never asked";

import { chainWords, playNode, soon } from "../lib/world.mjs";

export default async function (t) {
	const { assert } = t;
	for (const [NETWORK, chosen] of [[null, "sepolia"], ["mainnet", "mainnet"]]) {
		const w = await t.world({ app: "vcel", mining: "manual", yaml: chainWords(soon) });
		const main = await playNode(w.chain, w.iface);
		t.ends.push(async () => (await main.close(), { problems: [] }));
		const env = { NETWORK, MAINNET_RPC_URL: main.http, MAINNET_CONTRACT_ADDRESS: w.address, MAINNET_START_BLOCK: String(w.block) };
		await w.revoke(7, "a");
		await w.start("listener", { env });
		await w.start("batcher", { env });
		await w.waitFor(async () => (await w.rows()).length === 1, `a row from ${chosen}`);
		const nodes = { sepolia: w.node, mainnet: main };
		assert.ok(nodes[chosen].calls.length > 0);
		for (const other of Object.keys(nodes).filter((n) => n !== chosen)) assert.deepEqual([nodes[other].calls, nodes[other].connects], [[], []], `${other} was asked`);
		assert.equal((await w.one("SELECT profile FROM fairlead.self")).profile, chosen);
		await w.stopAll();
	}
}
