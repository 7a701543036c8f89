export const name = "an edit of the mapping file reaches the next batch without a restart, whichever way an editor saves";

import { writeFileSync } from "node:fs";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "auto", fleet: "all", mapping: { 1: "one", 2: "two", 3: "three" }, env: { BATCH_TIMEOUT_MS: "100" } });
	const pid = w.programs.batcher.pid;
	const loaded = (key, value) => w.waitFor(async () => (await w.one("SELECT value FROM files.codes WHERE key = $1", [key]))?.value === value, `the new code of ${key} to be loaded`);
	await w.reveal([1]);
	await w.waitFor(() => w.codesSet([1]), "the first code");

	w.writeMapping({ 1: "one", 2: "zwei", 3: "three" }); // a new file takes the old one's place
	await loaded("2", "zwei");
	await w.reveal([2]);
	await w.waitFor(() => w.codesSet([2]), "the code of the renamed file");

	w.codes = { 1: "one", 2: "zwei", 3: "trois", 4: "quatre" };
	writeFileSync(w.mappingFile, JSON.stringify(w.codes)); // written in place
	await loaded("4", "quatre");
	await w.reveal([3, 4]);
	await w.waitFor(() => w.codesSet([3, 4]), "the codes of the file written in place");

	w.writeMapping({ 5: "fünf" }); // again by rename: the watch did not end with the first file
	await loaded("5", "fünf");
	assert.equal((await w.one("SELECT count(*) AS n FROM files.codes")).n, 1, "what the file lost is gone");
	assert.equal(w.programs.batcher.pid, pid);
	assert.equal(w.lines("batcher", "start").length, 1, "one start, no restart");
	assert.equal(await w.writes(1), 1, "what is done is not done again");
}
