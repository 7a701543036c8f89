export const name = "a key that is not the owner's is refused at start, with both addresses; the owner's key goes";

import { keys } from "../lib/world.mjs";
import { need } from "../../deploy/run/npm.mjs";

const { ethers } = need("ethers");

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "auto", fleet: ["listener", "batcher"], env: { BATCH_TIMEOUT_MS: "50" } });
	await w.revealEach([1, 2]);
	const wrong = await w.start("submitter", { name: "wrong", env: { OWNER_PRIVATE_KEY: keys[2] }, wait: false });
	await w.waitFor(() => !wrong.running, "the submitter to refuse");
	assert.equal(wrong.code, 78, wrong.text());
	const [line, ...more] = wrong.lines("refused");
	assert.deepEqual(more, []);
	assert.ok(line.text.includes(new ethers.Wallet(keys[2]).address), `the signer's address: ${line.raw}`);
	assert.ok(line.text.includes(w.owner), `the owner's address: ${line.raw}`);
	assert.match(line.text, /owner\(\)/);
	assert.ok(!wrong.text().includes(keys[2].slice(2)), "never the key");
	assert.deepEqual(w.node.raws, []);
	assert.equal((await w.one("SELECT count(*) AS n FROM fairlead.attempt")).n, 0);

	await w.start("submitter");
	await w.waitFor(() => w.codesSet([1, 2]), "the owner's transaction");
}
