export const name = "keys that are elsewhere: a program, a Web3Signer, a keystore; whatever they answer, only what was asked is ever sent";
export const limit = 240;

import { chmodSync, closeSync, openSync, readFileSync, readSync, writeFileSync } from "node:fs";
import { createPrivateKey } from "node:crypto";
import { join } from "node:path";
import { need, root } from "../../deploy/run/npm.mjs";
import { web3signer } from "../lib/signers.mjs";
import { keys } from "../lib/world.mjs";

const { ethers } = need("ethers");

// Does the readable memory of that process hold one of these?
function inMemory(pid, needles) {
	const mem = openSync(`/proc/${pid}/mem`, "r");
	try {
		for (const line of readFileSync(`/proc/${pid}/maps`, "latin1").split("\n")) {
			const m = /^([0-9a-f]+)-([0-9a-f]+) r/.exec(line), from = m && BigInt(`0x${m[1]}`), size = m && Number(BigInt(`0x${m[2]}`) - from);
			if (!m || size > 64 << 20) continue;
			const part = Buffer.alloc(size);
			try {
				readSync(mem, part, 0, size, from);
			} catch {
				continue;
			}
			if (needles.some((n) => part.includes(n))) return true;
		}
		return false;
	} finally {
		closeSync(mem);
	}
}

