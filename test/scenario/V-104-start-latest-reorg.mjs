export const name = "start: latest, and the very first block that was read is reorganised away: nothing of ours stands below it, so it is read again";

export default async function (t) {
	const { assert } = t;
	const round = async (restart) => {
		const w = await t.world({ mining: "manual", yaml: (y) => y.replace("start:   ${DEPLOYMENT_BLOCK}", "start:   latest") });
		await w.mine(3);
		await w.start("listener");
		const before = await w.chain.rpc("evm_snapshot");
		await w.reveal([1]);
		const head = await w.head();
		const at = async (n) => (await w.one("SELECT done = $1 AS x FROM fairlead.chain", [n])).x;
		await w.waitFor(() => at(head), "the first block");
		if (restart) await w.stop("listener");
		assert.equal(await w.chain.rpc("evm_revert", before), true);
		await w.chain.rpc("evm_increaseTime", 7);
		await w.mine(2);
		if (restart) await w.start("listener", { wait: "alive" });
		await w.waitFor(() => at(head + 1), "the other branch to be read");
		const ours = await w.sql("SELECT number, '0x' || encode(hash, 'hex') AS hash FROM fairlead.block ORDER BY number");
		assert.deepEqual(ours.map((b) => b.number), [head, head + 1]);
		for (const b of ours) assert.equal(b.hash, (await w.chain.rpc("eth_getBlockByNumber", `0x${b.number.toString(16)}`, false)).hash);
		assert.equal((await w.one("SELECT count(*) AS n FROM companions.token_revealed")).n, 0);
		assert.equal((await w.one("SELECT halted FROM fairlead.chain")).halted, null);
	};
	await round(false);
	await round(true);
}
