export const name = "overloaded names, indexed strings, anonymous events, an ABI that does not fit; a contract from block 0, one from latest";

import { need } from "../../deploy/run/npm.mjs";
import { reading } from "../lib/reading.mjs";

const { ethers } = need("ethers");
const C = "0x00000000000000000000000000000000000000c1", D = "0x00000000000000000000000000000000000000d1";

export default async function (t) {
	const { assert } = t;
	const contracts = `  C:
    chain: main
    address: "${C}"
    start: 0
    abi:
      - event Moved(address to, uint256 n)
      - event Moved(uint256 n) as MovedAll
      - event Named(string indexed name, string text)
      - event Listed(uint256[] indexed ids, bytes32 indexed b, bool flag)
      - event Wrong(uint256 indexed a, uint256 b)
  D:
    chain: main
    address: "${D}"
    start: 0
    abi:
      - event Secret(uint256 indexed a, uint256 b) anonymous
`;
	const w = await reading(t, { contracts });
	const { n } = w;
	const log = (event, args, address = C) => ({ address, event, args });
	const text = "a name that is longer than one word of the machine";
	const one = [log("Moved(address to, uint256 n)", { to: D, n: 1 }), log("Moved(uint256 n)", { n: 2 }), log("Named(string indexed name, string text)", { name: text, text }), log("Listed(uint256[] indexed ids, bytes32 indexed b, bool flag)", { flag: true }),
		log("Wrong(uint256 a, uint256 b)", { a: 7, b: 8 }), // the same topic, other fields are indexed
		{ address: C, topics: [ethers.id("Wrong(uint256,uint256)"), `0x${"11".repeat(32)}`], data: "0x11" }, // data that ends early
		log("Other(uint256 n)", { n: 9 })];
	const sent = { txs: [{ key: "a", logs: one }, { key: "b", logs: [log("Secret(uint256 indexed a, uint256 b) anonymous", { a: 5, b: 6 }, D)] }] };
	await n.mine(1, sent);
	await n.mine(30);
	await w.start("listener");
	const look = async () => ({
		moved: await w.sql('SELECT "to", n::int AS n, _block::int AS b FROM c.moved ORDER BY _seq'), all: await w.sql("SELECT n::int AS n FROM c.moved_all ORDER BY _seq"),
		named: await w.sql("SELECT name, text FROM c.named ORDER BY _seq"), listed: await w.sql("SELECT ids, flag FROM c.listed ORDER BY _seq"), wrong: await w.sql("SELECT 1 FROM c.wrong"),
		secret: await w.sql("SELECT a::int AS a, b::int AS b FROM d.secret ORDER BY _seq"), bad: await w.sql("SELECT event, log, block::int AS b FROM fairlead.undecoded ORDER BY block, log"),
	});
	const check = async (k, what) => {
		await w.waitFor(async () => (await w.done()) === (await n.head()), what);
		const x = await look();
		assert.deepEqual([x.moved.length, x.all.length, x.named.length, x.listed.length, x.wrong.length, x.secret.length, x.bad.length], [k, k, k, k, 0, k, 2 * k], `${what}: ${JSON.stringify(x)}`);
		return x;
	};
	const x = await check(1, "the history");
	assert.deepEqual([x.moved[0].to, x.moved[0].n, x.all[0].n], [D, 1, 2]);
	assert.deepEqual(x.named[0], { name: ethers.keccak256(ethers.toUtf8Bytes(text)), text });
	assert.match(x.listed[0].ids, /^0x[0-9a-f]{64}$/);
	assert.deepEqual(x.secret[0], { a: 5, b: 6 });
	assert.match(x.bad[0].event, /Wrong/);
	// the same live, and taken back by a reorg
	await n.mine(1, { txs: sent.txs.map((s) => ({ ...s, key: `${s.key}2` })) });
	await check(2, "the head");
	await n.do({ reorg: { depth: 1, blocks: 2, keep: "none" } });
	await check(1, "what is not decoded is taken back as well");

	// from latest: nothing of the past, the first block read is the newest one
	const v = await reading(t, { chain: {}, contracts: `  Book:\n    chain: main\n    address: "0x00000000000000000000000000000000000b00c5"\n    start: latest\n    abi:\n      - event Noted(uint256 indexed n, uint256 amount)\n` });
	await v.book(100, 2);
	const from = await v.n.head();
	await v.start("listener");
	await v.book(5, 1);
	await v.waitFor(async () => (await v.done()) === (await v.n.head()), "the head");
	const rows = await v.rows();
	assert.ok(rows.length >= 5 && rows.every((r) => r[0] >= from), `from ${from}: ${rows.map((r) => r[0])}`);
	assert.deepEqual((await v.calls()).filter((c) => c.from < from), []);
}
