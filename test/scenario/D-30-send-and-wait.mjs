export const name = "a request that sends and waits: its answer comes when the transaction is seen, with what it was; one that reverts is told, one that is late goes on; asked again with the same key it is the same transaction";

const routes = `
  POST /set:
    auth: admin
    once: Idempotency-Key
    body: { ids: { type: array, items: uint256 }, codes: { type: array, items: string } }
    do:
      - { send: "Companions.setBulkTokenCodes(ids, codes)", signer: owner, wait: 20s, as: sent, retry: { tries: 1 } }
      - reply: SELECT 201 AS _status, :sent.hash AS hash, :sent.from AS "from", :sent.status AS status, :sent.block AS block, :sent.error AS error, :job.id AS job
  POST /hasty:
    auth: admin
    body: { ids: { type: array, items: uint256 }, codes: { type: array, items: string } }
    do:
      - { send: "Companions.setBulkTokenCodes(ids, codes)", signer: owner, wait: 300ms, else: "SELECT 202 AS _status, 'on its way' AS state" }
      - reply: SELECT 'seen' AS state
`;

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ fleet: "all", mining: "manual", env: { ADMIN_TOKEN: "let me in" }, yaml: (text) => text.replace("\nserve:\n", `${routes}\nserve:\n`) });
	const post = (path, json, more = {}) => w.http(path, { method: "POST", json, headers: { authorization: "Bearer let me in", ...more } });
	const sent = async (n) => (await w.one("SELECT count(*) AS n FROM fairlead.attempt")).n >= n;
	const mine = async (n) => {
		await w.waitFor(() => sent(n), `transaction ${n} to be signed`);
		await w.waitFor(async () => (await w.chain.rpc("txpool_status")).pending !== "0x0", "it to be there");
		await w.mine();
	};

	const asking = post("/set", { ids: [1, 2], codes: ["one", "two"] }, { "Idempotency-Key": "a" });
	await mine(1);
	const a = await asking;
	assert.equal(a.status, 201, a.body);
	assert.deepEqual([a.json.status, a.json.from.toLowerCase(), a.json.error], ["success", w.owner.toLowerCase(), null]);
	const receipt = await w.chain.rpc("eth_getTransactionReceipt", a.json.hash);
	assert.equal(Number(receipt.blockNumber), a.json.block);
	assert.equal(await w.code(2), "two");
	const again = await post("/set", { ids: [1, 2], codes: ["one", "two"] }, { "Idempotency-Key": "a" });
	assert.deepEqual([again.status, again.json], [201, a.json]);

	// late: else, and the transaction goes on
	const late = await post("/hasty", { ids: [3], codes: ["three"] });
	assert.deepEqual([late.status, late.json], [202, { state: "on its way" }]);
	await mine(2);
	await w.waitFor(async () => (await w.code(3)) === "three", "what was late");

	// it would revert: nothing is sent, and the reason is told
	let judged = false;
	const judging = post("/set", { ids: [999999], codes: ["none"] }).finally(() => (judged = true));
	await w.waitFor(async () => judged || (await w.mine(), false), "a refusal, which a later block has to confirm", 20000);
	const bad = await judging;
	assert.equal(bad.status, 500, bad.body);
	assert.match(bad.json.detail, /can't be sent: .*InvalidTokenId/);
	assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.attempt")).n, 2);

	// the server is killed while it waits: with the same key it is the same transaction
	const cut = post("/set", { ids: [4], codes: ["four"] }, { "Idempotency-Key": "b" }).catch(() => "cut");
	await w.waitFor(() => sent(3), "the third to be signed");
	await w.kill9("reconciler");
	assert.equal(await cut, "cut");
	await w.start("reconciler");
	await w.mine();
	await w.waitFor(async () => (await w.code(4)) === "four", "its transaction");
	assert.equal(await w.writes(4), 1);
	const b = await w.waitFor(async () => {
		const r = await post("/set", { ids: [4], codes: ["four"] }, { "Idempotency-Key": "b" });
		return r.status !== 409 && r;
	}, "the key to be free of who was killed");
	assert.equal(b.status, 201, b.body);
	assert.deepEqual([b.json.status, (await w.one("SELECT count(*) AS n FROM fairlead.attempt")).n, await w.writes(4)], ["success", 3, 1]);
	assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.item WHERE batch_of LIKE 'route%' AND args->>'ids' LIKE '%4%'")).n, 1, "one item");

	// it ends while somebody waits
	const ending = post("/set", { ids: [5], codes: ["five"] });
	await w.waitFor(() => sent(4), "the fourth to be signed");
	assert.equal(await w.stop("reconciler"), 0);
	assert.equal((await ending).status, 503);
	await w.start("reconciler");
	await w.mine();
	await w.waitFor(async () => (await w.code(5)) === "five", "its transaction");
	// behind the last answer no job is left
	assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.job")).n, 0);
}
