export const name = "a broken mapping refuses the start with file:line and exit 78; on a reload the old table stays, the log and a metric say so";

import { rmSync } from "node:fs";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "auto", mapping: '{\n  "1": "one",\n  "2": two\n}\n', env: { BATCH_TIMEOUT_MS: "100" } });
	const refused = async (re, what) => {
		const r = await w.run("batcher", []);
		assert.equal(r.code, 78, `${what}: ${r.text}`);
		assert.match(r.text, re, `${what}: ${r.text}`);
	};
	await refused(/tokenMapping\.json:3:\d+: /, "not JSON, at its line");
	w.writeMapping('["one", "two"]');
	await refused(/tokenMapping\.json:1:1: /, "no object");
	w.writeMapping('{"1": "one"}\n}');
	await refused(/tokenMapping\.json:2:1: /, "something behind it");
	rmSync(w.mappingFile);
	await refused(/tokenMapping\.json/, "no file");

	w.writeMapping({ 1: "one", 2: "two" });
	for (const p of ["listener", "batcher", "submitter"]) await w.start(p);
	assert.equal(await w.metric("batcher", "fairlead_file_errors_total"), 0);
	w.writeMapping('{\n  "1": "one",\n  "2": "deux"\n  "3": "three"\n}');
	const line = await w.waitFor(() => w.lines("batcher", "file.broken")[0], "the log to name the broken file");
	assert.match(line.raw, /tokenMapping\.json:4:\d+: /);
	await w.waitFor(async () => (await w.metric("batcher", "fairlead_file_errors_total")) >= 1, "the metric");
	await w.waitFor(async () => /:4:/.test((await w.one("SELECT error FROM fairlead.file WHERE name = 'codes'")).error), "the table to say it");
	await w.reveal([2]);
	w.codes = { 2: "two" };
	await w.waitFor(() => w.codesSet([2]), "the old code");
	assert.equal((await w.health("batcher", "/livez")).status, 200);

	w.writeMapping({ 1: "one", 2: "two", 3: "three" });
	await w.waitFor(async () => (await w.one("SELECT error IS NULL AS well FROM fairlead.file WHERE name = 'codes'")).well, "the mended file");
	await w.reveal([3]);
	await w.waitFor(() => w.codesSet([3]), "the code of the mended file");
}
