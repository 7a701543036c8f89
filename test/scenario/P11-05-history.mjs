export const name = "history by ranges at level none: one of two endpoints contradicts itself, its headers or a bloom; asked elsewhere, counted, never stored";

import { liars } from "../lib/lies.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await liars(t, { words: "    window: 16\n    final: 4\n    range: 20" });
	const n = w.scripted;
	const said = [];
	for (const [lie, what] of [
		[{ kind: "forge", field: "blockHash", every: 2 }, "two hashes in one block"],
		[{ kind: "forge", field: "removed", value: true, every: 2 }, "a removed log"],
		[{ kind: "forge", field: "transactionHash", every: 2 }, "two transactions at one index"],
		[{ kind: "forge", field: "logIndex", value: "0x0" }, "log indexes twice"],
		[{ kind: "forge", field: "topic1" }, "a topic that no bloom holds"],
		[{ kind: "forge", field: "blockNumber", value: "0xffffff" }, "a block that was not asked for"],
		[{ kind: "forge", field: "address" }, "another address"],
		[{ kind: "empty" }, "no logs at all"],
		[{ kind: "forge", field: "logsBloom", in: "headers" }, "headers with another bloom"],
	]) {
		if (w.reader?.running) await w.reader.stop();
		const from = (await n.head()) + 241; // honest so far: the chain's ways are learned there, by more ranges than are asked at first
		await w.blocks(440);
		await n.do({ lie: { on: 1, from, ...lie } });
		await w.begin();
		await w.caught(what);
		const lies = w.lied(w.reader);
		assert.ok(lies.length > 0, `nobody noticed: ${what}`);
		assert.ok(lies.every((l) => l.endpoint.startsWith("localhost:")), `${what}: ${lies[0].raw}`);
		await n.do({ truth: true });
		said.push(lies[0].reason.replace(/ of block \d+ \(index \d+\)| block \d+/, ""));
	}
	await w.counted();
	// copies and another order are no lies
	for (const kind of ["repeat", "shuffle"]) {
		await w.reader.stop();
		await w.blocks(300);
		await n.do({ lie: { on: [0, 1], kind, id: kind } });
		await w.begin();
		await w.waitFor(w.done, kind);
		await n.do({ truth: true });
		await w.caught(kind);
		assert.deepEqual(w.lied(w.reader), []);
	}
	t.note(said.join(" · "));
}