export default async function (t) {
	const { assert } = t;
	const at = (f) => join(t.dir, f);
	const w = await t.world({ mining: "auto", fleet: ["listener", "batcher", "reconciler"], env: { RPC_RETRY_DELAY_MS: "50", RPC_TIMEOUT_MS: "8000", BATCH_TIMEOUT_MS: "20", RETRY_DELAY_MS: "50" } });
	const owner = w.owner, base = readFileSync(w.yaml, "utf8");
	const config = (file, source, text = base) => {
		writeFileSync(at(file), text.replace(/^    key: .*$/m, source.split("\n").map((l) => `    ${l}`).join("\n")));
		return at(file);
	};
	writeFileSync(at("key.hex"), keys[0], { mode: 0o600 });
	writeFileSync(at("mood"), "ok");
	const mood = (m) => writeFileSync(at("mood"), m);
	const exec = `exec: ["${process.execPath}", "${join(root, "test/lib/signers.mjs")}", key.hex, mood, seen]`;
	const start = (file, options = {}) => w.start("submitter", { file, env: { OWNER_PRIVATE_KEY: null }, ...options });
	let token = 0;
	const some = (n) => Array.from({ length: n }, () => ++token);
	const sends = async (n = 1) => {
		const ids = some(n);
		await w.revealEach(ids);
		await w.waitFor(() => w.codesSet(ids), `${n} codes`, 60000);
	};

	// Each wrong answer is one line with its reason; nothing of it is stored; then all goes on.
	const wrong = async (set, m, ev, reason) => {
		const before = w.lines("submitter", ev).length, attempts = Number((await w.one("SELECT count(*) AS n FROM fairlead.attempt")).n), ids = some(1);
		set(m);
		await w.revealEach(ids);
		const line = await w.waitFor(() => w.lines("submitter", ev).slice(before).find((l) => reason.test(l.reason)), `${m}: ${ev} ${reason}\n${w.log("submitter").slice(-1500)}`);
		assert.ok(!line.raw.includes(keys[0].slice(2)), "a line repeats what the other side said");
		assert.equal(Number((await w.one("SELECT count(*) AS n FROM fairlead.attempt")).n), attempts, `${m}: something was stored`);
		if (m === "error") assert.match((await w.waitFor(async () => { const r = await w.health("submitter"); return r.status === 503 && r; }, "/readyz to say it")).body, /Signer owner has waited \d+ s for .*: /);
		set("ok");
		await w.waitFor(() => w.codesSet(ids), `the code behind ${m}`);
	};

	// ── a program ──
	await start(config("exec0.yaml", exec));
	mood("slow");
	await sends(60);
	assert.ok(Number(readFileSync(at("seen"), "utf8")) > 1, "several questions at once");
	mood("throttle");
	await sends(20);
	await w.heard("submitter", "hand.throttled");
	assert.equal(w.lines("submitter", "hand.error").length + w.lines("submitter", "hand.wrong").length, 0, "throttling is no failure");
	mood("raw");
	await sends(10);
	for (const [m, ev, reason] of [
		["error", "hand.error", /it says: the vault is sealed/], ["hang", "hand.error", /it has said nothing for 8000 ms/], ["crash", "hand.error", /it ended/],
		["garbage", "hand.wrong", /a line that is no JSON object/], ["stranger", "hand.wrong", /a question that was not asked/],
		["other", "hand.wrong", /of another key, or of another transaction/], ["chain", "hand.wrong", /of another key, or of another transaction/],
		["key", "hand.wrong", /instead of 0x.*: of another key/], ["high", "hand.wrong", /upper half \(EIP-2\)/],
		["rawother", "hand.wrong", /the nonce is \d+, asked was \d+/], ["rawchain", "hand.wrong", /the chain id is 1, asked was 31337/], ["rawkey", "hand.wrong", /of another key/],
	]) await wrong(mood, m, ev, reason);
	const bytes = Buffer.from(keys[0].slice(2), "hex");
	assert.equal(inMemory(w.programs.submitter.pid, [bytes, Buffer.from(keys[0].slice(2))]), false, "the key is in the submitter");
	await w.stop("submitter");

	// what a person must mend ends it, with the reason
	const refused = async (file, reason) => {
		const from = w.log("submitter").length, p = await start(file, { wait: false });
		await p.exited;
		assert.equal(p.code, 78, p.text().slice(from));
		assert.match(w.log("submitter").slice(from), reason);
	};
	await refused(config("other.yaml", `${exec}\naddress: "${new ethers.Wallet(keys[1]).address}"`, base.replace(/^    must: .*\n/m, "")), /it signs for 0x\w+, not for 0x\w+, which address names/);
	mood("two");
	await refused(config("two.yaml", exec), /it signs for 2 accounts, .*; choose with address/);
	mood("ok");
	chmodSync(at("key.hex"), 0o640);
	await refused(config("open.yaml", "keyfile: key.hex"), /keyfile .*key\.hex: it can be read by others \(mode 640\); chmod 600 it/);
	chmodSync(at("key.hex"), 0o600);
	const store = ethers.encryptKeystoreJsonSync({ address: owner, privateKey: keys[0] }, "correct horse", { scrypt: { N: 4096, r: 8, p: 1 } });
	writeFileSync(at("store.json"), store, { mode: 0o600 });
	writeFileSync(at("wrong"), "battery staple\n", { mode: 0o600 });
	writeFileSync(at("pass"), "correct horse\n", { mode: 0o600 });
	await refused(config("wrong.yaml", "keyfile: store.json\npassfile: wrong"), /keyfile .*store\.json: the passphrase does not open it/);

	// ── a keystore; the example program, whose key only openssl opens ──
	await start(config("store.yaml", "keyfile: store.json\npassfile: pass"));
	await sends();
	await w.stop("submitter");
	const point = ethers.SigningKey.computePublicKey(keys[0], false).slice(4), b64 = (hex) => Buffer.from(hex, "hex").toString("base64url");
	const pem = createPrivateKey({ format: "jwk", key: { kty: "EC", crv: "secp256k1", d: b64(keys[0].slice(2)), x: b64(point.slice(0, 64)), y: b64(point.slice(64)) } });
	writeFileSync(at("key.pem"), pem.export({ type: "sec1", format: "pem" }), { mode: 0o600 });
	await start(config("openssl.yaml", `exec: ["${process.execPath}", "${join(root, "deploy/signers/openssl.mjs")}", key.pem, "${owner}"]`));
	await sends(20);
	await w.stop("submitter");

	// a program that is not there delays, and is found when it comes
	const early = await start(config("late.yaml", `exec: ["./late.sh"]\naddress: "${owner}"`), { wait: "alive" });
	await w.waitFor(() => early.lines("hand.error").find((l) => /late\.sh in .* could not be started/.test(l.reason)), "the reason");
	assert.equal((await w.health("submitter")).status, 503);
	writeFileSync(at("late.sh"), `#!/bin/sh\nexec "${process.execPath}" "${join(root, "test/lib/signers.mjs")}" key.hex mood seen\n`, { mode: 0o700 });
	await sends();
	await w.stop("submitter");

	// ── a Web3Signer, away at first ──
	let server = await web3signer(keys[0]);
	const { port } = server;
	await server.close();
	const p = await start(config("web3.yaml", `web3signer: http://user:sesame@127.0.0.1:${port}/`), { wait: "alive" });
	await w.waitFor(() => p.lines("hand.error").find((l) => /refused the connection/.test(l.reason)), "the reason");
	server = await web3signer(keys[0], port);
	t.ends.push(async () => (await server.close(), { problems: [] }));
	await w.ready(p);
	const set = (m) => (server.mood = m);
	set("slow");
	await sends(60);
	assert.ok(server.most > 1, "several at once");
	set("throttle");
	await sends(20);
	for (const [m, ev, reason] of [
		["error", "hand.error", /answered HTTP status 500/], ["missing", "hand.error", /404: it does not have that key/], ["cut", "hand.error", /closed the connection|cut the connection/],
		["garbage", "hand.wrong", /it gave no signature/], ["other", "hand.wrong", /of another transaction/], ["chain", "hand.wrong", /of another transaction/],
		["key", "hand.wrong", /of another key/], ["high", "hand.wrong", /upper half \(EIP-2\)/],
	]) await wrong(set, m, ev, reason);
	await w.stop("submitter");
	assert.ok(!w.log("submitter").includes("sesame"), "the URL's password is logged");

	// every transaction of the owner is an attempt, asked so, of its own key and chain; each code was set once
	const nonce = Number(await w.chain.rpc("eth_getTransactionCount", owner, "latest"));
	const attempts = await w.sql("SELECT encode(raw, 'hex') AS raw FROM fairlead.attempt");
	const made = attempts.map((a) => ethers.Transaction.from(`0x${a.raw}`));
	for (const tx of made) assert.deepEqual([tx.from, tx.chainId], [owner, 31337n]);
	assert.equal(new Set(made.map((tx) => tx.nonce)).size, made.length, "one attempt a nonce");
	for (let id = 1; id <= token; id++) assert.equal(Number(await w.writes(id)), 1, `token ${id}`);
	t.note(`${token} tokens, ${made.length} transactions, last nonce ${nonce - 1}`);
}
