export const name = "the reading guide: up to ten blocks behind is well, a hundred and more is lag that the page shows in amber, in words and in colour";

import { chainWords, soon } from "../lib/world.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ app: "vcel", mining: "manual", fleet: ["listener", "batcher", "reconciler"], yaml: chainWords(soon) });
	const chain = async () => (await w.http("/_fairlead/figures")).json.chains.find((c) => c.name === "net");
	await w.waitFor(w.whole, "the chain");
	const well = await w.waitFor(async () => (await chain())?.head === (await w.head()) && chain(), "the page to know the head");
	assert.equal(well.tone, "well");
	const stuck = w.node.hold("eth_getLogs");
	await w.revoke(7, "a");
	const done = (await w.one("SELECT done FROM fairlead.chains")).done;
	await w.mine(done + 9 - (await w.head()));
	await w.waitFor(async () => (await chain()).head === done + 9, "nine behind");
	assert.equal((await chain()).tone, "well");
	await w.mine(91);
	const far = await w.waitFor(async () => {
		const c = await chain();
		return c.head === done + 100 && c.tone === "wait" && c;
	}, "a hundred behind, in amber");
	assert.match(far.text, /^\*\{#100\} blocks behind\.\*/);
	stuck.release();
	await w.waitFor(async () => (await chain()).tone === "well", "well again");
}
