export const name = "S7: a token found done in a block that the listener never kept is settled by that block's header, and blocks are pruned again";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "manual", env: { BATCH_TIMEOUT_MS: "100" }, yaml: (y) => y.replace(/^ {4}final: .*$/m, "    final: 2\n    window:  4") });
	for (const p of ["listener", "batcher"]) await w.start(p);
	await w.reveal([1]);
	await w.waitFor(async () => (await w.one("SELECT count(*) AS n FROM fairlead.batch WHERE state = 'ready'")).n === 1, "a batch ready to be sent");
	await w.stop("listener");
	await w.act("preset", 1, w.codes[1]);
	await w.mine(20);
	await w.start("submitter");
	const shown = await w.waitFor(async () => (await w.one("SELECT shown_block AS n FROM fairlead.item WHERE state = 'already'"))?.n, "the token to be found done");
	await w.mine(40);
	await w.start("listener");
	await w.waitFor(async () => (await w.one("SELECT floor > $1 AS x FROM fairlead.chain", [shown])).x, "that block to be below the window");
	assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.block WHERE number = $1", [shown])).n, 0, "it was not kept");
	await w.start("reconciler");
	await w.waitFor(async () => (await w.one("SELECT state = 'already' AND shown_block IS NULL AS x FROM fairlead.item")).x, "it to be final");
}
