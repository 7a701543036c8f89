// A page of headless Chromium, driven by its own protocol (CDP) over one WebSocket.
//
//   page = await chromium(t, "http://127.0.0.1:…/…")   loaded; page.logs: console messages and exceptions, page.requests: URLs asked for;
//   page.errors: what the browser itself complains of (policy, failed loads)
//   await page.run("expression or code that gives a promise") → its value, as JSON
import { spawn } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { need } from "../../deploy/run/npm.mjs";
import { until } from "../../deploy/run/proc.mjs";

const { WebSocket } = need("ws");
let browsers = 0;

export async function chromium(t, url) {
	const home = join(t.dir, `chromium${++browsers}`);
	mkdirSync(home, { recursive: true });
	const child = spawn("setpriv", ["--pdeathsig", "KILL", "--", "chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking", "--remote-debugging-port=0", `--user-data-dir=${home}`, "about:blank"], { detached: true, stdio: ["ignore", "ignore", "pipe"], env: { PATH: process.env.PATH, HOME: home, FAIRLEAD_TEST: process.env.FAIRLEAD_TEST } });
	let said = "";
	child.stderr.on("data", (d) => (said += d));
	const ended = new Promise((done) => child.once("exit", done));
	t.ends.push(async () => {
		try {
			process.kill(-child.pid, "SIGKILL");
		} catch {
			// gone
		}
		await ended;
		rmSync(home, { recursive: true, force: true, maxRetries: 5 });
		return { problems: [] };
	});
	const address = await until(() => said.match(/DevTools listening on (ws:\S+)/)?.[1], "chromium to start", 60000);
	const line = new WebSocket(address, { perMessageDeflate: false });
	await new Promise((done, fail) => line.once("open", done).once("error", fail));
	const page = { logs: [], requests: [], errors: [] };
	const asked = new Map();
	let id = 0;
	const ask = (method, params = {}, sessionId = page.session) => new Promise((done, fail) => {
		asked.set(++id, { done, fail });
		line.send(JSON.stringify({ id, method, params, ...(sessionId ? { sessionId } : {}) }));
	});
	line.on("message", (data) => {
		const m = JSON.parse(data);
		if (m.id) {
			const q = asked.get(m.id);
			asked.delete(m.id);
			if (m.error) q.fail(new Error(m.error.message));
			else q.done(m.result);
			return;
		}
		if (m.method === "Runtime.consoleAPICalled") page.logs.push(`${m.params.type}: ${m.params.args.map((a) => a.value ?? a.description).join(" ")}`);
		if (m.method === "Runtime.exceptionThrown") page.logs.push(`exception: ${m.params.exceptionDetails.exception?.description ?? m.params.exceptionDetails.text}`);
		if (m.method === "Log.entryAdded" && m.params.entry.level === "error") page.errors.push(`${m.params.entry.source}: ${m.params.entry.text}`);
		if (m.method === "Network.requestWillBeSent") page.requests.push(m.params.request.url);
		if (m.method === "Page.loadEventFired") page.loaded = true;
	});
	const { targetId } = await ask("Target.createTarget", { url: "about:blank" });
	page.session = (await ask("Target.attachToTarget", { targetId, flatten: true })).sessionId;
	for (const domain of ["Page", "Runtime", "Network", "Log"]) await ask(`${domain}.enable`);
	page.ask = ask;
	page.run = async (code) => {
		const r = await ask("Runtime.evaluate", { expression: code, awaitPromise: true, returnByValue: true });
		if (r.exceptionDetails) throw new Error(r.exceptionDetails.exception?.description ?? r.exceptionDetails.text);
		return r.result.value;
	};
	await ask("Page.navigate", { url });
	await until(() => page.loaded, `${url} to load`, 60000);
	return page;
}
