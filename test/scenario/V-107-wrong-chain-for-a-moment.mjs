export const name = "INV-11: a node that was another chain for a moment, behind a balancer, does not stop the chain for good";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "manual", env: { RPC_RETRY_DELAY_MS: "50" }, fleet: ["listener"], yaml: (y) => y.replace(/ {4}retry: {5}\{ /, "$&max: 200ms, ") });
	await w.mine(2);
	await w.waitFor(async () => (await w.one("SELECT done = $1 AS x FROM fairlead.chain", [await w.head()])).x, "the head");
	await w.stop("listener");
	const right = w.node.on("eth_chainId", () => "0x1");
	await w.start("listener", { wait: "alive" });
	await w.waitFor(async () => /says that it is chain 1/.test((await w.health("listener")).body), "the halt");
	await w.mine();
	await w.waitFor(() => w.node.of("eth_chainId").length > 4, "it to be asked again");
	assert.equal(w.lines("listener", "provider.excluded").length, 1, "said once");
	assert.equal((await w.one("SELECT done = $1 AS x FROM fairlead.chain", [await w.head()])).x, false, "nothing is read meanwhile");
	right();
	await w.waitFor(async () => (await w.one("SELECT done = $1 AS x FROM fairlead.chain", [await w.head()])).x, "the next block");
	await w.ready(w.programs.listener);
}
