export const name = "without RPC_URL every program refuses to start and names the variable with its place";

import { programs } from "../lib/world.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ template: "template1", chain: "none", env: { RPC_URL: null, WS_URL: null, CONTRACT_ADDRESS: "0x5FbDB2315678afecb367f032d93F642f64180aa3", DEPLOYMENT_BLOCK: "1" } });
	for (const program of programs)
		for (const args of [[], ["--check"], ["--print"]])
			for (const value of [null, ""]) {
				const r = await w.run(program, args, { env: { RPC_URL: value } });
				assert.equal(r.code, 78, `${program} ${args}: ${r.text}`);
				assert.match(r.err, value === null ? /fairlead\.yaml:\d+:\d+: .*\bRPC_URL\b/ : /fairlead\.yaml:\d+:\d+: .*is empty.*[^]*\bRPC_URL\b/);
				assert.equal(r.out, "");
			}
	// a value that is no URL is refused too, as any other address than http
	for (const value of ["localhost:8545", "ftp://127.0.0.1", "http://"]) {
		const r = await w.run("listener", ["--check"], { env: { RPC_URL: value } });
		assert.equal(r.code, 78, `${value}: ${r.text}`);
		assert.match(r.err, /fairlead\.yaml:\d+:\d+: .*rpc/);
	}
	// nothing was touched on the way
	assert.deepEqual(await w.sql("SELECT 1 FROM pg_namespace WHERE nspname = 'fairlead'"), []);
	const good = await w.run("listener", ["--check"], { env: { RPC_URL: "http://127.0.0.1:1" } });
	assert.equal(good.code, 0, good.text);
}
