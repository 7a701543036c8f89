export const name = "the README's own contract in ten minutes: its file checks, runs, and fills the table it names";

import { createHmac } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../deploy/run/npm.mjs";

export default async function (t) {
	const { assert } = t;
	const blocks = [...readFileSync(join(root, "README.md"), "utf8").matchAll(/```yaml\n([\s\S]*?)```/g)].map((m) => (/^(?! {3}|$)/m.test(m[1]) ? m[1] : m[1].replace(/^ {3}/gm, "")));
	assert.equal(blocks.length, 6);
	const [listening, acting, reading, telling, serving, signing] = blocks;
	const w = await t.world({ mining: "auto", yaml: listening.replace(/^( +start:) .*$/m, "$1 0") });

	const unset = await w.run("listener", ["--check"], { env: { RPC_URL: null } });
	assert.equal(unset.code, 78);
	assert.match(unset.text, /RPC_URL/);
	const good = await w.run("listener", ["--check"]);
	assert.equal(good.code, 0, good.text);

	// a misspelt word is told with its place and the right word
	writeFileSync(join(w.dir, "wrong.yaml"), listening.replace("address:", "adress:"));
	const wrong = await w.run("listener", ["--check"], { file: join(w.dir, "wrong.yaml") });
	assert.equal(wrong.code, 78);
	assert.match(wrong.text, /wrong\.yaml:\d+:\d+: .*adress.*address/);

	// what a signer may do, in the application that it is about
	const ktty = readFileSync(join(root, "deploy/apps/ktty/fairlead.yaml"), "utf8").replace(/^signers:\n(?:[ #].*\n|\n)*/m, `${signing}\n`);
	assert.ok(ktty.includes("max_value"));
	writeFileSync(join(w.dir, "signing.yaml"), ktty);
	const signed = await w.run("submitter", ["--check"], { file: join(w.dir, "signing.yaml"), env: { OWNER_KEY: "0x".padEnd(66, "7") } });
	assert.equal(signed.code, 0, signed.text);

	// the block about reading stands by itself
	writeFileSync(join(w.dir, "reading.yaml"), reading);
	const read = await w.run("listener", ["--check"], { file: join(w.dir, "reading.yaml"), env: { RPC_A: w.node.http, RPC_B: "http://127.0.0.2:1", RELAY: "http://127.0.0.2:2" } });
	assert.equal(read.code, 0, read.text);

	// the second block, put behind the first, checks too when its migration is there
	writeFileSync(join(w.dir, "sql/mine.sql"), "CREATE TABLE seen (who text PRIMARY KEY, at timestamptz NOT NULL);\n");
	writeFileSync(join(w.dir, "acting.yaml"), `${listening}\n${acting}`);
	const both = await w.run("listener", ["--check"], { file: join(w.dir, "acting.yaml") });
	assert.equal(both.code, 0, both.text);
	writeFileSync(join(w.dir, "telling.yaml"), `${listening}\n${telling}`);
	const told = await w.run("listener", ["--check"], { file: join(w.dir, "telling.yaml") });
	assert.equal(told.code, 0, told.text);

	// what is served, on tables that it names
	writeFileSync(join(w.dir, "sql/serving.sql"), "CREATE TABLE locks (id numeric PRIMARY KEY, owner text NOT NULL, balance numeric, updated_at timestamptz);\nCREATE TABLE notes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, author text NOT NULL, text text NOT NULL);\n");
	w.yaml = join(w.dir, "serving.yaml");
	const secret = "thirty-two bytes of a secret text", env = { JWT_SECRET: secret, ADMIN_TOKEN: "admin" };
	writeFileSync(w.yaml, `${listening}\nsql: sql/serving.sql\n${serving}`.replace("0.0.0.0:3000", "127.0.0.1:0"));
	await w.start("reconciler", { file: w.yaml, env });
	await w.sql("INSERT INTO locks VALUES (5, '0xabc', 115792089237316195423570985008687907853269984665640564039457584007913129639935, '2026-01-02T03:04:05.678Z')");
	assert.deepEqual((await w.http("/lock/5")).json, { owner: "0xabc", balance: "115792089237316195423570985008687907853269984665640564039457584007913129639935", meta: { updated: "2026-01-02T03:04:05.678Z" } });
	assert.deepEqual([(await w.http("/lock/6")).status, (await w.http("/lock/x")).status, (await w.http("/locks")).json.length], [404, 400, 1]);
	const part = (o) => Buffer.from(JSON.stringify(o)).toString("base64url"), claims = `${part({ alg: "HS256" })}.${part({ sub: "ann" })}`;
	const note = (key) => w.http("/notes", { method: "POST", json: { text: "hi" }, headers: { authorization: `Bearer ${claims}.${createHmac("sha256", secret).update(claims).digest("base64url")}`, "idempotency-key": key } });
	const [first, again, other] = [await note("a"), await note("a"), await note("b")];
	assert.deepEqual([first.status, again.status, again.body, other.json.id], [201, 201, first.body, first.json.id + 1]);
	await w.waitFor(async () => (await w.one("SELECT count(*) AS n FROM fairlead.message WHERE topic = 'notes'")).n === 2, "two messages");

	await w.start("listener", { file: w.yaml, env });
	assert.deepEqual(await w.sql("SELECT * FROM token.transfer ORDER BY _seq DESC LIMIT 10"), []);
	await w.stopAll();
}
