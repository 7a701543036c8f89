// Writes a token mapping for tokens 1..N: the CID (version 1, raw, sha2-256) of the text "companion <id>" each.
// The same N always gives the same file:   node deploy/apps/ktty/mapping.mjs 5000 > tokenMapping.json
import { createHash } from "node:crypto";
import { pathToFileURL } from "node:url";

const base32 = "abcdefghijklmnopqrstuvwxyz234567";

export function codeOf(id) {
	const digest = createHash("sha256").update(`companion ${id}`).digest();
	const cid = Buffer.concat([Buffer.from([0x01, 0x55, 0x12, 0x20]), digest]);
	let text = "b", bits = 0, have = 0;
	for (const byte of cid) {
		bits = (bits << 8) | byte;
		for (have += 8; have >= 5; have -= 5) text += base32[(bits >> (have - 5)) & 31];
		bits &= (1 << have) - 1;
	}
	return have ? text + base32[(bits << (5 - have)) & 31] : text;
}

export function mapping(n) {
	const all = {};
	for (let id = 1; id <= n; id++) all[id] = codeOf(id);
	return all;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href)
	process.stdout.write(`${JSON.stringify(mapping(Number(process.argv[2] ?? 5000)), null, 1)}\n`);
