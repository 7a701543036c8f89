export const name = "R1: a header that is not the one that was asked for by hash is not taken";
// INV-9

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "manual", fleet: ["listener"], env: { RPC_RETRY_DELAY_MS: "50" } });
	await w.mine(2);
	const done = async () => (await w.one("SELECT done FROM fairlead.chain")).done;
	const head = await w.head();
	await w.waitFor(async () => (await done()) === head, "the head");
	let lies = 0;
	const off = w.node.on("eth_getBlockByHash", async (call, next) => {
		const b = await next();
		if (lies++ > 0) return b;
		return { ...b, hash: `0x${"cd".repeat(32)}` };
	});
	await w.mine();
	await w.waitFor(async () => (await done()) === head + 1, "the block");
	assert.ok(lies > 0);
	off();
	assert.equal((await w.one("SELECT '0x' || encode(hash, 'hex') AS h FROM fairlead.block ORDER BY number DESC LIMIT 1")).h, (await w.chain.rpc("eth_getBlockByNumber", "latest", false)).hash);
	assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.reorg")).n, 0);
}
