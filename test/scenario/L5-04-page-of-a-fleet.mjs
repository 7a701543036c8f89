export const name = "the live page of a running fleet: the first reveal, its story to the end, a filter; it outlives a restart of its server and of PostgreSQL";
export const limit = 240;

import { chromium } from "../lib/chromium.mjs";
import { look } from "../lib/look.mjs";

export default async function (t) {
	const { assert } = t;
	const port = 20000 + (process.pid % 20000);
	const w = await t.world({ mining: 1, fleet: "all", pg: "own", mapping: { 1: "one", 2: "two", 3: "three", 4: "four" }, env: { BATCH_TIMEOUT_MS: "200", ADMIN_TOKEN: "a-token-of-the-test", PORT: String(port) } });
	const page = await chromium(t, "about:blank");
	const l = look(page);
	const line = (key) => `[...document.querySelectorAll('.list li')].find((li) => li.querySelector('.c-key').innerText === '${key}')`;
	await l.as(1440, 900);
	const r = await fetch(w.door("reconciler"), { headers: { "accept-encoding": "gzip" } });
	assert.match(r.headers.get("content-security-policy"), /^default-src 'none'; script-src 'self'/);
	assert.equal(r.headers.get("content-encoding"), "gzip");
	assert.equal((await fetch(w.door("reconciler"), { headers: { "if-none-match": r.headers.get("etag") } })).status, 304);
	await l.open(`${w.door("reconciler")}/`);

	// nothing yet; then the first reveal, from the chain to the page
	await l.sees("document.querySelector('h1').innerText === 'Listening. No event yet.'", "the first start");
	await l.sees("document.querySelector('#make').innerText.length > 10", "a command that makes one");
	await page.run(`new MutationObserver(() => { const li = ${line("1")}; if (li && !window.came) window.came = Date.now(); }).observe(document.querySelector('.list'), { childList: true, subtree: true })`);
	await w.reveal([1]);
	await l.sees("window.came", "the reveal's line");
	const [known] = (await w.http("/_fairlead/lives")).json.rows;
	t.note(`on the page ${(await page.run("window.came")) - known.made} ms behind its event's row`);
	await l.sees(`/^block/.test(${line("1")}?.querySelector('.c-mined')?.innerText)`, "where it was mined");
	await l.sees("document.querySelector('h1').innerText.startsWith('Nothing needs you')", "the verdict");

	// its story, and what is parked with its cure
	await page.run(`${line("1")}.querySelector('.turn').click()`);
	await l.sees("[...document.querySelectorAll('.times b:first-child')].some((b) => b.innerText === 'Mined.')", "its story");
	await l.key("Escape");
	await w.reveal([4217]);
	await l.sees("/4217/.test(document.querySelector('#groups .which')?.innerText)", "the parked one");
	assert.match(await l.text("#groups .why"), /no code for 4217/);
	assert.equal(await l.text("#nav-parked"), "1");

	// a filter
	await w.reveal([2, 3]);
	await l.key("/");
	await l.type("3");
	await l.sees(`document.querySelectorAll('.list li').length === 1 && ${line("3")}`, "the one");
	await l.key("Escape");
	await l.sees("document.querySelectorAll('.list li').length === 4", "all of them");

	// by hand: said before, done, and in the story with who
	await page.run("document.activeElement.blur()");
	await l.key("Escape");
	await l.sees("document.body.dataset.view === 'now'", "the page");
	await l.click("#groups .act:last-child");
	await l.sees("document.querySelector('#unlock').open", "the lock");
	await l.type("a-token-of-the-test");
	await l.key("Enter");
	await l.sees("/^Drop 4217: it will never be sent/.test(document.querySelector('#groups .effect p')?.innerText)", "its effect, before");
	await l.click("#groups .go");
	await l.sees("!document.querySelector('#no-groups').hidden", "nothing parked");

	// its server restarts
	const errors = page.errors.length;
	assert.deepEqual(page.errors, []);
	await w.stop("reconciler");
	await l.sees("!document.querySelector('#lost').hidden", "that its server is lost", 60000);
	await w.start("reconciler");
	await l.sees("document.querySelector('#lost').hidden", "its word again", 60000);
	await w.reveal([4]);
	await l.sees(line("4"), "a reveal behind it", 60000);

	// PostgreSQL is away: red once it lasts, figures of then, the lives stand; and back
	await w.pg.stop();
	await l.sees("document.body.dataset.tone === 'stop' && /^PostgreSQL has not answered for/.test(document.querySelector('h1').innerText)", "the verdict", 90000);
	assert.equal(await page.run("document.body.classList.contains('stale')"), true);
	assert.match(await l.text("#clock"), /^as of \d\d:\d\d:\d\d/);
	assert.ok(await page.run("document.querySelectorAll('.list li').length") >= 5);
	await w.pg.start();
	await l.sees("document.body.dataset.tone === 'well' && !document.body.classList.contains('stale')", "well again", 90000);

	assert.deepEqual(page.logs, []);
	assert.deepEqual(page.errors.slice(errors).filter((e) => !/ERR_|50[0-9]/.test(e)), []);
	assert.deepEqual(page.requests.filter((u) => !u.startsWith(w.door("reconciler")) && !/^(data|about):/.test(u)), []);
}
