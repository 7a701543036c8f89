export const name = "verify: EIP-191 and EIP-712 as ethers signs them, with structs within structs and lists; whose it must be, as, else, optional; what is no signature is a bad one";
import { requestWorld } from "../lib/requests.mjs";
import { need } from "../../deploy/run/npm.mjs";

const { ethers } = need("ethers");
const routes = `
  POST /say:
    body: { message: string, by: address, sig: { type: string, optional: true } }
    do:
      - verify: sig
        message: message
        by: by
        else: SELECT 403 AS _status, 'not you, ' || :by AS error
      - reply: SELECT :message AS message
  POST /say-as:
    body: { message: string, by: address, sig: { type: string, optional: true } }
    do: [ { verify: sig, message: message, by: by, as: good }, { reply: "SELECT :good AS good" } ]
  POST /say-optional:
    body: { message: string, by: address, sig: { type: string, optional: true } }
    do: [ { verify: sig, message: message, by: by, optional: true, else: "SELECT 403 AS _status, 'no' AS error" }, { reply: "SELECT true AS ok" } ]
  POST /tip:
    body: { from: address, to: address, amount: uint256, memo: string, raw: string, ok: bool, id: bytes32, sig: string }
    do:
      - verify: sig
        by: from
        type: Tip(address from,address to,uint256 amount,string memo,bytes raw,bool ok,bytes32 id)
        domain: { name: Tips, version: "1", contract: Companions }
        as: good
      - reply: SELECT :good AS good
  POST /mail:
    body: { from: object, to: array, contents: string, by: address, sig: string }
    do:
      - verify: sig
        by: by
        type: Mail(Person from,Person[] to,string contents)Person(string name,address[2] wallets,Note[] notes)Note(uint8 n)
        domain: { name: Mails, contract: Companions }
        as: good
      - reply: SELECT :good AS good
`;

export default async function (t) {
	const { assert } = t;
	const w = await requestWorld(t, routes, { yaml: (text) => text.replace("    rpc:     ${RPC_URL}", "    id: 31337\n    rpc:     ${RPC_URL}") });
	await w.start("listener");
	await w.start("reconciler");
	const me = ethers.Wallet.createRandom(), other = ethers.Wallet.createRandom();
	const message = "I say: ünïcode \n and lines";
	const sig = await me.signMessage(message);
	const say = async (path, json) => {
		const r = await w.post(path, json);
		return [r.status, r.json];
	};
	assert.deepEqual(await say("/say", { message, by: me.address, sig }), [200, { message }]);
	assert.deepEqual(await say("/say", { message, by: me.address.toLowerCase(), sig: sig.toUpperCase().replace("0X", "0x") }), [200, { message }]);
	assert.deepEqual(await say("/say", { message, by: other.address, sig }), [403, { error: `not you, ${other.address.toLowerCase()}` }]);
	assert.equal((await say("/say", { message: `${message} `, by: me.address, sig }))[0], 403);
	for (const bad of ["", "0x", "0x00", sig.slice(0, -2), `${sig}00`, sig.replace(/..$/, "1d"), sig.replace(/..$/, "02"), `0x${"00".repeat(65)}`, `0x${"ff".repeat(64)}1b`, "x".repeat(132)])
		assert.equal((await say("/say", { message, by: me.address, sig: bad }))[0], 403, bad);
	assert.equal((await say("/say", { message, by: me.address }))[0], 403, "no signature is a bad one");
	// v as 0 and 1
	const v = parseInt(sig.slice(-2), 16) - 27;
	assert.equal((await say("/say", { message, by: me.address, sig: `${sig.slice(0, -2)}0${v}` }))[0], 200);
	assert.deepEqual(await say("/say-as", { message, by: me.address, sig }), [200, { good: true }]);
	assert.deepEqual(await say("/say-as", { message, by: other.address, sig }), [200, { good: false }]);
	assert.deepEqual(await say("/say-as", { message, by: me.address }), [200, { good: false }]);
	assert.deepEqual(await say("/say-optional", { message, by: me.address }), [200, { ok: true }]);
	assert.equal((await say("/say-optional", { message, by: other.address, sig }))[0], 403);

	const tip = { from: me.address, to: other.address, amount: (2n ** 255n + 7n).toString(), memo: "für dich", raw: "0x0102ff", ok: true, id: ethers.id("x") };
	const types = { Tip: ["address from", "address to", "uint256 amount", "string memo", "bytes raw", "bool ok", "bytes32 id"].map((m) => ({ type: m.split(" ")[0], name: m.split(" ")[1] })) };
	const domain = { name: "Tips", version: "1", chainId: 31337, verifyingContract: w.address };
	const typed = await me.signTypedData(domain, types, tip);
	assert.deepEqual(await say("/tip", { ...tip, sig: typed }), [200, { good: true }]);
	assert.deepEqual(await say("/tip", { ...tip, amount: "1", sig: typed }), [200, { good: false }]);
	assert.deepEqual(await say("/tip", { ...tip, sig: await me.signTypedData({ ...domain, chainId: 1 }, types, tip) }), [200, { good: false }]);
	assert.deepEqual(await say("/tip", { ...tip, raw: "no bytes", sig: typed }), [200, { good: false }]);

	const mails = { Mail: [{ type: "Person", name: "from" }, { type: "Person[]", name: "to" }, { type: "string", name: "contents" }], Person: [{ type: "string", name: "name" }, { type: "address[2]", name: "wallets" }, { type: "Note[]", name: "notes" }], Note: [{ type: "uint8", name: "n" }] };
	const person = (name, ...notes) => ({ name, wallets: [me.address, other.address], notes: notes.map((n) => ({ n })) });
	const mail = { from: person("Ann", 1, 2), to: [person("Bob"), person("Eve", 3)], contents: "hi" };
	const letter = await me.signTypedData({ name: "Mails", chainId: 31337, verifyingContract: w.address }, mails, mail);
	assert.deepEqual(await say("/mail", { ...mail, by: me.address, sig: letter }), [200, { good: true }]);
	assert.deepEqual(await say("/mail", { ...mail, to: [...mail.to].reverse(), by: me.address, sig: letter }), [200, { good: false }]);
	assert.deepEqual(await say("/mail", { ...mail, from: { name: "Ann" }, by: me.address, sig: letter }), [200, { good: false }]);

	// what can't be signed is refused at start
	const bad = async (from, to) => {
		const { readFileSync, writeFileSync } = await import("node:fs");
		const file = `${w.dir}/bad.yaml`;
		writeFileSync(file, readFileSync(w.yaml, "utf8").replace(from, to));
		const r = await w.run("reconciler", ["--check"], { file });
		assert.equal(r.code, 78, r.text);
		return r.text;
	};
	assert.match(await bad("Tip(address from,", "Tip(adress from,"), /bad\.yaml:\d+:\d+: .*adress/);
	assert.match(await bad("Person(string name,", "Human(string name,"), /Person/);
	assert.match(await bad("Note(uint8 n)", "Note(Person n)"), /itself|Person/);
	assert.match(await bad("Tip(address from,address to", "Tip(address from,address nowhere"), /nowhere/);
	assert.match(await bad("domain: { name: Mails, contract: Companions }", "domain: { name: Mails }"), /contract/);
	assert.match(await bad("    id: 31337\n", ""), /id/);
}
