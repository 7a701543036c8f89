export const name = "while the node answers 500 the gaps between tries double up to the cap, less a bounded jitter, and work goes on after";

export default async function (t) {
	const { assert } = t;
	const first = 20, max = 320;
	const w = await t.world({
		mining: "auto", env: { WS_URL: null, RPC_RETRY_DELAY_MS: String(first), BATCH_TIMEOUT_MS: "50" },
		yaml: (text) => text.replace(/(first: "\$\{RPC_RETRY_DELAY_MS:-1000\}ms")/, `$1, max: ${max}ms`),
	});
	w.node.fault("500");
	await Promise.all(["listener", "submitter"].map((p) => w.start(p, { wait: "alive" })));
	await w.start("batcher");
	const tries = () => w.lines("submitter", "rpc.error");

	// the submitter states each wait: it doubles, has its cap, and loses at most a fifth to the jitter
	await w.waitFor(() => tries().length >= 8, "eight tries of the submitter");
	const waits = tries().slice(0, 8).map((l) => Number(l.wait_ms));
	assert.deepEqual(tries().slice(0, 8).map((l) => Number(l.try)), [1, 2, 3, 4, 5, 6, 7, 8]);
	waits.forEach((wait, i) => {
		const full = Math.min(first * 2 ** i, max);
		assert.ok(wait <= full && wait >= full * 0.8 - 1, `wait ${i + 1} is ${wait} of ${full} ms`);
	});

	await w.waitFor(async () => (await w.metric("listener", "fairlead_endpoint_failures_total")) >= 7, "seven tries of the listener");
	assert.match((await w.health("listener")).body, /Provider error.*500/);
	assert.equal((await w.health("submitter")).status, 503);

	// alone, the listener, as the node saw it: never earlier than that. Noise makes a gap longer; that they have a cap is seen by
	// many tries in a time in which doubling would have left a few.
	await w.stop("submitter");
	await w.kill9("listener");
	w.node.forget();
	await w.start("listener", { wait: "alive" });
	await w.waitFor(() => w.node.of("eth_chainId").length >= 13, "thirteen tries of the listener");
	const at = w.node.of("eth_chainId").map((c) => c.at);
	for (let i = 0; i < 12; i++) {
		const least = Math.min(first * 2 ** i, max) * 0.8 - 5;
		assert.ok(at[i + 1] - at[i] >= least, `gap ${i + 1} is ${at[i + 1] - at[i]} ms, at least ${least}`);
	}
	assert.ok(at[12] - at[0] < first * 2 ** 12 * 0.8 / 3, `twelve gaps took ${at[12] - at[0]} ms`);

	// never given up
	w.node.well();
	await w.start("submitter");
	await w.reveal([1]);
	await w.waitFor(() => w.codesSet([1]), "a code after all that");
	assert.equal(await w.writes(1), 1);
	t.note(waits.join(" "));
}
