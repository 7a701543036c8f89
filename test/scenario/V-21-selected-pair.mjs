export const name = "of SEPOLIA_ and MAINNET_ RPC_URL, CONTRACT_ADDRESS and START_BLOCK only the chosen ones are used, and only they need to be set";

import { chainWords, playNode, soon } from "../lib/world.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ app: "vcel", mining: "manual", yaml: chainWords(soon) });
	const main = await playNode(w.chain, w.iface);
	t.ends.push(async () => (await main.close(), { problems: [] }));
	const other = await w.place();
	await w.revoke(7, "of the first contract");
	await w.mine(150);
	const start = await w.head();
	const env = {
		NETWORK: "mainnet", MAINNET_RPC_URL: main.http, MAINNET_CONTRACT_ADDRESS: other.address, MAINNET_START_BLOCK: String(start),
		SEPOLIA_RPC_URL: null, SEPOLIA_CONTRACT_ADDRESS: "not even an address", SEPOLIA_START_BLOCK: null,
	};
	await w.mine(150);
	await w.start("listener", { env });
	await w.waitFor(w.whole, "the head");
	const asked = main.of("eth_getLogs").map((c) => c.params[0]);
	assert.ok(asked.length > 0);
	for (const f of asked) assert.deepEqual([f.address].flat().map((a) => a.toLowerCase()), [other.address.toLowerCase()]);
	assert.equal(Math.min(...w.ranges(main.calls).map(([a]) => a)), start, "the first block");
	assert.deepEqual(w.node.calls, []);
	assert.equal((await w.one("SELECT address FROM fairlead.contracts")).address.toLowerCase(), other.address.toLowerCase());

	// what is not chosen need not be there, what is chosen must
	for (const [name, value] of [["MAINNET_RPC_URL", null], ["MAINNET_CONTRACT_ADDRESS", null], ["MAINNET_CONTRACT_ADDRESS", "x"], ["MAINNET_START_BLOCK", "soon"]]) {
		const r = await w.run("listener", ["--check"], { env: { ...env, [name]: value } });
		assert.equal(r.code, 78, `${name}=${value}: ${r.text}`);
		assert.match(r.err, value === null ? new RegExp(name) : /fairlead\.yaml:\d+:\d+/);
	}
	const both = await w.run("listener", ["--check"], { env: { ...env, NETWORK: "sepolia" } });
	assert.equal(both.code, 78);
	assert.match(both.err, /SEPOLIA_RPC_URL/);
}
