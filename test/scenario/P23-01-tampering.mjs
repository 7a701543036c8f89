export const name = "P23: a row of the trail is edited, deleted, swapped, added or cut off by a superuser with triggers off: --verify names the first one; put back, it verifies again";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ fleet: "all", env: { BATCH_TIMEOUT_MS: "50", MAX_BATCH_SIZE: "2" } });
	const verify = (of) => w.run("reconciler", of ? [`--verify=${of}`] : ["--verify"]);
	await w.reveal([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
	await w.waitFor(() => w.codesSet([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]), "ten codes");
	// one refusal and two acts, as the fleet writes them
	await w.sql("SELECT fairlead.freeze('a person', 'owner')");
	await w.reveal([11]);
	await w.waitFor(async () => (await w.one("SELECT count(*) AS n FROM fairlead.batch WHERE state = 'ready'")).n > 0, "a batch that waits");
	await w.sql(
		"SELECT fairlead.refuse(l.name, l.epoch, a.chain, a.signer, NULL, 0, 'bump', 'policy_frozen signer=owner') FROM fairlead.lane l, (SELECT chain, signer FROM fairlead.attempt LIMIT 1) a WHERE l.signer = 'owner'",
	);
	await w.sql("SELECT fairlead.thaw('a person', 'owner')");
	await w.waitFor(() => w.codesSet([11]), "the eleventh code");
	const good = await verify();
	assert.equal(good.code, 0, good.text);
	const n = Number(good.out.match(/^owner 0x\w+ on main: (\d+) rows are as they were written/m)[1]);
	assert.ok(n >= 7, good.out);
	assert.match(good.out, /^what people did: 2 rows/m);
	assert.equal((await verify("owner")).out, good.out.split("\n")[0] + "\n");
	assert.equal((await verify("nobody")).code, 1);
	assert.equal((await verify(w.owner)).out, good.out.split("\n")[0] + "\n", "by address");

	const tables = ["attempt", "attempt_item", "refusal", "act", "lane"];
	const tamper = async (what, sql, words) => {
		const off = "SET LOCAL session_replication_role = replica; ";
		for (const table of tables) await w.sql(`DROP TABLE IF EXISTS kept_${table}`);
		for (const table of tables) await w.sql(`CREATE TABLE kept_${table} AS TABLE fairlead.${table}`);
		await w.sql(`BEGIN; ${off}${sql}; COMMIT`);
		const r = await verify();
		assert.equal(r.code, 1, `${what}: ${r.text}`);
		assert.match(r.out, words, what);
		const columns = async (table) => (await w.one("SELECT string_agg(quote_ident(attname), ', ') AS c FROM pg_attribute WHERE attrelid = ('fairlead.' || $1)::regclass AND attnum > 0 AND NOT attisdropped", [table])).c;
		let back = "";
		for (const table of tables.slice(0, 4)) {
			const c = await columns(table);
			back += `DELETE FROM fairlead.${table}; INSERT INTO fairlead.${table} (${c}) ${table === "act" ? "OVERRIDING SYSTEM VALUE " : ""}SELECT ${c} FROM kept_${table}; `;
		}
		await w.sql(`BEGIN; ${off}${back}UPDATE fairlead.lane l SET links = k.links, link = k.link FROM kept_lane k WHERE k.name = l.name; COMMIT`);
		const again = await verify();
		assert.equal(again.code, 0, `${what}, put back: ${again.text}`);
	};
	const set = (s, k) => `UPDATE fairlead.attempt SET ${s} WHERE seq = ${k}`;
	const third = /row 3 was edited: attempt 1 of nonce 3, 0x[0-9a-f]{64}; before it 2 rows are as they were written/;
	await tamper("a price", set("fee = fee + 1", 3), third);
	await tamper("a time", set("at = at + interval '1 us'", 3), third);
	await tamper("a reason", set("reason = reason || ' '", 3), third);
	await tamper("a link", set("link = sha256(link)", 3), third);
	await tamper("signed bytes", set("raw = set_byte(raw, 100, get_byte(raw, 100) # 1)", 3), /row 3 was edited: the signed bytes of attempt 1 of nonce 3, 0x\w+ have another (form|hash|signer)/);
	await tamper("an item set", "DELETE FROM fairlead.attempt_item WHERE ctid = (SELECT x.ctid FROM fairlead.attempt_item x JOIN fairlead.attempt a USING (hash) WHERE a.seq = 3 LIMIT 1)", third);
	await tamper("an item more", "INSERT INTO fairlead.attempt_item (hash, item) SELECT hash, 11 FROM fairlead.attempt WHERE seq = 3", third);
	await tamper("a row less", "DELETE FROM fairlead.attempt WHERE seq = 3", /row 3 was deleted: behind row 2 stands row 4/);
	await tamper("the first row", "DELETE FROM fairlead.attempt WHERE seq = 1", /row 1 was deleted: behind row 0 stands row 2.*; before it no row yet/);
	await tamper("the end", `DELETE FROM fairlead.attempt WHERE seq >= ${n}`, new RegExp(`row ${n} was deleted, and what stood behind it; before it ${n - 1} rows`));
	const swap = (columns) => `UPDATE fairlead.attempt SET seq = -seq WHERE seq IN (2, 5); UPDATE fairlead.attempt a SET ${columns}`;
	await tamper("two rows, with their links", "UPDATE fairlead.attempt SET seq = -seq WHERE seq IN (2, 5); UPDATE fairlead.attempt SET seq = 7 + seq WHERE seq < 0", /rows 2 and 5 were swapped; before it 1 row is as it was written/);
	await tamper("two rows, the links stay", `${swap("seq = 7 + a.seq, link = b.link FROM fairlead.attempt b WHERE a.seq < 0 AND b.seq = -7 - a.seq")}`, /rows 2 and 5 were swapped/);
	await tamper("a row by hand", `INSERT INTO fairlead.attempt (chain, signer, nonce, n, hash, raw, fee, tip, kind, seq, link) SELECT chain, signer, nonce, 9, sha256(hash), raw, fee, tip, 'bump', ${n + 1}, link FROM fairlead.attempt WHERE seq = 3`, new RegExp(`row ${n + 1} was added by hand`));
	await tamper("the newest link", "UPDATE fairlead.lane SET link = sha256(link) WHERE signer = 'owner'", /the newest link on the lane was edited/);
	await tamper("a refusal", "UPDATE fairlead.refusal SET reason = 'policy_limit'", /row \d+ was edited: the refusal of/);
	await tamper("a refusal less", "DELETE FROM fairlead.refusal", /row \d+ was deleted/);
	await tamper("an act", "UPDATE fairlead.act SET who = 'nobody' WHERE seq = 1", /what people did: row 1 was edited: freeze of owner by nobody/);
	await tamper("an act less", "DELETE FROM fairlead.act WHERE seq = 2", /what people did: row 2 was deleted/);

	// the fleet goes on, and its trail with it
	await w.reveal([12, 13]);
	await w.waitFor(() => w.codesSet([12, 13]), "the last codes");
	const end = await verify("owner");
	assert.equal(end.code, 0, end.text);
	assert.ok(Number(end.out.match(/: (\d+) rows/)[1]) > n);
}
