export const name = "the sample mapping loads as it is given, though two of its codes are no CIDs; checking CIDs is asked for by file";

const sample = {
	1: "bafkreibs72f53tpj5u7ne6ztz7ckwolzdexyi7wghqo4hnx4mlqdy47wde",
	2: "bafkreiabcdef1234567890abcdef1234567890abcdef1234567890abcdef",
	3: "bafkreighijkl9876543210ghijkl9876543210ghijkl9876543210ghijkl",
};

export default async function (t) {
	const { assert } = t;
	const text = JSON.stringify(sample, null, 2);
	const w = await t.world({ mining: "auto", mapping: text, fleet: ["listener", "batcher", "submitter"], env: { BATCH_TIMEOUT_MS: "50", POLLING_INTERVAL_MS: "200" } });
	w.codes = sample;
	await w.revealEach([1, 2, 3]);
	await w.waitFor(() => w.codesSet([1, 2, 3]), "the three codes");

	// values: cid names each code that is none, with its place
	const strict = await t.world({ chain: "scripted", mapping: text, yaml: (y) => y.replace(/^( *codes: \{)/m, "$1 values: cid,") });
	const check = await strict.run("batcher", ["--check"]);
	assert.equal(check.code, 78, check.text);
	assert.match(check.text, /tokenMapping\.json:3:\d+:/);
	assert.match(check.text, /tokenMapping\.json:4:\d+:/);
	assert.doesNotMatch(check.text, /tokenMapping\.json:2:/);
}
