export const name = "P21: a node that takes connections but answers nothing: the listener's /readyz says so, /livez stays 200";
// INV-11

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "manual", proxy: false, fleet: ["listener"] });
	const round = async (env) => {
		await w.stop("listener");
		await w.start("listener", { env });
		await w.waitFor(() => w.lines("listener", "caught_up").length > 0, "rest");
		const from = Date.now();
		process.kill(w.chain.process.pid, "SIGSTOP");
		try {
			await w.waitFor(async () => {
				assert.equal((await w.health("listener", "/livez")).status, 200);
				const r = await w.health("listener");
				return r.status === 503 && /the node has not answered/.test(r.body);
			}, "the listener to say that the node does not answer", 9000);
			t.note(`${((Date.now() - from) / 1000).toFixed(1)} s`);
		} finally {
			process.kill(w.chain.process.pid, "SIGCONT");
		}
		await w.ready(w.programs.listener);
		await w.mine();
		await w.waitFor(async () => (await w.one("SELECT done = $1 AS x FROM fairlead.chain", [await w.head()])).x, "the next block");
	};
	await round({});
	await round({ WS_URL: null, POLLING_INTERVAL_MS: "1000" });
}
