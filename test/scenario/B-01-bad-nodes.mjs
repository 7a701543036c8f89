export const name = "a node that answers nonsense, nothing, or of another chain: said in plain words, nothing crashes, and all goes on when it is well";

import { RpcError } from "../lib/world.mjs";

const faults = ["html", "truncated", "wrong-id", "500", "empty", "cut", "silent", "429"];
const words = /Provider error|does not answer|no answer|JSON|HTTP|answer/i;

export default async function (t) {
	const { assert } = t;
	const env = { WS_URL: null, POLLING_INTERVAL_MS: "100", RPC_TIMEOUT_MS: "300", RPC_RETRY_DELAY_MS: "20", BATCH_TIMEOUT_MS: "50" };
	const w = await t.world({ mining: "auto", env, yaml: (text) => text.replace(/^ *skip:.*\n/m, "").replace("retry:     { ", "retry:     { max: 200ms, ") });
	const asked = ["listener", "submitter"];
	// from the first moment
	w.node.fault("html");
	for (const p of ["batcher", "reconciler", ...asked]) await w.start(p, { wait: "alive" });
	const ids = [];
	for (const kind of faults) {
		w.node.fault(kind);
		for (const p of asked) await w.waitFor(async () => {
			const a = await w.health(p);
			return a.status === 503 && words.test(a.body);
		}, `${p} to say what is wrong with a node that is ${kind}`);
		const id = ids.push(ids.length + 1);
		await w.revealEach([id]); // straight to the chain: the fleet can't see it yet
		assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.item WHERE key = $1::text", [id])).n, 0, kind);
		w.node.well();
		await Promise.all(asked.map((p) => w.ready(w.programs[p])));
		await w.waitFor(() => w.codesSet(ids), `the code of ${id}, after the node was ${kind}`);
		assert.equal((await w.health("listener", "/livez")).status, 200);
	}
	for (const p of asked) {
		assert.ok(w.programs[p].running);
		assert.ok(w.lines(p, (l) => l.level === "odd" && /Provider error/.test(l.raw)).length > 0, `${p} logged a Provider error`);
	}

	// answers that are JSON-RPC and yet none: each field of the wrong kind
	const nonsense = [null, true, 7, "0x", "latest", [], {}, { number: "x" }, "0xzz", [{}], "0x" + "f".repeat(70)];
	let turn = 0;
	const off = w.node.on("*", () => nonsense[turn++ % nonsense.length]);
	await w.waitFor(() => turn > 60, "sixty such answers");
	off();
	const off2 = w.node.on("*", () => {
		throw new RpcError(-32000, "header not found \u0000\u001b[31m\n" + "x".repeat(3000));
	});
	for (const p of asked) await w.waitFor(async () => (await w.health(p)).status === 503, `${p} to be not ready`);
	off2();
	await Promise.all(asked.map((p) => w.ready(w.programs[p])));
	await w.revealEach([ids.push(ids.length + 1)]);
	await w.waitFor(() => w.codesSet(ids), "the last code");
	for (const id of ids) assert.equal(await w.writes(id), 1);
	for (const p of asked) assert.ok(!/[\x00-\x08\x1b]/.test(w.log(p)), `${p}'s log holds no control characters`);
	await w.stopAll();

	// another chain than the one that PostgreSQL knows: nothing is read, nothing is signed
	const other = w.node.on("eth_chainId", () => "0x1");
	const done = (await w.one("SELECT done FROM fairlead.chains")).done;
	w.node.forget();
	await w.start("listener", { wait: "alive" });
	await w.waitFor(async () => /31337/.test((await w.health("listener")).body), "the listener to name both networks");
	const submitter = await w.start("submitter", { wait: false });
	await w.waitFor(() => !submitter.running, "the submitter to refuse");
	assert.equal(submitter.code, 78);
	assert.match(submitter.lines("refused")[0].text, /network 1\b.*31337/);
	assert.deepEqual(w.node.raws, []);
	assert.equal((await w.one("SELECT done FROM fairlead.chains")).done, done);
	other();
	await w.programs.listener.stop();
	await w.start("listener");
}
