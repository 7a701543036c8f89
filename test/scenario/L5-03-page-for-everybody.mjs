export const name = "the live page for everybody: axe finds nothing in four states, light and dark, desktop and phone; nothing scrolls sideways down to 320; still under reduced motion";
export const limit = 300;

import { chromium } from "../lib/chromium.mjs";
import { look } from "../lib/look.mjs";
import { sample, token } from "../lib/sample.mjs";

export default async function (t) {
	const { assert } = t;
	const s = await sample(t, { lives: 300 });
	const page = await chromium(t, "about:blank");
	const l = look(page);
	const found = [];
	let looks = 0;
	for (const state of ["well", "copes", "stuck", "first"]) {
		s.state(state);
		for (const [width, height] of [[1440, 900], [390, 844]])
			for (const theme of ["light", "dark"]) {
				await l.as(width, height, { "prefers-color-scheme": theme, "prefers-reduced-motion": "reduce" });
				await l.open(s.url);
				for (const finding of await l.axe()) found.push(`${state} ${width} ${theme}: ${finding}`);
				looks++;
			}
	}
	// Lives with a story unfolded, and the dialogs
	s.state("well");
	for (const [width, theme] of [[1440, "light"], [390, "dark"]]) {
		await l.as(width, 900, { "prefers-color-scheme": theme, "prefers-reduced-motion": "reduce" });
		await l.open(`${s.url}#lives?kind=odd`);
		await l.sees("document.querySelectorAll('.list li').length > 5", "lives");
		await page.run("document.querySelectorAll('.list .turn')[3].click()");
		await l.sees("document.querySelector('.list .times')", "a story");
		for (const finding of await l.axe()) found.push(`lives ${width} ${theme}: ${finding}`);
		await l.click("#lock");
		for (const finding of await l.axe()) found.push(`unlock ${width} ${theme}: ${finding}`);
		looks += 2;
	}
	// what may be done to a signer, asked
	await l.type(token);
	await l.key("Enter");
	await l.sees("!document.querySelector('#unlock').open", "acts unlocked");
	await page.run("location.hash = ''");
	await l.sees("document.body.dataset.view === 'now'", "the page");
	await l.click("#signers-of .act");
	await l.sees("document.querySelector('#signers-of .go')", "what it would do");
	for (const finding of await l.axe()) found.push(`freeze: ${finding}`);
	assert.equal(await l.sideways(), false);
	looks++;
	assert.deepEqual(found, []);
	assert.equal(await page.run("[...document.querySelectorAll('.beads')].filter((b) => getComputedStyle(b).animationName !== 'none').length"), 0);

	for (const state of ["well", "stuck", "first"]) {
		s.state(state);
		for (const width of [320, 390, 700, 900, 1100, 1440]) {
			await l.as(width, 800);
			for (const view of ["", "#lives"]) {
				if (view && state !== "well") continue;
				await l.open(s.url + view);
				assert.equal(await l.sideways(), false, `${state} ${view} scrolls sideways at ${width}`);
			}
		}
	}
	// at the thumb, targets are large enough
	s.state("well");
	await l.as(390, 844);
	await l.open(s.url);
	assert.deepEqual(await page.run("[...document.querySelectorAll('.tabs a, .act, .bar .icon, #kinds button, #q')].filter((e) => e.offsetParent && e.getBoundingClientRect().height < 40).map((e) => e.outerHTML.slice(0, 80))"), []);
	t.note(`${looks} looks`);
}
