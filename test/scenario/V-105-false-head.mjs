export const name = "R1: a head is only a hint: a number far above the chain makes nothing final";
// INV-5 rests on it: a slot closes only by a final block

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "manual", env: { CONFIRMATIONS_REQUIRED: "4", RPC_RETRY_DELAY_MS: "50" }, fleet: ["listener"] });
	await w.mine(6);
	const head = await w.head();
	const chain = () => w.one("SELECT done, final, floor, head FROM fairlead.chain");
	await w.waitFor(async () => (await chain()).done === head, "the head");
	const off = w.node.push((m) => {
		off();
		const lie = structuredClone(m);
		lie.params.result.number = `0x${(head + 1000).toString(16)}`;
		lie.params.result.hash = `0x${"ab".repeat(32)}`;
		return [m, lie];
	});
	await w.mine();
	const row = await w.waitFor(async () => {
		const c = await chain();
		return c.done === head + 1 && c;
	}, "the block to be committed");
	assert.ok(row.final <= head + 1 - 4, `final ${row.final} with a chain of ${head + 1} blocks`);
	assert.ok(row.floor <= row.final);
	// and it goes on by itself
	await w.mine();
	await w.waitFor(async () => (await chain()).done === head + 2, "the next block");
}
