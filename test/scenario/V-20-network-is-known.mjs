export const name = "a NETWORK that is neither sepolia nor mainnet is refused at start, by every program, with its place and the right words";

import { programs } from "../lib/world.mjs";

export default async function (t) {
	const { assert } = t;
	const pair = (name) => ({ [`${name}_RPC_URL`]: "http://127.0.0.1:1", [`${name}_CONTRACT_ADDRESS`]: "0x5FbDB2315678afecb367f032d93F642f64180aa3", [`${name}_START_BLOCK`]: "1" });
	const w = await t.world({ template: "template1", app: "vcel", chain: "none", env: { ...pair("SEPOLIA"), ...pair("MAINNET") } });
	for (const program of programs)
		for (const args of [[], ["--check"]])
			for (const NETWORK of ["goerli", "Sepolia", "sepolia ", "0"]) {
				const r = await w.run(program, args, { env: { NETWORK } });
				assert.equal(r.code, 78, `${program} ${args} with ${NETWORK}: ${r.text}`);
				assert.match(r.err, new RegExp(`fairlead\\.yaml:\\d+:\\d+: no profile is named ${NETWORK}`));
			}
	assert.deepEqual(await w.sql("SELECT 1 FROM pg_namespace WHERE nspname = 'fairlead'"), []);
	for (const NETWORK of [null, "", "sepolia", "mainnet"]) {
		const r = await w.run("listener", ["--check"], { env: { NETWORK } });
		assert.equal(r.code, 0, `${NETWORK}: ${r.text}`);
	}
}
