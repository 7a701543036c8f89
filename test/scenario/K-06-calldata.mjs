export const name = "the transaction is setBulkTokenCodes of the events' ids in their order, with the mapping's codes, decoded by another library";

export default async function (t) {
	const { assert } = t;
	const codes = { 3: "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi", 9: "größe \"\\/\u0001\u{1f408}", 4711: "x".repeat(200), 256: "31 bytes: 0123456789abcdefghijk", 1: "2" };
	const w = await t.world({ mining: "auto", fleet: "all", mapping: codes, env: { MAX_BATCH_SIZE: "5", BATCH_TIMEOUT_MS: "600000" } });
	const order = [9, 3, 4711, 256, 1];
	await w.batchReveal(order.slice(0, 3));
	await w.reveal(order.slice(3, 4));
	await w.reveal(order.slice(4));
	await w.waitFor(() => w.codesSet(order), "the codes on the chain");

	assert.equal(w.node.raws.length, 1);
	const [tx] = w.node.raws;
	assert.equal(tx.name, "setBulkTokenCodes");
	assert.deepEqual(tx.args[0].map(Number), order);
	assert.deepEqual([...tx.args[1]], order.map((id) => codes[id]));
	assert.equal(tx.data, w.iface.encodeFunctionData("setBulkTokenCodes", [order, order.map((id) => codes[id])]), "byte for byte as the other library encodes it");
	assert.deepEqual([tx.to, tx.from, tx.value, tx.chainId, tx.type], [w.address, w.owner, 0n, 31337n, 2]);
}
