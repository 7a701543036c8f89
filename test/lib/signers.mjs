// Programs and servers that sign, with moods, for the rows about keys (deploy/signers/README.md is the protocol).
//
//   moods  ok · slow (half a second late) · error · throttle (each question twice) · other (another nonce) · chain (another
//          chain id) · high (s in the upper half) · key (another key's) · garbage
//          of a server: cut (the connection) · missing
//          of a program: hang · raw (the whole transaction) · rawother rawchain rawkey · crash · two (accounts) · stranger (an id that was not asked)
//
// As a program: node signers.mjs KEY_FILE MOOD_FILE SEEN_FILE. The key file holds the key; the mood file one word, read at each
// question; into the seen file it writes how many questions it had at most before it had answered the first of them.
import { createServer } from "node:http";
import { readFileSync, writeFileSync, writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { need } from "../../deploy/run/npm.mjs";

const { ethers } = need("ethers");
const order = ethers.toBigInt("0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141");
const stranger = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";
const later = (ms) => new Promise((r) => setTimeout(r, ms));

// unsigned bytes → signature or transaction, as that mood makes it
function signed(key, unsigned, mood) {
	const tx = ethers.Transaction.from(unsigned).clone();
	if (/other/.test(mood)) tx.nonce += 1;
	if (/chain/.test(mood)) tx.chainId = 1n;
	const sig = new ethers.SigningKey(/key/.test(mood) ? stranger : key).sign(tx.unsignedHash);
	if (mood.startsWith("raw")) {
		tx.signature = sig;
		return { raw: tx.serialized };
	}
	const s = mood === "high" ? ethers.toBeHex(order - BigInt(sig.s), 32) : sig.s;
	return { signature: ethers.concat([sig.r, s, new Uint8Array([mood === "high" ? 27 + (1 - sig.yParity) : sig.v])]) };
}

function program([keyFile, moodFile, seenFile]) {
	const key = readFileSync(keyFile, "utf8").trim(), address = new ethers.Wallet(key).address, twice = new Map();
	let open = 0, most = 0;
	const say = (o) => writeSync(1, (typeof o === "string" ? o : JSON.stringify(o)) + "\n");
	createInterface({ input: process.stdin })
		.on("line", async (line) => {
			const q = JSON.parse(line), mood = readFileSync(moodFile, "utf8").trim();
			most = Math.max(most, ++open);
			writeFileSync(seenFile, String(most));
			await later(mood === "slow" ? 500 : 1);
			open--;
			if (q.method === "addresses") return say({ id: q.id, addresses: mood === "two" ? [ethers.ZeroAddress, address] : [address] });
			if (ethers.keccak256(q.unsigned) !== q.hash) return say({ id: q.id, error: "hash is not of unsigned" });
			if (ethers.Transaction.from(q.unsigned).nonce !== Number(q.tx.nonce)) return say({ id: q.id, error: "tx is not unsigned" });
			const had = twice.get(q.hash) ?? 0;
			if (mood === "throttle" && had < 2) return twice.set(q.hash, had + 1), say({ id: q.id, error: "slow down", wait: 20 });
			if (mood === "error") return say({ id: q.id, error: "the vault is sealed" });
			if (mood === "hang") return;
			if (mood === "crash") process.exit(3);
			if (mood === "garbage") return say(`no json, but ${key}`);
			if (mood === "stranger") return say({ id: 4000000, signature: "0x" });
			say({ id: q.id, ...signed(key, q.unsigned, mood) });
		})
		.on("close", () => process.exit(0));
}

// A Web3Signer of that key: { port, mood, most (answers under way at once), close() }. port 0: any.
export async function web3signer(key, port = 0) {
	const id = ethers.SigningKey.computePublicKey(key, false).replace("0x04", "0x"), twice = new Map();
	const w = { mood: "ok", most: 0 };
	let open = 0;
	const answer = async (req, res, body) => {
		const end = (status, text, headers = {}) => res.writeHead(status, { "content-type": "text/plain; charset=utf-8", ...headers }).end(text);
		if (req.url === "/api/v1/eth1/publicKeys" && req.method === "GET") return end(200, JSON.stringify([id]), { "content-type": "application/json; charset=utf-8" });
		if (req.url !== `/api/v1/eth1/sign/${id}` || req.method !== "POST") return end(404, "");
		w.most = Math.max(w.most, ++open);
		const { data } = JSON.parse(body), mood = w.mood, had = twice.get(data) ?? 0;
		await later(mood === "slow" ? 500 : 1);
		open--;
		if (mood === "throttle" && had < 2) return twice.set(data, had + 1), end(429, "");
		if (mood === "error") return end(500, "");
		if (mood === "missing") return end(404, "");
		if (mood === "cut") return req.socket.destroy();
		if (mood === "garbage") return end(200, "<html>a proxy's page</html>");
		end(200, signed(key, data, mood).signature);
	};
	const server = createServer((req, res) => {
		let body = "";
		req.on("data", (d) => (body += d)).on("end", () => answer(req, res, body));
	});
	await new Promise((done) => server.listen(port, "127.0.0.1", done));
	w.port = server.address().port;
	w.close = () => {
		server.closeAllConnections();
		return new Promise((done) => server.close(done));
	};
	return w;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) program(process.argv.slice(2));
