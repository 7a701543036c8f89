// A world of VCEL on the scripted node in which live reading misses logs: what a sweep then finds, and what it makes of it.
//
//   const w = await missed(t, { words: { sweep: "1s" }, late: "apply", env })    words: of the chain; late: of the rule
//   await w.logs(n = 1, blocks = 1)     blocks of n revocations each; numbers of the blocks
//   await w.gap(blocks = 1)             blocks without any
//   const show = w.omit(block, when)    the node leaves out the logs of this block where when(call) says so (always by default)
//   await w.truth()                     [{ block, log, hash }] of the chain, in its order
//   await w.same()                      true when table, rows and the rule's chain of hashes are the chain's
//
// A second rule writes what depends on order: one row whose message is every hash so far, each behind the one before.
import { chainWords, soon } from "./world.mjs";

const second = (late) => `  - on: AccessControl.SignatureRevoked
    ${late ? `late: ${late}` : "at: live"}
    sql: |
      INSERT INTO signature_entries (id, signature, signature_hash, message, block_number)
      VALUES ('order', '', '', right(:signatureHash, 8), 0)
      ON CONFLICT (id) DO UPDATE SET message = signature_entries.message || ' ' || EXCLUDED.message
`;

export async function missed(t, { words = {}, late, env, fleet = ["listener", "batcher"] } = {}) {
	const yaml = (text) => chainWords({ ...soon, ...words })(text.replace(/^rules:\n/m, `rules:\n${second(late).replace("    at: live\n", "")}`));
	const w = await t.world({ app: "vcel", chain: "node", proxy: "js", yaml, env });
	const n = w.scripted;
	const event = w.iface.getEvent("SignatureRevoked");
	w.logs = async (count = 1, blocks = 1) => {
		const from = await w.head();
		await n.mine(blocks, { logs: [{ address: w.address, event: event.format("full"), args: { lockId: 7 }, count }] });
		return Array.from({ length: blocks }, (_, i) => from + 1 + i);
	};
	w.gap = (blocks = 1) => n.mine(blocks);
	w.omit = (block, when = () => true) => w.node.on("eth_getLogs", async (call, next) => {
		const logs = await next();
		return when(call) ? logs.filter((l) => Number(l.blockNumber) !== block) : logs;
	});
	w.truth = async () => (await n.rpc("eth_getLogs", [{ fromBlock: "0x0", toBlock: "latest", address: w.address, topics: [event.topicHash] }]))
		.map((l) => ({ block: Number(l.blockNumber), log: Number(l.logIndex), hash: l.topics[2] }));
	w.stored = () => w.sql("SELECT _block AS block, _log AS log, signature_hash AS hash, _swept AS swept, _late AS late, _seq AS seq FROM accesscontrol.signature_revoked ORDER BY _block, _log");
	w.order = async () => (await w.one("SELECT message FROM signature_entries WHERE id = 'order'"))?.message.split(" ") ?? [];
	w.same = async () => {
		const truth = await w.truth();
		const rows = (await w.sql("SELECT signature_hash AS hash FROM revoked_signatures")).map((r) => r.hash).sort();
		return JSON.stringify((await w.stored()).map(({ block, log, hash }) => ({ block, log, hash }))) === JSON.stringify(truth)
			&& JSON.stringify(rows) === JSON.stringify(truth.map((l) => l.hash).sort())
			&& JSON.stringify(await w.order()) === JSON.stringify(truth.map((l) => l.hash.slice(-8)));
	};
	w.missed = async () => ({ ...(await w.one("SELECT sweep_found AS found FROM fairlead.chain")), ...(await w.one("SELECT count(*) AS odd FROM fairlead.odd WHERE kind = 'missed'")), ...(await w.one("SELECT count(*) AS reseats FROM fairlead.reorg WHERE reason = 'reseat'")) });
	w.counters = async () => w.source().then((s) => [s.live, s.swept]);
	if (fleet.includes("batcher")) await w.start("batcher", { wait: "alive" });
	if (fleet.includes("listener")) await w.start("listener");
	return w;
}
