export const name = "/docs: every route unfolds, is asked in place and answers; the token lets in; topics are heard; by keyboard; axe finds nothing, the console is silent, nothing leaves for elsewhere";
export const limit = 180;

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { need } from "../../deploy/run/npm.mjs";
import { chromium } from "../lib/chromium.mjs";
import { everyRoute, operations, read } from "../lib/openapi.mjs";

const axe = readFileSync(need.resolve("axe-core/axe.min.js"), "utf8");

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ app: "vcel", mining: "auto", fleet: "all", env: { ADMIN_TOKEN: "of the test", JWT_SECRET: "a secret of thirty-two characters" }, yaml: everyRoute });
	await w.revoke(7, "one");
	await w.waitFor(async () => (await w.rows(7)).length === 1, "the row");
	await w.http("/api/v1/monitor/lock/7/revocations");
	const all = operations(await read(w)).length;
	const page = await chromium(t, `${w.door()}/docs`);
	const seen = async (code, what) => w.waitFor(() => page.run(code), what);
	const size = (width, height) => page.ask("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: width < 800 });
	const theme = (value) => page.ask("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value }] });
	const look = async (name) => {
		if (!process.env.SHOTS) return;
		mkdirSync(process.env.SHOTS, { recursive: true });
		const { data } = await page.ask("Page.captureScreenshot", { format: "png", captureBeyondViewport: true, clip: { x: 0, y: 0, scale: 1, width: await page.run("innerWidth"), height: Math.min(2000, await page.run("document.documentElement.scrollHeight")) } });
		writeFileSync(join(process.env.SHOTS, `${name}.png`), Buffer.from(data, "base64"));
	};
	const open = (id) => page.run(`{ const b = document.querySelector("#${id} button.route"); if (b.getAttribute("aria-expanded") === "false") b.click(); }`);
	const ask = async (id) => {
		await page.run(`document.querySelector("#${id} .result-line").textContent = ""; document.querySelector("#${id} form button").click()`);
		await seen(`/\\d ms/.test(document.querySelector("#${id} .result-line").textContent)`, `an answer to ${id}`);
		return page.run(`({ line: document.querySelector("#${id} .result-line").textContent, text: document.querySelector("#${id} .result pre")?.textContent ?? "" })`);
	};

	await size(1440, 900);
	await theme("light");
	await seen(`document.querySelectorAll("button.route").length > 0`, "the routes");
	assert.match(await page.run(`document.querySelector("h1").textContent`), new RegExp(`^vcel answers ${all} routes and tells one topic\\.$`));
	await look("light-closed");

	// a route, with the values of the last real answer; another value; a value that is none
	const lock = "getMonitorLockByLockIdRevocations";
	await open(lock);
	assert.equal(await page.run(`document.querySelector("#${lock} input").value`), "7");
	assert.match(await page.run(`document.querySelector("#${lock} .curl").textContent`), /^curl 'http:\/\/127\.0\.0\.1:\d+\/api\/v1\/monitor\/lock\/7\/revocations'$/);
	let a = await ask(lock);
	assert.match(a.line, /^200 OK in [\d.]+ ms, \d+ bytes$/);
	assert.equal(JSON.parse(a.text).revocations[0].signatureHash, w.hash("one"));
	await open("getFieldsByIdByWho");
	await page.run(`{ const i = document.querySelector("#getFieldsByIdByWho-path-id"); i.value = "<img src=x onerror=alert(1)>"; i.dispatchEvent(new Event("input", { bubbles: true })); }`);
	a = await ask("getFieldsByIdByWho");
	assert.match(a.line, /^400 Bad Request/);
	assert.ok(a.text.includes("<img src=x"), "what the server says is text");
	assert.equal(await page.run(`document.querySelectorAll("img").length`), 0);
	await page.run(`document.querySelector("#getFieldsByIdByWho-path-id").value = "5"; document.querySelector("#getFieldsByIdByWho-query-colour").value = "blue"`);
	a = await ask("getFieldsByIdByWho");
	assert.deepEqual([JSON.parse(a.text).id, JSON.parse(a.text).colour], ["5", "blue"]);
	await open("postFields");
	a = await ask("postFields");
	assert.match(a.line, /^201 Created/);
	await look("light-open");

	// the token
	await open("getSecret");
	assert.match((await ask("getSecret")).line, /^401 Unauthorized/);
	await page.run(`{ const i = document.querySelector("#token"); i.value = "of the test"; i.dispatchEvent(new Event("input", { bubbles: true })); }`);
	assert.match((await ask("getSecret")).text, /not for you/);
	assert.ok(!(await page.run(`document.querySelector("#getSecret .curl").textContent`)).includes("of the test"), "the token is not shown");
	assert.equal(await page.run(`Object.values({ ...localStorage, ...sessionStorage }).join().includes("of the test") || document.cookie`), "");

	// the topics
	await page.run(`document.querySelector("#topics .act").click()`);
	await seen(`/Listening since/.test(document.querySelector("#topics .result-line").textContent)`, "the line to be open");
	await w.revoke(7, "two");
	await seen(`document.querySelector("#topics .heard").textContent.includes("${w.hash("two")}")`, "the message");
	await look("light-topics");

	// the keyboard: "/" finds, j and k walk, Enter unfolds
	const key = async (k, code = k) => {
		for (const type of ["keyDown", "keyUp"]) await page.ask("Input.dispatchKeyEvent", { type, key: k, code, ...(type === "keyDown" && k.length === 1 ? { text: k } : {}), ...(k === "Enter" ? { text: "\r", windowsVirtualKeyCode: 13 } : {}) });
	};
	await page.run(`document.activeElement.blur()`);
	await key("/");
	assert.equal(await page.run(`document.activeElement.id`), "q");
	await page.ask("Input.insertText", { text: "maybe" });
	await seen(`document.querySelector("#found").textContent === "2 of ${all} routes"`, "two routes");
	await key("Escape");
	assert.equal(await page.run(`document.querySelector("#q").value + document.querySelector("#found").textContent`), "");
	await key("j");
	await key("j");
	await key("k");
	assert.equal(await page.run(`document.activeElement === document.querySelector("button.route")`), true);
	const before = await page.run(`document.activeElement.getAttribute("aria-expanded")`);
	await key("Enter");
	assert.notEqual(await page.run(`document.activeElement.getAttribute("aria-expanded")`), before);
	assert.match(await page.run(`location.hash`), /^#\w+/);

	// axe, unfolded and not, in both themes, at both widths; never wider than the window
	await page.run(axe);
	for (const [width, height] of [[1440, 900], [390, 844], [320, 640]])
		for (const value of ["light", "dark"]) {
			await size(width, height);
			await theme(value);
			assert.ok(await page.run(`document.documentElement.scrollWidth <= innerWidth`), `${width}: it does not scroll sideways: ${await page.run(`[...document.querySelectorAll("main *")].filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest("pre")).slice(0, 5).map((e) => e.outerHTML.slice(0, 120)).join("\\n")`)}`);
			const found = await page.run(`axe.run(document, { resultTypes: ["violations"] }).then((r) => r.violations.map((v) => v.id + ": " + v.nodes.map((n) => n.html.slice(0, 160) + " " + n.failureSummary).join("; ").slice(0, 900)))`);
			assert.deepEqual(found, [], `${width} ${value}`);
			await look(`${value}-${width}`);
		}

	// nothing was said on the console, nothing was asked of anybody else
	assert.deepEqual(page.logs, []);
	assert.deepEqual(page.errors.filter((l) => !/status of (400|401)/.test(l)), []);
	for (const url of page.requests) assert.ok(url.startsWith(w.door()) || url.startsWith("data:"), url);
	const head = await w.http("/docs");
	assert.match(head.headers["content-security-policy"], /^default-src 'none'/);
	assert.equal((await w.http("/api/v1/docs")).body, head.body, "serve.docs");
	assert.equal((await w.http("/docs", { headers: { "if-none-match": head.headers.etag } })).status, 304);
}
