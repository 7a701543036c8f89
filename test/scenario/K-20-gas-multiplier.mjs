export const name = "a transaction's gas limit is what the node estimated times GAS_MULTIPLIER, 1.2 when it is not set";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "auto", fleet: ["listener", "batcher"], env: { BATCH_TIMEOUT_MS: "50" } });
	const estimates = [];
	w.node.on("eth_estimateGas", async (call, next) => {
		const answer = await next();
		estimates.push({ data: call.params[0].data ?? call.params[0].input, gas: BigInt(answer) });
		return answer;
	});
	let id = 0;
	for (const [value, tenths] of [[null, 12n], ["1.5", 15n], ["2", 20n], ["1", 10n]]) {
		const ids = [++id, ++id];
		await w.start("submitter", { env: { GAS_MULTIPLIER: value } });
		await w.batchReveal(ids);
		await w.waitFor(() => w.codesSet(ids), `two codes with ${value}`);
		const raw = w.node.raws.at(-1);
		const estimate = estimates.find((e) => e.data === raw.data);
		assert.ok(estimate, "the very call was estimated");
		assert.equal(raw.gasLimit, (estimate.gas * tenths) / 10n, `estimate ${estimate.gas}, multiplier ${value}`);
		assert.equal(await w.stop("submitter"), 0);
	}
	for (const wrong of ["0.5", "x", "-1", "1.2.3"]) {
		const r = await w.run("submitter", ["--check"], { env: { GAS_MULTIPLIER: wrong } });
		assert.equal(r.code, 78, `${wrong} is taken`);
		assert.match(r.err, /fairlead\.yaml:\d+:\d+: [^]*GAS_MULTIPLIER/);
	}
}
