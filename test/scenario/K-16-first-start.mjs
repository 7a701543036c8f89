export const name = "an empty database: the first logs asked for are those of DEPLOYMENT_BLOCK";

export default async function (t) {
	for (const id of ["", "    id: 31337\n"]) await begins(t, id); // with id: the network is known before the first answer
}

async function begins(t, id) {
	const { assert } = t;
	const w = await t.world({ mining: "manual", yaml: (y) => y.replace(/^  main:\n/m, `$&${id}`) });
	await w.reveal([1]); // below the block that the file will name
	await w.mine(9);
	const [at] = await w.reveal([2]);
	await w.mine(100);
	await w.reveal([3]);
	await w.start("listener", { env: { DEPLOYMENT_BLOCK: String(at.block) } });
	const [first] = w.node.of("eth_getLogs");
	assert.equal(Number(first.params[0].fromBlock), at.block);
	assert.deepEqual((await w.sql("SELECT token_id::int AS id FROM companions.token_revealed ORDER BY _seq")).map((r) => r.id), [2, 3]);
	const none = await w.run("listener", ["--check"], { env: { DEPLOYMENT_BLOCK: null } });
	assert.equal(none.code, 78);
	assert.match(none.text, /DEPLOYMENT_BLOCK/);
	await w.stopAll();
}
