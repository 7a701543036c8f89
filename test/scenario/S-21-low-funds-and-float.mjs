export const name = "a key that can't pay waits while the others go on, and goes on when it is topped up; float: does that once for one need, whoever gives";
export const limit = 180;

import { need } from "../../deploy/run/npm.mjs";
import { poolOf } from "../lib/pools.mjs";

const { ethers } = need("ethers");
const ether = 10n ** 18n;

export default async function (t) {
	const { assert } = t;
	// by hand: no float
	const p = await poolOf(t, { keys: 2, signer: { low: "1 ether" }, funds: { 1: 1000 } }), w = p.w;
	await Promise.all(["listener", "batcher", "reconciler"].map((x) => w.start(x, { wait: false })));
	await Promise.all([p.submitter(), p.submitter()]);
	await p.spread([1, 1]);
	await p.wave(40);
	await p.settled();
	assert.deepEqual((await p.judge()).shares, [20, 0], "the other key does all of it");
	const held = await p.held();
	const poor = p.parts.find((x) => held[w.programs[x].pid].includes(1));
	assert.equal(w.lines(poor, "balance.low").length, 1, "said once");
	assert.equal(w.lines(poor, "balance.low")[0].level, "odd");
	assert.equal(await w.metric(poor, "fairlead_balance_low", ethers.getAddress(p.addresses[1])), 1);
	assert.equal(w.lines(poor, "hold").length, 1);
	assert.match((await w.health(poor)).body, /the balance of 0x[0-9a-fA-F]{40} is 1000 wei/);
	const rich = new ethers.Wallet(ethers.id("rich"));
	await p.n.rpc("eth_sendRawTransaction", [await rich.signTransaction({ type: 2, chainId: 31337, to: p.addresses[1], value: 3n * ether, nonce: 0, gasLimit: 21000, maxFeePerGas: 10n ** 11n, maxPriorityFeePerGas: 10n ** 9n })]);
	await w.waitFor(() => w.lines(poor, "hold.over").length, "the key to go on by itself");
	await w.waitFor(async () => (await w.metric(poor, "fairlead_balance_low", ethers.getAddress(p.addresses[1]))) === 0, "the alarm to end");
	await p.wave(40);
	await w.waitFor(async () => Number(await p.n.rpc("eth_getTransactionCount", [p.addresses[1], "latest"])) > 1, "it to send");

	// float: two of four are low, three processes look after them
	const q = await poolOf(t, { keys: 4, signer: { low: "1 ether", float: "2 ether" }, funds: { 0: 20n * ether, 1: ether / 2n, 2: 1000, 3: 30n * ether } });
	q.miner.pool = false;
	await Promise.all(["listener", "batcher", "reconciler"].map((x) => q.w.start(x, { wait: false })));
	await Promise.all([q.submitter(), q.submitter(), q.submitter()]);
	await q.spread([1, 1, 2]);
	// while they are under way, many looks later, nothing more is given
	const given = () => q.w.one("SELECT count(*) AS n FROM fairlead.topup");
	await q.w.waitFor(async () => (await given()).n >= 2, "both to be topped up");
	const head = await q.n.head();
	await q.w.waitFor(async () => (await q.n.head()) >= head + 60, "sixty blocks without them");
	assert.equal((await given()).n, 2);
	q.miner.pool = true;
	await q.w.waitFor(async () => {
		const has = await Promise.all([1, 2].map(async (i) => BigInt(await q.n.rpc("eth_getBalance", [q.addresses[i], "latest"]))));
		return has.every((b) => b === 2n * ether);
	}, "both to be filled up to float");
	const knows = async (i) => {
		const holds = await q.held(), part = q.parts.find((x) => holds[q.w.programs[x].pid]?.includes(i));
		return part && (await q.w.metric(part, "fairlead_balance_low", ethers.getAddress(q.addresses[i]))) === 0;
	};
	await q.w.waitFor(async () => (await knows(1)) && (await knows(2)), "their processes to have seen it");
	await q.wave(80);
	await q.settled();
	const topups = await q.w.sql("SELECT '0x' || encode(giver, 'hex') AS giver, '0x' || encode(taker, 'hex') AS taker, wei::text FROM fairlead.topup ORDER BY wei");
	assert.deepEqual(topups.map((x) => [x.taker, BigInt(x.wei)]), [[q.addresses[1], 3n * ether / 2n], [q.addresses[2], 2n * ether - 1000n]], "one for each need");
	assert.ok(topups.every((x) => [q.addresses[0], q.addresses[3]].includes(x.giver)), "by one that can spare it");
	// its life, by its hash
	const [gift] = await q.w.sql("SELECT '0x' || encode(a.hash, 'hex') AS hash FROM fairlead.attempt a JOIN fairlead.slot s USING (chain, signer, nonce) WHERE s.batch IS NULL");
	const told = await q.w.run("submitter", ["--explain", gift.hash]);
	assert.match(told.text, /^Nonce \d+, final: no items[^]*Topped up a key\. 0x\w{40} of the same pool was low and got \S+ ETH\.[^]*Mined\. [^]*Final\./);
	const slots = await q.w.sql("SELECT closed, count(*) AS n FROM fairlead.slot WHERE batch IS NULL GROUP BY 1");
	assert.deepEqual(slots, [{ closed: "done", n: 2 }], "a slot like any other, closed by a final block");
	const { shares } = await q.judge();
	assert.ok(shares.every((n) => n > 0), `all keys send: ${shares}`);
	t.note(shares.join(" + "));
}
