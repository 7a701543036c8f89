export const name = "P19: a reconciler that is asked to end in a long comparison does not finish it first";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "auto", fleet: ["listener", "batcher"] });
	await w.act("announce").catch(() => {});
	await w.chain.rpc("anvil_mine", "0x5");
	await w.sql("INSERT INTO token_codes (token_id, code, tx, at) SELECT g, '', '0x', now() FROM generate_series(1, 2000) g");
	const hold = w.node.hold("eth_call");
	await w.start("reconciler");
	await w.waitFor(() => hold.list.length > 0, "the first page to be asked");
	const asked = w.node.of("eth_call").length;
	const end = w.stop("reconciler");
	await w.waitFor(() => w.lines("reconciler", "drain").length > 0, "the drain to begin");
	hold.release();
	assert.equal(await end, 0);
	assert.ok(w.node.of("eth_call").length <= asked + 200, `${w.node.of("eth_call").length - asked} calls after the drain began`);
	assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.lane WHERE name = 'clock' AND holder IS NULL")).n, 1);
}
