export const name = "a block is asked for over the socket that named it; a socket that refuses, hangs or is cut costs one question, and its endpoint nothing";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ chain: "node", node: { seed: 64 } });
	const n = w.scripted;
	await n.event("reveal", w.address, "TokenRevealed(uint256 indexed tokenId)", { tokenId: { seq: 1 } });
	await n.do({ contract: { address: w.address, returns: `0x${"00".repeat(32)}` } });
	const mine = () => n.mine(1, { logs: { shape: "reveal", count: 2 } });
	const heard = (via) => n.count({ method: "eth_getLogs", via });
	const ids = async () => (await w.sql("SELECT token_id::int AS id FROM companions.token_revealed ORDER BY _seq")).map((r) => r.id);
	let blocks = 0;
	const live = async (what) => {
		const before = { ws: await heard("ws"), http: await heard("http") };
		await mine();
		blocks++;
		await w.waitFor(async () => (await ids()).length === 2 * blocks, what);
		assert.deepEqual(await ids(), Array.from({ length: 2 * blocks }, (_, i) => i + 1), what);
		return { ws: (await heard("ws")) - before.ws, http: (await heard("http")) - before.http };
	};
	const said = (ev) => w.lines("listener", ev).length;
	const start = async () => {
		const before = [said("caught_up"), said("heads.up")];
		await w.start("listener");
		await w.waitFor(() => said("caught_up") > before[0] && said("heads.up") > before[1], "the listener to be live, over its socket");
	};
	await start();
	for (let i = 0; i < 3; i++) assert.deepEqual(await live("over the socket"), { ws: 1, http: 0 });

	// the endpoint says no, on its socket alone: asked as for anything else at once, and so for a while
	await n.do({ mood: { method: "eth_getLogs", via: "ws", error: { code: -32601, message: "the method eth_getLogs does not exist" }, id: "no" } });
	assert.deepEqual(await live("refused there"), { ws: 1, http: 1 });
	assert.deepEqual(await live("not asked there again"), { ws: 0, http: 1 });
	assert.equal(said("provider.near"), 1);
	assert.equal(said("provider.error"), 0, "nothing is wrong with the endpoint");

	// each start tries anew
	const anew = async (what, harm) => {
		await w.stop("listener");
		await n.do([{ calm: true }, { mood: { method: "eth_getLogs", via: "ws", ...harm } }]);
		await start();
		const asked = await live(what);
		assert.equal(asked.ws, 1, what);
		assert.ok(asked.http >= 1, what);
		assert.deepEqual(await live(`${what}, the next`), { ws: 0, http: 1 });
		assert.equal((await w.one("SELECT count(*)::int AS n FROM fairlead.endpoint WHERE state <> 'well'")).n, 0, what);
	};
	await anew("no answer", { hang: true });
	await anew("cut off", { cut: "middle" });
	await anew("an answer to somebody else", { id_is: 7 });

	// too often there is too often everywhere: it waits, and goes on there
	await w.stop("listener");
	await n.do([{ calm: true }, { mood: { method: "eth_getLogs", via: "ws", times: 1, as: "alchemy", kind: "rate" } }]);
	await start();
	const near = said("provider.near");
	await live("too often");
	assert.equal(said("provider.near"), near);
	assert.deepEqual(await live("and again"), { ws: 1, http: 0 });
	t.note(`${2 * blocks} events`);
}
