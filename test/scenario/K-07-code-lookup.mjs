export const name = "a token's code is the value of its decimal id in tokenMapping.json, and of nothing that looks like it";

import { readFileSync } from "node:fs";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "auto", fleet: "all", mapping: '{\n "01": "not one",\n "0x1": "nor this",\n "10": "ten",\n "1": "one",\n " 1": "nor that",\n "2": "2",\n "1e1": "no"\n}', env: { BATCH_TIMEOUT_MS: "100" } });
	const file = JSON.parse(readFileSync(w.mappingFile, "utf8"));
	await w.batchReveal([10, 1, 2]);
	w.codes = file;
	await w.waitFor(() => w.codesSet([1, 2, 10]), "the codes on the chain");
	assert.deepEqual([await w.code(1), await w.code(2), await w.code(10)], ["one", "2", "ten"]);
	assert.deepEqual(Object.fromEntries((await w.sql("SELECT key, value FROM files.codes")).map((r) => [r.key, r.value])), file);
}
