export const name = "a contract whose start block the chain has not reached: the listener waits, ready, and reads from there";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "manual" });
	const head = await w.head();
	await w.start("listener", { env: { DEPLOYMENT_BLOCK: String(head + 4) } });
	assert.equal(w.lines("listener", (l) => l.level === "odd").length, 0);
	await w.mine(5);
	await w.waitFor(async () => (await w.one("SELECT done FROM fairlead.chain")).done === head + 5, "the blocks from the start on");
	assert.equal((await w.one("SELECT min(number) AS n FROM fairlead.block")).n, head + 4);
}
