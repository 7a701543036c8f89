export const name = "an address without code is refused at start, by name and address";

import { need } from "../../deploy/run/npm.mjs";

const { ethers } = need("ethers");

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "auto" });
	const nobody = ethers.getAddress(`0x${"00c0ffee".repeat(5)}`);
	const p = await w.start("submitter", { name: "nobody", env: { CONTRACT_ADDRESS: nobody }, wait: false });
	await w.waitFor(() => !p.running, "the submitter to refuse");
	assert.equal(p.code, 78, p.text());
	const [line] = p.lines("refused");
	assert.ok(line.text.includes(nobody) && line.text.includes("Companions"), line.raw);
	assert.match(line.text, /no code/);
	assert.ok(w.node.of("eth_getCode").some((c) => c.params[0].toLowerCase() === nobody.toLowerCase()), "the node was asked");
	assert.deepEqual(w.node.raws, []);
}
