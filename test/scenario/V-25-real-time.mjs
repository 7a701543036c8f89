export const name = "a revocation is a row right behind the message of the socket: no poll, no batch, and at most three questions in between";

import { chainWords } from "../lib/world.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ app: "vcel", rpc: "ws", mining: "manual", yaml: chainWords({ poll: "1h" }), fleet: ["listener", "batcher"] });
	let frame;
	w.node.push((m) => {
		if (m.method === "eth_subscription") frame ??= Date.now();
		return m;
	});
	await w.waitFor(w.swept, "the second look at the past");
	await w.revoke(7, "the first");
	await w.waitFor(async () => (await w.rows()).length === 1, "the socket to bring the first");
	const took = [];
	for (let i = 0; i < 20; i++) {
		frame = undefined;
		w.node.forget();
		await w.revoke(7, `signature ${i}`);
		await w.waitFor(async () => (await w.rows()).length === i + 2, `row ${i}`);
		const { created_at } = (await w.rows()).at(-1);
		took.push(created_at - frame);
		const asked = w.node.calls.filter((c) => /getLogs|getBlock/.test(c.method));
		assert.ok(asked.length <= 3, `${asked.length} questions for one block: ${asked.map((c) => c.method).join(" ")}`);
	}
	assert.deepEqual(await w.source().then((s) => s.live), 21);
	took.sort((a, b) => a - b);
	t.note(`frame to row: median ${took[10]} ms, at most ${took.at(-1)} ms`);
}
