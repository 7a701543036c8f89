export const name = "a browser's own WebSocket and EventSource hear the topics; EventSource comes back by itself and misses nothing; other pages' origins need serve.cors";

import { createServer } from "node:http";
import { chromium } from "../lib/chromium.mjs";
import { socket } from "../lib/topics.mjs";
import { publishes } from "./T-01-topics.mjs";

export default async function (t) {
	const { assert } = t;
	const elsewhere = createServer((q, a) => a.setHeader("content-type", "text/html").end("<title>elsewhere</title>"));
	await new Promise((done) => elsewhere.listen(0, "127.0.0.1", done));
	t.ends.push(async () => {
		elsewhere.closeAllConnections();
		await new Promise((done) => elsewhere.close(done));
		return { problems: [] };
	});
	const origin = `http://127.0.0.1:${elsewhere.address().port}`;
	const port = 20000 + (process.pid % 20000);
	const w = await t.world({ app: "vcel", mining: "auto", fleet: "all", env: { PORT: String(port) }, yaml: (text) => publishes(text).replace(/^serve:\n/m, `serve:\n  cors: ${origin}\n`) });
	const page = await chromium(t, origin);
	await page.run(`(() => {
		window.ws = []; window.es = []; window.opens = 0;
		const line = new WebSocket("${w.door().replace("http", "ws")}/ws");
		line.onmessage = (m) => window.ws.push(JSON.parse(m.data));
		line.onclose = (e) => (window.code = e.code);
		window.source = new EventSource("${w.door()}/ws?topics=revoked");
		source.onopen = () => window.opens++;
		source.addEventListener("revoked", (m) => window.es.push([Number(m.lastEventId), JSON.parse(m.data).data.args.signatureHash]));
		return new Promise((done, fail) => { line.onopen = () => { line.send(JSON.stringify({ subscribe: "revoked" })); done(); }; line.onerror = () => fail(new Error("no line")); });
	})()`);
	await w.waitFor(async () => (await page.run("window.ws.length > 0 && window.opens === 1")), "both to be open");
	await w.revoke(7, "one", "two");
	await w.waitFor(async () => (await page.run("window.es.length")) === 2, "two events");
	assert.deepEqual((await page.run("window.es")).map((x) => x[1]), ["one", "two"].map(w.hash));
	await w.waitFor(async () => (await page.run("window.ws.filter((f) => f.type).length")) === 2, "two messages");

	// the server restarts; meanwhile something happens
	await w.stop("reconciler");
	await w.waitFor(async () => (await page.run("window.code")) === 1001, "the goodbye");
	await w.revoke(7, "missed");
	await w.start("reconciler");
	await w.revoke(7, "four");
	await w.waitFor(async () => (await page.run("window.es.length")) >= 4, "what was missed");
	assert.deepEqual((await page.run("window.es")).map((x) => x[1]), ["one", "two", "missed", "four"].map(w.hash));
	assert.equal(await page.run("window.opens"), 2);

	// a page that serve.cors does not name
	await assert.rejects(socket(w, "/ws", { headers: { origin: "http://evil.example" } }), /status 403/);
	await (await socket(w, "/ws", { headers: { origin: w.door() } })).close();
}
