export const name = "https:// and wss://: a certificate nobody vouches for is refused and named, a trusted one carries polls, heads and answers; who is not trusted hears nothing, and the login stands in no log";

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { createServer } from "node:tls";
import { reading } from "../lib/reading.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await reading(t, { endpoints: 1, ws: true, chain: { poll: "300ms" } });
	const { n } = w;
	for (const cn of ["trusted", "stranger"]) execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", `/CN=${cn}`, "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", join(w.dir, `${cn}.key`), "-out", join(w.dir, `${cn}.pem`)], { stdio: "ignore" });

	// TLS in front of each address of the node; what a client says is kept, decrypted, and its connections are counted
	const raw = { wire: 0, heard: "" };
	const lines = new Set();
	const secure = (cn, to) =>
		new Promise((ready) => {
			const files = { key: readFileSync(join(w.dir, `${cn}.key`)), cert: readFileSync(join(w.dir, `${cn}.pem`)) };
			const server = createServer({ ...files, ALPNProtocols: ["http/1.1"] }, (s) => {
				const node = connect(Number(new URL(to).port), "127.0.0.1");
				for (const x of [s, node]) {
					lines.add(x);
					x.on("error", () => {}).on("close", () => (s.destroy(), node.destroy()));
				}
				s.on("data", (b) => (raw.heard += b.toString("latin1").slice(0, 2000)));
				s.pipe(node).pipe(s);
			});
			server.on("tlsClientError", () => {});
			server.on("connection", () => raw.wire++);
			server.listen(0, "127.0.0.1", () => ready(server));
		});
	const servers = [];
	const through = async (http_cn, ws_cn) => {
		for (const x of lines) x.destroy();
		for (const s of servers.splice(0)) s.close();
		const [http, ws] = [await secure(http_cn, n.endpoints[0].http), await secure(ws_cn, n.endpoints[0].ws)];
		servers.push(http, ws);
		Object.assign(w.env, { RPC_0: `https://user:pass-phrase@127.0.0.1:${http.address().port}/`, WS_0: `wss://user:pass-phrase@127.0.0.1:${ws.address().port}/`, SSL_CERT_FILE: join(w.dir, "trusted.pem") });
	};
	try {
		await w.book(40, [0, 2]);

		await through("stranger", "stranger");
		await w.start("listener", { wait: false });
		await w.heard("listener", (l) => l.ev === "provider.error" && /certificate is not trusted/.test(l.reason));
		assert.equal(raw.heard, "", "who is not trusted hears nothing");
		assert.ok(raw.wire > 0);
		await w.stop("listener");

		await through("trusted", "stranger");
		await w.start("listener");
		await w.waitFor(w.agrees, "the history");
		await w.heard("listener", (l) => l.ev === "heads.lost" && /has a certificate that is not trusted: self-signed certificate/.test(l.why));
		await w.book(1, 2);
		await w.waitFor(w.agrees, "the head, polled");
		assert.doesNotMatch(raw.heard, /upgrade: websocket/i);
		await w.stop("listener");

		await through("trusted", "trusted");
		await w.start("listener");
		await w.book(10, [0, 2]);
		await w.waitFor(w.agrees, "the history");
		await w.heard("listener", "heads.up", 1);
		const before = await n.count({ method: "eth_getLogs", via: "ws" });
		for (let i = 0; i < 4; i++) {
			await w.book(1, 3);
			await w.waitFor(w.agrees, "the head");
		}
		assert.ok((await n.count({ method: "eth_getLogs", via: "ws" })) > before, "asked over the socket that told of it");
		await n.do({ reorg: { depth: 2, blocks: 3, keep: "shift" } });
		await w.waitFor(w.agrees, "the head behind a reorg");
		// a block of 3 MB comes over the socket, in many records
		await w.book(1, 6000);
		await w.waitFor(w.agrees, "a large block");
		assert.match(raw.heard, /^authorization: basic dXNlcjpwYXNzLXBocmFzZQ==\r$/im);
		assert.match(raw.heard, /^upgrade: websocket\r$/im);

		// the line is cut: heads come again over another
		const up = w.lines("listener", "heads.up").length;
		for (const x of lines) x.destroy();
		await w.waitFor(() => w.lines("listener", "heads.up").length > up, "the socket to be up again", 60000);
		await w.book(2, 1);
		await w.waitFor(w.agrees, "the head behind a cut");
		assert.ok(!w.log("listener").includes("pass-phrase"));
	} finally {
		for (const x of lines) x.destroy();
		for (const s of servers) s.close();
	}
}
