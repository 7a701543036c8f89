#!/usr/bin/env node
// A program that signs for fairlead-submitter (README.md beside it is the protocol): the key stays in a PEM file that only
// the openssl command opens. What a KMS or an HSM needs instead is another `sign`: 32 bytes of hash in, ECDSA out.
//
//   openssl ecparam -name secp256k1 -genkey -noout -out key.pem && chmod 600 key.pem
//   exec: [node, openssl.mjs, key.pem, "0x…its address"]
import { execFile } from "node:child_process";
import { createInterface } from "node:readline";
import { writeSync } from "node:fs";

const pem = process.argv[2];
const account = process.argv[3]; // 0x…; an account's address is a hash that openssl does not know
if (!pem || !account) {
	writeSync(1, JSON.stringify({ fatal: "usage: openssl.mjs KEY.pem 0xADDRESS" }) + "\n");
	process.exit(1);
}

// AWS: kms sign --message-type DIGEST --signing-algorithm ECDSA_SHA_256; Google: asymmetricSign; Vault: transit/sign, prehashed
const sign = (hash) =>
	new Promise((done, fail) => {
		const p = execFile("openssl", ["pkeyutl", "-sign", "-inkey", pem], { encoding: "buffer" }, (e, out, err) => (e ? fail(new Error(String(err).split("\n")[0] || e.message)) : done(out)));
		p.stdin.on("error", () => {});
		p.stdin.end(hash);
	});

// DER is SEQUENCE { INTEGER r, INTEGER s }. Ethereum wants s in the lower half of the curve's order (EIP-2).
const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
function plain(der) {
	const at = 4, r = der.subarray(at, at + der[3]), s = der.subarray(at + der[3] + 2);
	const number = (b) => BigInt(`0x${b.toString("hex")}`);
	const low = number(s) > order / 2n ? order - number(s) : number(s);
	return `0x${[number(r), low].map((n) => n.toString(16).padStart(64, "0")).join("")}`; // 64 bytes: v is found by who asked
}

const answer = (o) => writeSync(1, JSON.stringify(o) + "\n"); // at once, whole: stdout is a pipe
createInterface({ input: process.stdin })
	.on("line", async (line) => {
		const { id, method, hash } = JSON.parse(line);
		try {
			if (method === "addresses") answer({ id, addresses: [account] });
			else if (method === "sign") answer({ id, signature: plain(await sign(Buffer.from(hash.slice(2), "hex"))) });
			else answer({ id, error: `there is no method ${method}` });
		} catch (e) {
			answer({ id, error: e.message });
		}
	})
	.on("close", () => process.exit(0)); // fairlead-submitter is gone
