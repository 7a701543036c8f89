// What the page's rows ask of a browser (chromium.mjs): its size and theme, keys, what stands, axe.
import { readFileSync } from "node:fs";
import { need } from "../../deploy/run/npm.mjs";
import { until } from "../../deploy/run/proc.mjs";

const named = { Enter: 13, Escape: 27, Tab: 9 };

export function look(page) {
	const l = {
		// features: { "prefers-color-scheme": "dark", … }
		async as(width, height, features = {}) {
			await page.ask("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: width < 600 });
			await page.ask("Emulation.setEmulatedMedia", { features: Object.entries({ "prefers-color-scheme": "light", "prefers-reduced-motion": "no-preference", ...features }).map(([name, value]) => ({ name, value })) });
		},
		async open(url) {
			await page.ask("Page.navigate", { url: "about:blank" });
			await page.ask("Page.navigate", { url });
			await l.sees("document.body?.dataset.tone", "the first figures");
		},
		// An expression that becomes true, and its value.
		sees: (code, what, ms) => until(() => page.run(code), what ?? code, ms),
		text: (selector) => page.run(`document.querySelector(${JSON.stringify(selector)})?.innerText ?? null`),
		async key(k) {
			const keys = { key: k, code: named[k] ? k : undefined, windowsVirtualKeyCode: named[k] ?? k.toUpperCase().charCodeAt(0), ...(k === "Enter" ? { text: "\r" } : named[k] ? {} : { text: k }) };
			await page.ask("Input.dispatchKeyEvent", { type: "keyDown", ...keys });
			await page.ask("Input.dispatchKeyEvent", { type: "keyUp", ...keys });
		},
		type: (text) => page.ask("Input.insertText", { text }),
		click: (selector) => page.run(`(() => { const e = document.querySelector(${JSON.stringify(selector)}); e.click(); return true; })()`),
		sideways: () => page.run("document.documentElement.scrollWidth > innerWidth"),
		// The rules that axe finds broken, with where.
		async axe() {
			if (!(await page.run("typeof axe !== 'undefined'"))) await page.run(`${readFileSync(need.resolve("axe-core/axe.min.js"), "utf8")};0`);
			return page.run("axe.run(document, { resultTypes: ['violations'] }).then((r) => r.violations.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => `${n.target.join(' ')} ${n.any.concat(n.all)[0]?.message ?? ''}`).join(' | ')}`))");
		},
	};
	return l;
}
