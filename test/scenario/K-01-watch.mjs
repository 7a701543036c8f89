export const name = "a TokenRevealed of the contract that the socket announces becomes a row and a queued item; one of another contract does not";

import { keys } from "../lib/world.mjs";
import { need } from "../../deploy/run/npm.mjs";

export default async function (t) {
	const { assert } = t;
	const { ethers } = need("ethers");
	const w = await t.world({ mining: "manual", fleet: ["listener", "batcher"], env: { POLLING_INTERVAL_MS: "600000", BATCH_TIMEOUT_MS: "600000" } });
	await w.waitFor(() => w.lines("listener", "heads.up").length, "the socket to bring heads");
	const announced = [];
	w.node.push((m) => {
		if (m.method === "eth_subscription") announced.push(Date.now());
		return m;
	});

	const topic = w.iface.getEvent("TokenRevealed").topicHash;
	// a stranger that emits the same event: PUSH1 9, PUSH32 topic, no data, LOG2
	const stranger = "0x00000000000000000000000000000000000bad09";
	await w.chain.rpc("anvil_setCode", stranger, `0x60097f${topic.slice(2)}60006000a200`);
	const other = new ethers.Wallet(keys[2]);
	const raw = await other.signTransaction({ type: 2, chainId: 31337, to: stranger, nonce: 0, gasLimit: 100000, maxFeePerGas: 10n ** 12n, maxPriorityFeePerGas: 10n ** 10n });
	const hash = await w.chain.rpc("eth_sendRawTransaction", raw);
	const [mined] = await w.reveal([7]);
	assert.equal((await w.chain.rpc("eth_getTransactionReceipt", hash)).logs.length, 1, "the stranger did emit");

	const item = await w.waitFor(() => w.one("SELECT key, state, cause, made FROM fairlead.item"), "a queued item");
	assert.deepEqual([item.key, item.state], ["7", "waiting"]);
	const rows = await w.sql("SELECT token_id::text AS id, _seq, _block, _log, _swept, encode(_tx, 'hex') AS tx FROM companions.token_revealed");
	assert.deepEqual(rows, [{ id: "7", _seq: item.cause, _block: mined.block, _log: Number(mined.logs.find((l) => l.topics[0] === topic).logIndex), _swept: false, tx: mined.transactionHash.slice(2) }]);
	assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.item")).n, 1);
	t.note(`queued ${item.made - announced[0]} ms after the announcement`);
}
