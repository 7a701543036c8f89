export const name = "a head that comes while an older one is being looked into is not slept over";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "manual", fleet: ["listener"] });
	await w.mine(3);
	const done = async () => (await w.one("SELECT done FROM fairlead.chain")).done;
	const head = await w.head();
	await w.waitFor(async () => (await done()) === head, "the head");
	await w.waitFor(() => w.lines("listener", "caught_up").length === 1, "rest");
	// one message lies about the number; the look that follows is held until the next head has been heard
	const off = w.node.push((m) => {
		off();
		const old = structuredClone(m);
		old.params.result.number = `0x${(head - 1).toString(16)}`;
		return old;
	});
	const hold = w.node.hold("eth_getBlockByNumber");
	let heard = 0;
	await w.mine();
	await w.waitFor(() => hold.list.length > 0, "the look");
	const count = w.node.push((m) => {
		heard++;
		return m;
	});
	await w.mine();
	await w.waitFor(() => heard === 1, "the next head to be told");
	await w.health("listener", "/livez"); // and heard: its socket is read in the same loop
	await w.health("listener", "/livez");
	hold.release();
	count();
	await w.waitFor(async () => (await done()) === head + 2, "both blocks", 5000);
	assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.reorg")).n, 0);
}
