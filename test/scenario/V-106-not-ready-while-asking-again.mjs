export const name = "INV-11: a chain that failed is not ready again before something has succeeded, also while the node is being asked";

export default async function (t) {
	const w = await t.world({ mining: "manual", fleet: ["listener"], env: { RPC_RETRY_DELAY_MS: "50" } });
	w.node.fault("500");
	await w.mine();
	await w.waitFor(async () => (await w.health("listener")).status === 503, "the failure to be told");
	w.node.forget();
	w.node.fault("silent");
	let looks = 0;
	await w.never(async () => (await w.health("listener")).status === 200, "ready while nothing was answered", async () => w.node.calls.length > 0 && ++looks > 20);
}
