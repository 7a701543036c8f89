export const name = "the live page: lives filtered, unfolded, acted on by keys; 100,000 of them; its server away and back; nothing of the server becomes HTML";
export const limit = 240;

import { chromium } from "../lib/chromium.mjs";
import { look } from "../lib/look.mjs";
import { sample, token } from "../lib/sample.mjs";

const keys = "[...document.querySelectorAll('.list li')].map((li) => li.querySelector('.c-key').innerText)";
const shown = "[...document.querySelectorAll('.list li .turn')].map((b) => b.getAttribute('aria-label'))";

export default async function (t) {
	const { assert } = t;
	const s = await sample(t, { state: "well", lives: 100000 });
	const page = await chromium(t, "about:blank");
	const l = look(page);
	await l.as(1440, 900);
	await l.open(s.url);

	// it says first whether anything needs a person
	assert.equal(await l.text("h1"), "Nothing needs you now.");
	await l.sees("document.title === 'Nothing needs you now · ktty'", "the title");
	await l.sees(`${keys}.length === 14`, "the newest lives");
	assert.equal(await page.run("document.querySelector('.list li').getAttribute('aria-setsize')"), "100000");
	assert.equal(await page.run("document.querySelector('.under li:last-child p').textContent"), "final to 26471909, no code differs"); // digits stay together
	assert.deepEqual(await page.run("[...document.querySelectorAll('section h2')].filter((h) => h.offsetParent).map((h) => h.innerText.trim())"), ["River", "Parked", "Lives", "Chains", "Signers", "Routes"]);

	// ten tokens of a batch read as one: what the line above has is braced
	assert.deepEqual(await page.run("[...document.querySelectorAll('.list li')].slice(0, 4).map((li) => !!li.querySelector('.brace'))"), [false, true, true, false]);

	// a reveal comes in at the top
	const revealed = s.reveal("31337");
	await l.sees(`${keys}[0] === '31337'`, "the reveal");
	assert.match((await page.run(shown))[0], /^Token 31337, collecting/);

	// keys: a line, its story, out again
	await l.key("j");
	await l.key("j");
	assert.equal(await page.run("document.activeElement.closest('li').dataset.id"), String(BigInt(revealed.id) - 1n));
	await l.key("Enter");
	await l.sees("document.querySelector('.list li.open .times')", "the story");
	assert.equal(await page.run("document.activeElement.getAttribute('aria-expanded')"), "true");
	// while somebody reads nothing moves: newer lives wait
	const top = await page.run("document.querySelector('.list li.open').getBoundingClientRect().top");
	s.reveal("31338");
	await l.sees("!document.querySelector('#newer').hidden && document.querySelector('#newer').innerText === '1 new'", "one that waits");
	assert.equal(await page.run("document.querySelector('.list li.open').getBoundingClientRect().top"), top);
	await l.key("Escape");
	await l.sees("!document.querySelector('.list li.open')", "the story folded");
	await l.click("#newer");
	await l.sees(`${keys}[0] === '31338'`, "the one that waited");
	await l.key("?");
	await l.sees("document.querySelector('#keys').open", "the list of keys");
	await l.key("Escape");
	await l.sees("!document.querySelector('#keys').open", "the list closed");
	await l.key("4");
	await l.sees("location.hash === '#chains' && document.querySelector('#nav [aria-current]').innerText === 'Chains'", "the section");

	// filter and kinds
	await l.key("/");
	assert.equal(await page.run("document.activeElement.id"), "q");
	await l.type("batch 41407");
	await l.sees("document.body.dataset.view === 'lives' && document.querySelector('.of')?.innerText.includes('found')", "what was filtered");
	assert.ok((await page.run("[...document.querySelectorAll('.list .c-batch')].map((c) => c.innerText).filter(Boolean)")).every((b) => b === "41407"));
	assert.equal(await page.run("document.activeElement.id"), "q");
	await l.key("Escape");
	await l.sees("location.hash === '#lives?kind=all' && document.querySelector('.of').innerText.replace(/\\D/g, '') === '100002'", "all of them");
	await l.click("#kinds [data-kind=taken]");
	await l.sees(`${shown}.length > 3 && ${shown}.every((n) => / taken back /.test(n))`, "those taken back");
	await l.key("Escape");
	await page.run("document.querySelector('#q').focus()");
	await l.type("nosuchlife");
	await l.sees("/^No life matches “nosuchlife”/.test(document.querySelector('#no-lives').innerText)", "that there is none");
	await l.key("Escape");

	// all of them: by cursor, in bounded memory, wherever one scrolls
	await l.open(`${s.url}#lives`);
	await l.sees("document.querySelectorAll('.list li').length > 15", "the first of all");
	await page.ask("Performance.enable", { timeDomain: "threadTicks" }); // what others do on this machine does not count
	const work = async () => (await page.ask("Performance.getMetrics")).metrics.find((m) => m.name === "ThreadTime").value * 1000;
	const before = await work();
	const frames = await page.run(`new Promise((done) => { const at = []; let n = 0, last = performance.now(); const step = (now) => { at.push(now - last); last = now; scrollBy(0, 160); if (++n < 240) requestAnimationFrame(step); else done(at.slice(5).sort((a, b) => a - b)); }; requestAnimationFrame(step); })`);
	t.note(`a scroll frame is ${(((await work()) - before) / 240).toFixed(1)} ms of CPU; between two ${frames[frames.length >> 1].toFixed(1)} ms, the slowest of a hundred ${frames[Math.floor(frames.length * 0.99)].toFixed(1)}`);
	const places = () => page.run("[...document.querySelectorAll('.list li')].map((li) => ({ at: Number(li.getAttribute('aria-posinset')), id: li.dataset.id, top: li.getBoundingClientRect().top, h: li.getBoundingClientRect().height })).sort((a, b) => a.at - b.at)");
	const whole = "(() => { const r = [...document.querySelectorAll('.list li')].map((li) => li.getBoundingClientRect()); return r.some((b) => b.top < 330 && b.bottom > 90) && r.some((b) => b.bottom > innerHeight) && r.length < 200; })()";
	for (const part of [0.5, 0.93, 0.2, 0]) {
		await page.run(`scrollTo(0, document.documentElement.scrollHeight * ${part})`);
		await l.sees(whole, `lives at ${part} of the whole`);
		const rows = await places();
		rows.forEach((r, i) => {
			if (!i) return;
			assert.equal(r.at, rows[i - 1].at + 1, "one line behind the other");
			assert.equal(r.id, s.next(rows[i - 1].id), "no life left out");
			assert.ok(Math.abs(r.top - rows[i - 1].top - rows[i - 1].h) < 9, "without a gap");
		});
	}
	assert.ok(await page.run("document.querySelectorAll('*').length") < 6000, "bounded");
	await page.run("scrollTo(0, 0)");
	await l.sees("document.querySelector('.list li[aria-posinset=\"1\"]')", "the newest again");
	s.reveal("5151");
	await l.sees(`${keys}[0] === '5151'`, "a reveal in the view of all");

	// a parked group leads to its life, unfolded
	await l.key("1");
	await l.sees("document.querySelector('#groups .which a')?.offsetParent", "the parked ones");
	await l.click("#groups .which a");
	await l.sees("document.querySelector('.list li.open .cure')", "its cure");
	assert.equal(await page.run("document.activeElement.closest('li').dataset.id"), s.doc.parked.groups[0].life);

	// and any life has an address, however long ago it was
	await l.open(`${s.url}#lives?life=50000`);
	await l.sees("document.querySelector('.list li.open .times') && document.activeElement.closest('li')?.dataset.id === '50000'", "that life");
	await page.run("scrollBy(0, -3000)");
	await l.sees("[...document.querySelectorAll('.list li')].some((li) => Number(li.dataset.id) > 50000)", "those above it");

	await l.click("#theme");
	assert.equal(await page.run("getComputedStyle(document.body).backgroundColor"), "rgb(11, 19, 24)");
	await l.click("#theme");

	// the server goes and comes back
	await l.open(s.url);
	await s.stop();
	await l.sees("/^No word from this page's server for /.test(document.querySelector('#lost').innerText)", "that it is lost", 30000);
	assert.match(await page.run("document.title"), /^\? ktty/);
	const refused = page.errors.length;
	await s.start();
	await l.sees("document.querySelector('#lost').hidden", "its word again");
	s.reveal("4711");
	await l.sees(`${keys}[0] === '4711'`, "a reveal behind it");

	// PostgreSQL goes: said aloud once, the figures grey with their time, the lives stand
	s.state("stuck");
	await l.sees("document.querySelector('#hear-alert').textContent === 'PostgreSQL has not answered for 12 s.'", "the alert");
	await l.sees("document.body.classList.contains('stale') && /^as of 03:12:37/.test(document.querySelector('#clock').innerText)", "the age of the figures");
	assert.equal(await page.run("document.querySelector('#river-gloss').innerText"), "Grey figures are from 03:12:37, when PostgreSQL last answered.");
	assert.equal((await page.run(keys)).length, 14);
	assert.match(await page.run("document.title"), /^▲ 12 s PostgreSQL · ktty/);
	s.state("well");
	await l.sees("!document.body.classList.contains('stale')", "fresh figures");

	// acts: locked; said before; done in place; the token is kept nowhere
	await l.click("#groups li:nth-child(2) .act");
	await l.sees("document.querySelector('#unlock').open", "the lock");
	await l.type("not it");
	await l.key("Enter");
	await l.sees("/not the admin token/.test(document.querySelector('#unlock-bad').innerText)", "a wrong token told");
	await page.run("document.querySelector('#token').value = ''");
	await l.type(token);
	await l.key("Enter");
	await l.sees("/nothing can be sent twice/.test(document.querySelector('#groups .effect').innerText + document.querySelector('#groups li:nth-child(2) .effect').innerText)", "its effect, before");
	assert.deepEqual(s.acts, []);
	assert.equal(await page.run("[...document.querySelectorAll('.act .lock')].filter((m) => getComputedStyle(m).display !== 'none').length"), 0);
	await l.click("#groups .go");
	await l.sees("/waits for the next batch/.test(document.querySelector('#groups li:nth-child(2) .effect').innerText)", "that it was done");
	assert.deepEqual(s.acts, [{ act: "retry", of: "group:b2" }]);

	// a signer: frozen, seen to be, thawed; figures that come meanwhile take neither what is asked nor who stands there
	const owner = "document.querySelector('#signers-of .signer')", button = `${owner}.querySelector('.acts .row .act').innerText`;
	await l.click("#signers-of .act");
	await l.sees("/^Freeze owner: nothing new is signed/.test(document.querySelector('#signers-of .effect p')?.innerText)", "its effect, before");
	s.tell({ signers: s.doc.signers.map((x) => ({ ...x, facts: x.facts.concat({ name: "news", text: "1" }) })) });
	await l.sees(`/news/.test(${owner}.innerText)`, "news of the signer");
	assert.equal(await page.run("document.activeElement.innerText"), "Freeze it");
	await l.click("#signers-of .go");
	await l.sees(`${button} === 'Thaw' && /it signs nothing new/.test(${owner}.innerText) && ${owner}.classList.contains('stop')`, "the frozen signer");
	await l.sees("/is frozen/.test(document.querySelector('#signers-of .done')?.innerText)", "that it was done");
	assert.equal(await page.run("document.activeElement.innerText"), "Thaw");
	await l.click("#signers-of .act");
	await l.sees("document.querySelector('#signers-of .go')?.innerText === 'Thaw it'", "its effect, before");
	await l.click("#signers-of .go");
	await l.sees(`${button} === 'Freeze' && !/it signs nothing new/.test(${owner}.innerText)`, "the signer that signs again");
	await l.sees("/signs again/.test(document.querySelector('#signers-of .done')?.innerText)", "that it was done");
	assert.equal(await page.run("document.activeElement.innerText"), "Freeze");

	// and the batch that a life is sent in
	await page.run("[...document.querySelectorAll('.list .turn')].find((b) => / sent/.test(b.getAttribute('aria-label'))).click()");
	await l.sees("document.querySelectorAll('.list .story .act').length === 2", "its acts");
	const [sent] = s.doc.lives.rows.filter((x) => x.state === "sent");
	assert.deepEqual(await page.run("[...document.querySelectorAll('.list .story .act')].map((b) => [b.innerText, b.getAttribute('aria-label')])"), ["Cancel", "Resend"].map((w) => Array(2).fill(`${w} batch ${sent.batch}`)));
	await l.click(".list .story .act");
	await l.sees("/^Cancel batch/.test(document.querySelector('.list .effect p')?.innerText)", "its effect, before");
	await l.click(".list .effect .go");
	await l.sees("document.querySelector('.list .effect .done')", "that it was done");
	await l.key("Escape");
	await page.run("document.activeElement.blur()");
	assert.deepEqual(s.acts.slice(1), [{ act: "freeze", of: "owner" }, { act: "thaw", of: "owner" }, { act: "cancel", of: String(sent.batch) }]);
	assert.equal(await page.run(`JSON.stringify([Object.entries(localStorage), Object.entries(sessionStorage), document.cookie, location.href]).includes(${JSON.stringify(token)})`), false);

	// what others wrote is text
	const evil = "<img src=x onerror=window.hit=1>";
	s.tell({ verdict: { ...s.doc.verdict, lead: `${evil} \\*not bold\\* \`<b>code</b>\`` }, parked: { n: 1, groups: [{ id: "e", tone: "wait", what: evil, n: 1, sub: evil, cause: evil, cure: evil, acts: [], of: "group:e", life: null }] } });
	s.reveal(evil);
	await l.sees(`${keys}.includes(${JSON.stringify(evil)})`, "its line");
	assert.equal(await page.run("document.querySelectorAll('main img, main b b, main code b').length"), 0);
	assert.equal(await l.text("#lead"), `${evil} *not bold* <b>code</b>`);
	assert.equal(await page.run("window.hit === undefined"), true);

	assert.deepEqual(page.logs, []);
	assert.deepEqual(page.errors.slice(0, refused).filter((e) => !/ERR_CONNECTION|ERR_EMPTY|INCOMPLETE/.test(e)).concat(page.errors.slice(refused).filter((e) => !/ERR_CONNECTION|503|401/.test(e))), []);
	assert.deepEqual(page.requests.filter((u) => !u.startsWith(s.url) && !/^(data|about):/.test(u)), []);
}
