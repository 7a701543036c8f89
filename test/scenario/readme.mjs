export const name = "the README's own contract in ten minutes: its file checks, runs, and fills the table it names";

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../deploy/run/npm.mjs";

export default async function (t) {
	const { assert } = t;
	const blocks = [...readFileSync(join(root, "README.md"), "utf8").matchAll(/```yaml\n([\s\S]*?)```/g)].map((m) => (/^(?! {3}|$)/m.test(m[1]) ? m[1] : m[1].replace(/^ {3}/gm, "")));
	assert.equal(blocks.length, 4);
	const [listening, acting, reading, telling] = blocks;
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

	// the block about reading stands by itself
	writeFileSync(join(w.dir, "reading.yaml"), reading);
	const read = await w.run("listener", ["--check"], { file: join(w.dir, "reading.yaml"), env: { RPC_A: w.node.http, RPC_B: "http://127.0.0.2:1" } });
	assert.equal(read.code, 0, read.text);

	// the second block, put behind the first, checks too when its migration is there
	writeFileSync(join(w.dir, "sql/mine.sql"), "CREATE TABLE seen (who text PRIMARY KEY, at timestamptz NOT NULL);\n");
	writeFileSync(join(w.dir, "acting.yaml"), `${listening}\n${acting}`);
	const both = await w.run("listener", ["--check"], { file: join(w.dir, "acting.yaml") });
	assert.equal(both.code, 0, both.text);
	writeFileSync(join(w.dir, "telling.yaml"), `${listening}\n${telling}`);
	const told = await w.run("listener", ["--check"], { file: join(w.dir, "telling.yaml") });
	assert.equal(told.code, 0, told.text);

	await w.start("listener");
	assert.deepEqual(await w.sql("SELECT * FROM token.transfer ORDER BY _seq DESC LIMIT 10"), []);
	await w.stopAll();
}
