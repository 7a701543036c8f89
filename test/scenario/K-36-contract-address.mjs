export const name = "a CONTRACT_ADDRESS of a wrong checksum, length or alphabet is refused; right ones are taken in any spelling";

export default async function (t) {
	const { assert } = t;
	const right = "0x5FbDB2315678afecb367f032d93F642f64180aa3";
	const w = await t.world({ chain: "none", env: { RPC_URL: "http://127.0.0.1:1", WS_URL: null, DEPLOYMENT_BLOCK: "1" } });
	const check = (value, program = "listener", args = ["--check"]) => w.run(program, args, { env: { CONTRACT_ADDRESS: value } });
	const wrong = { "nothing": null, "an empty word": "", "a wrong checksum": right.replace("5F", "5f"), "39 digits": right.slice(0, -1), "41 digits": `${right}0`, "no 0x": right.slice(2), "no hex": right.replace("B2", "G2"), "a name": "companions.eth" };
	for (const [what, value] of Object.entries(wrong)) {
		const r = await check(value);
		assert.equal(r.code, 78, `${what} is taken: ${r.text}`);
		assert.match(r.err, /fairlead\.yaml:\d+:\d+: .*(address|CONTRACT_ADDRESS)/, what);
	}
	assert.match((await check(wrong["a wrong checksum"])).err, /checksum/);
	assert.match((await check(null)).err, /\bCONTRACT_ADDRESS\b/);
	// not only a look: no program starts
	for (const program of ["listener", "batcher", "submitter", "reconciler"]) assert.equal((await check(wrong["a wrong checksum"], program, [])).code, 78);
	for (const value of [right, right.toLowerCase(), `0x${right.slice(2).toUpperCase()}`]) {
		const r = await check(value);
		assert.equal(r.code, 0, `${value}: ${r.text}`);
	}
}
