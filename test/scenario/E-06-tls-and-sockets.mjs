import { execFileSync } from "node:child_process";
import { copyFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { request as plain } from "node:http";
import { Agent, request } from "node:https";
import { join } from "node:path";
import { connect } from "node:tls";
import { socketDir } from "../../deploy/run/servers.mjs";
import { door } from "../lib/door.mjs";

export const name = "serve.tls: HTTPS by certificate files, read again when they change while kept connections go on; plain HTTP is told so in words; a broken certificate ends the start with 78; unix sockets and a second address beside it";

export default async function (t) {
	const { assert } = t;
	const cert = (dir, cn) => execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", `/CN=${cn}`, "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", join(dir, `${cn}.key`), "-out", join(dir, `${cn}.pem`)], { stdio: "ignore" });
	const serve = "  tls: { cert: tls.pem, key: tls.key }\n";
	const unixPath = join(socketDir(t.dir, "door"), "door.sock");
	const w = await door(t, { serve, listen: `[ "127.0.0.1:0", "unix:${unixPath}", "127.0.0.1:0" ]`, start: false });
	for (const cn of ["one", "two"]) cert(w.dir, cn);
	const put = (cn) => {
		for (const x of ["key", "pem"]) {
			copyFileSync(join(w.dir, `${cn}.${x}`), join(w.dir, "new"));
			renameSync(join(w.dir, "new"), join(w.dir, `tls.${x}`));
		}
	};

	// what can't be used ends the start, in words
	const start = async (words) => {
		const p = await w.start("reconciler", { name: `bad${Math.random()}`, wait: false });
		await w.waitFor(() => !p.running, "the end of a start that can't be");
		assert.equal(p.code, 78, p.text());
		assert.match(p.text(), words);
		assert.match(p.text(), /tls\.(pem|key)/);
	};
	await start(/certificate .*tls\.pem can't be used .*; name a PEM file/);
	writeFileSync(join(w.dir, "tls.pem"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
	writeFileSync(join(w.dir, "tls.key"), "nothing");
	await start(/certificate .*tls\.pem can't be used .*; name a PEM file/);
	put("one");
	copyFileSync(join(w.dir, "two.key"), join(w.dir, "tls.key"));
	await start(/key .*tls\.key can't be used .*; name a PEM file with the key of that certificate/);
	put("one");

	await w.open({ up: false });
	const port = w.port("reconciler", 2), second = w.port();
	assert.ok(port && second && port !== second);
	const agent = new Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false });
	t.ends.push(async () => {
		agent.destroy();
		return { problems: [] };
	});
	const say = (how, o) => new Promise((done, fail) => {
		const q = how({ host: "127.0.0.1", path: "/up", ...o }, (a) => {
			const r = { status: a.statusCode, headers: a.headers, body: "", cn: a.socket.getPeerCertificate?.().subject?.CN, local: a.socket.localPort };
			a.on("data", (d) => (r.body += d));
			a.on("end", () => done(r));
		});
		q.on("error", fail);
		q.end();
	});
	await w.waitFor(async () => (await say(request, { port, agent })).status === 200, "the routes over TLS");
	const kept = await say(request, { port, agent });
	assert.equal(kept.cn, "one");
	const fresh = (at = port) => say(request, { port: at, agent: false, rejectUnauthorized: false });
	assert.equal((await fresh(second)).cn, "one", "the second address speaks it too");

	// no TLS on a TLS port: an answer that a person can read
	for (const at of [port, second]) {
		const r = await say(plain, { port: at });
		assert.deepEqual([r.status, r.headers.connection, r.headers["content-type"]], [400, "close", "application/problem+json"]);
		assert.match(JSON.parse(r.body).detail, /speaks TLS; ask with https:\/\//);
	}
	await w.waitFor(() => w.lines("reconciler", (l) => l.ev === "http" && l.status === "400").length === 2, "the log to tell it");
	const rubbish = await w.raw(Buffer.from([0x16, 3, 1, 0, 5, 1, 2, 3, 4, 5]), { port }).catch((e) => e.message);
	assert.ok(!String(rubbish).includes("HTTP"), "what is TLS, but broken, is not answered in plain text");
	const old = await new Promise((done) => {
		const s = connect({ host: "127.0.0.1", port, rejectUnauthorized: false, maxVersion: "TLSv1.1", minVersion: "TLSv1", ciphers: "DEFAULT@SECLEVEL=0" }, () => done("taken"));
		s.on("error", (e) => done(e.code));
	});
	assert.notEqual(old, "taken", "TLS 1.1");

	// the unix socket is plain: who may open the file may read it
	const unix = await say(plain, { socketPath: unixPath });
	assert.deepEqual([unix.status, JSON.parse(unix.body).up], [200, 1]);
	assert.ok(statSync(unixPath).isSocket());

	// the files change
	put("two");
	await w.waitFor(async () => (await fresh()).cn === "two", "the new certificate");
	const still = await say(request, { port, agent });
	assert.deepEqual([still.status, still.local], [200, kept.local], "the kept connection goes on");
	writeFileSync(join(w.dir, "tls.pem"), "broken");
	await w.waitFor(() => w.lines("reconciler", "tls.kept").length, "a broken one to be told");
	assert.equal((await fresh()).cn, "two");
	put("one");
	await w.waitFor(async () => (await fresh()).cn === "one", "a good one again");
	await w.stop("reconciler");
	assert.throws(() => statSync(unixPath));
}
