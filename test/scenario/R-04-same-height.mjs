export const name = "another newest block of the same height is noticed without a next one, heard over the socket or polled";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "manual", env: { POLLING_INTERVAL_MS: "50" } });
	await w.reveal([100]);
	const count = async () => (await w.one("SELECT count(*) AS n FROM companions.token_revealed")).n;
	let sure = 0;
	const round = async (id, env) => {
		const p = await w.start("listener", { env });
		sure++;
		await w.waitFor(async () => (await count()) === sure, "the events that stay");
		if (!("WS_URL" in env)) await w.waitFor(() => w.node.sockets.size === 1 && p.lines("heads.up").length === 1, "the socket");
		const before = await w.chain.rpc("evm_snapshot");
		const [{ transactionHash }] = await w.reveal([id]);
		const raw = await w.chain.rpc("eth_getRawTransactionByHash", transactionHash);
		await w.waitFor(async () => (await count()) === sure + 1, "the event");
		const height = await w.head();
		assert.equal(await w.chain.rpc("evm_revert", before), true);
		await w.chain.rpc("evm_increaseTime", 7);
		assert.equal(await w.mine(), height);
		await w.waitFor(async () => (await count()) === sure, "the event to be taken back");
		const { hash } = await w.chain.rpc("eth_getBlockByNumber", "latest", false);
		await w.waitFor(async () => (await w.one("SELECT '0x' || encode(hash, 'hex') AS hash FROM fairlead.block ORDER BY number DESC LIMIT 1"))?.hash === hash, "the new block");
		assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.reorg")).n, sure);
		await w.stop("listener");
		await w.chain.rpc("eth_sendRawTransaction", raw); // it comes after all: the test's account counts on
		await w.mine();
	};
	await round(1, { WS_URL: null });
	await round(2, { POLLING_INTERVAL_MS: "600000" });
}
