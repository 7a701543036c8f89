export const name = "a chain that halted because its node lied goes on as the halt's sentence says: another node, halted set to null, a new start";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "manual", env: { WS_URL: null, POLLING_INTERVAL_MS: "50" }, yaml: (y) => y.replace(/^ {4}final: .*$/m, "$&\n    window:  4") });
	await w.start("listener");
	await w.reveal([1]);
	await w.mine(8);
	await w.waitFor(async () => (await w.one("SELECT done = $1 AS x FROM fairlead.chain", [await w.head()])).x, "the cursor at the head");
	const honest = w.node.on("eth_getBlockByNumber", async (call, next) => {
		const b = await next();
		const other = (hash) => `0xffff${hash.slice(6)}`;
		return b && { ...b, hash: other(b.hash), parentHash: other(b.parentHash) };
	});
	const { body } = await w.waitFor(async () => {
		const a = await w.health("listener");
		return a.status === 503 && /set fairlead.chain.halted to null/.test(a.body) && a;
	}, "the halt");
	assert.match(body, /give another rpc:/);
	assert.match((await w.one("SELECT halted FROM fairlead.chains")).halted, /Then start the listener again$/, "whole in the table too");

	honest();
	await w.sql("UPDATE fairlead.chain SET halted = NULL");
	await w.stop("listener");
	await w.reveal([2]);
	await w.start("listener");
	assert.deepEqual((await w.sql("SELECT token_id::int AS id FROM companions.token_revealed ORDER BY _seq")).map((r) => r.id), [1, 2]);
	assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.reorg")).n, 0);
}
