export const name = "P13, S3: base fee ×8 in 20 blocks with nodes of 10 % and 12.5 %: only the lowest of 50 is raised, by an eighth at least, fit for the market; the oldest attempt that mines after all is a success";

import { box } from "../lib/box.mjs";

const gwei = 10n ** 9n;

export default async function (t) {
	const { assert } = t;
	const b = await box(t, { yaml: (text) => text.replace("window: 16", "window: 64").replace("max: 2, wait: 20ms", "max: 1, wait: 20ms") });
	const { w, n } = b;
	const base = (g) => n.do({ chain: { base_fee: Math.round(g * 1e9) } });
	const attempts = (nonce) => w.sql("SELECT nonce, n, kind, '0x' || encode(hash, 'hex') AS hash, '0x' || encode(raw, 'hex') AS raw, fee, tip, reason FROM fairlead.attempt WHERE nonce = $1 ORDER BY n", [nonce]);
	const number = async () => Number(await n.rpc("eth_blockNumber"));
	const left = (nonce) => w.waitFor(async () => (await n.raws({ from: b.signer, nonce })).some((r) => r.accepted), `nonce ${nonce} to leave`);
	// The market climbs past what `nonce` offers, and blocks pass it by, until it has k attempts.
	const climb = async (nonce, k) => {
		for (let i = 1; i <= 20; i++) {
			await base(10 * 8 ** (i / 20));
			await b.mine(1, { pool: false });
			await w.waitFor(async () => JSON.parse((await w.health("submitter", "/status")).body).signers[0].head >= (await number()), "the head to be seen");
		}
		await b.mined(async () => (await attempts(nonce)).length >= k, `attempt ${k} of nonce ${nonce}`, { pool: false });
	};
	const rises = (rows) => {
		for (let i = 1; i < rows.length; i++)
			for (const what of ["fee", "tip"]) assert.ok(BigInt(rows[i][what]) * 8n >= BigInt(rows[i - 1][what]) * 9n, `${what} ${rows[i - 1][what]} to ${rows[i][what]}`);
		for (const r of rows) assert.ok(BigInt(r.fee) <= 1000n * gwei && BigInt(r.tip) <= BigInt(r.fee));
	};
	await base(10);
	await b.mine(3);
	await b.start("listener", "batcher", "submitter", "reconciler");

	// one, on each kind of node
	let nonce = 5;
	for (const pool of ["geth", "parity"]) {
		await n.do({ chain: { pool } });
		await base(10);
		await b.mine(1);
		await b.put([nonce]);
		await left(nonce);
		await climb(nonce, 2);
		const rows = await attempts(nonce);
		rises(rows);
		assert.ok(BigInt(rows.at(-1).fee) >= 79n * gwei, "it follows the market");
		assert.match(rows[1].reason, /^above /);
		if (pool === "parity") {
			// the mempool has lost the newest; the oldest is offered by somebody, and mined when the market has fallen
			await n.do({ evict: true });
			await base(9);
			await b.mine(1, { pool: false });
			await n.rpc("eth_sendRawTransaction", [rows[0].raw]);
			await b.mine(1);
		}
		await b.mined(async () => (await b.slots()).find((s) => s.nonce === nonce).closed === "done", `nonce ${nonce} to be closed`);
		const [{ winner }] = await w.sql("SELECT '0x' || encode(winner, 'hex') AS winner FROM fairlead.slot WHERE nonce = $1", [nonce]);
		assert.equal(winner, rows.at(pool === "parity" ? 0 : -1).hash);
		nonce++;
	}

	// fifty in a queue: only the lowest
	await n.do({ chain: { pool: "geth" } });
	await base(10);
	await b.mine(1);
	const ids = Array.from({ length: 50 }, (_, i) => 100 + i);
	await b.put(ids);
	await w.waitFor(async () => (await n.do({ pool: true })).length === 50, "fifty in the mempool");
	await climb(nonce, 2);
	assert.deepEqual((await w.sql("SELECT nonce FROM fairlead.attempt WHERE n > 1 AND nonce >= $1 GROUP BY 1", [nonce])).map((r) => r.nonce), [nonce]);
	rises(await attempts(nonce));
	await base(5);
	await b.mined(async () => (await b.count()) === nonce + 50, "all fifty to be mined");
	await b.mined(async () => Object.values(await b.items()).every((s) => s === "done"), "all to be done");
	const effects = await b.effects();
	for (const id of [5, 6, ...ids]) assert.equal(effects[id], 1, `item ${id}`);
}
