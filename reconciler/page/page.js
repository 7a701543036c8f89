// The live page. Its tour: this file takes the feed (feed.h is the contract), keeps the document, and hands each part
// to who draws it: the verdict and the bar here, river.js, sections.js, lives.js with line.js and story.js, plots.js.
import * as acts from "./acts.js";
import { heads } from "./line.js";
import { Lives } from "./lives.js";
import { drawDay, drawStrip } from "./plots.js";
import { River } from "./river.js";
import * as sections from "./sections.js";
import { attr, clock, duration, el, now, number, put, refresh, rich, say, setNow, svg } from "./words.js";

const OLD_MS = 3000, MUTE_MS = 6000, ASK_MS = 5000;
const $ = (id) => document.getElementById(id);
const doc = {};
let lastWord = performance.now(), heardOnce = false, feed, strip = null;

// ── the feed ──
function listen() {
	feed?.close();
	feed = new EventSource("/_fairlead/feed");
	feed.addEventListener("figures", (e) => hear(JSON.parse(e.data)));
	feed.onerror = () => {
		if (feed.readyState === EventSource.CLOSED) setTimeout(listen, 1000); // refused: 503 while it starts
	};
}

function hear(part) {
	lastWord = performance.now();
	Object.assign(doc, part);
	setNow(doc.now);
	if (!heardOnce) lives.anew(); // by the server's clock
	heardOnce = true;
	show(part);
	beat();
}

// A browser has six lines to one server, and a page that nobody sees shall hold none of them: it asks now and then, for
// its title and icon.
let asking;
function seenOrNot(gone) {
	clearInterval(asking);
	if (!gone && !document.hidden) return listen();
	feed?.close();
	if (gone) return;
	asking = setInterval(async () => {
		try {
			const r = await fetch("/_fairlead/figures", { cache: "no-store" });
			if (r.ok && document.hidden) hear(await r.json());
		} catch {
			// beat() tells how long there was no word
		}
	}, ASK_MS);
}
document.addEventListener("visibilitychange", () => seenOrNot(false));
addEventListener("pagehide", () => seenOrNot(true));
addEventListener("pageshow", (e) => e.persisted && seenOrNot(false));

// Once a second: ages, and whether what stands here is still true.
let tried = 0;
function beat() {
	const mute = performance.now() - lastWord, lost = mute > OLD_MS + (document.hidden ? 3 * ASK_MS : 0);
	const stale = doc.as_of !== undefined && (lost || doc.as_of === null || (!document.hidden && now() - doc.as_of > OLD_MS));
	document.body.classList.toggle("stale", stale);
	document.body.classList.toggle("lost-server", lost && heardOnce);
	$("lost").hidden = !lost;
	if (lost) put($("lost"), heardOnce ? `No word from this page's server for ${duration(mute)}` : "This page's server does not answer yet");
	if (!document.hidden && mute > MUTE_MS && performance.now() - tried > MUTE_MS) {
		tried = performance.now();
		listen(); // the line may be dead without an end
	}
	$("clock").replaceChildren(...(stale && doc.as_of ? [el("b", "", `as of ${clock(doc.as_of)}`)] : [clock(now())]), el("span", "dim", " UTC"));
	gloss(stale);
	refresh();
	title(lost);
}

function gloss(stale) {
	const since = doc.as_of ? clock(doc.as_of) : "";
	say($("river-gloss"), doc.river?.note ?? (stale && since ? `Grey figures are from ${since}.` : "The wider the rope, the more waits before the next ring."));
	put($("lives-gloss"), stale && since ? `As they stood at ${since}.` : "One line, one life: from the event to final.");
	$("river-gloss").classList.toggle("wait", stale);
	$("lives-gloss").classList.toggle("wait", stale);
}

const parts = { app: showApp, verdict: showVerdict, day: (d) => drawDay($("day"), d, doc.verdict), river: showRiver, parked: sections.parked, lives: showLives, chains: sections.chains, signers: sections.signers, routes: sections.routes, fleet: sections.fleet, first: showFirst };
function show(part) {
	for (const name in parts) if (name in part) parts[name](part[name]);
}

function showApp(a) {
	put($("app"), a.name + (a.profile ? ` · ${a.profile}` : ""));
	put($("version"), `Fairlead ${a.version}`);
	$("file").replaceChildren(a.file, ...(a.file_at ? [" read ", rich(`{@${a.file_at}} ago`)] : []));
	put($("psql"), a.psql);
	put($("redis"), a.redis);
	$("docs").hidden = !a.docs;
	acts.allow(a.admin);
	$("heads").replaceChildren(...heads(a.item));
}

// ── the verdict ──
let heard = "";
function showVerdict(v) {
	const tone = v.tone;
	document.body.dataset.tone = tone;
	$("vmark").setAttribute("href", `#v-${tone === "well" ? "well" : tone === "sea" ? "sea" : tone}`);
	put($("h1"), v.h1);
	if (say($("lead"), v.lead)) linkParked();
	const calls = [["You", v.you], ["Meanwhile", v.meanwhile], ["Seen", v.seen]].filter((c) => c[1]);
	const key = JSON.stringify(calls);
	if ($("calls").key !== key) {
		$("calls").key = key;
		$("calls").replaceChildren(...calls.flatMap(([name, text]) => [el("dt", "", name), el("dd", "", rich(text))]));
	}
	$("calls").hidden = !calls.length;
	$("others").hidden = !v.others.length;
	$("others").replaceChildren(...v.others.map((o) => el("li", o.tone, rich(o.text))));
	$("brief").replaceChildren(svg("svg", { class: `mark ${tone}`, "aria-hidden": "true" }, svg("use", { href: tone === "well" ? "#m-final" : tone === "sea" ? "#m-collecting" : "#m-stop" })), el("b", "", v.short));
	// Readers hear a verdict once, not each second of its count.
	const same = tone + v.h1.replace(/\d+(\.\d+)?/g, "");
	if (same !== heard) {
		heard = same;
		put($("hear-alert"), tone === "stop" ? v.h1 : "");
		put($("hear-status"), tone === "stop" ? "" : v.h1);
	}
	if (doc.day) drawDay($("day"), doc.day, v);
	showBrief();
}

// What is parked is one step away from the sentence that says so.
function linkParked() {
	for (const b of $("lead").querySelectorAll("b"))
		if (/parked/.test(b.textContent)) b.replaceWith(attr(el("a", "", ...b.childNodes), { href: "#parked" }));
}

const colours = { well: "#1f6b48", sea: "#0a6885", wait: "#b97a08", stop: "#cf3a31", lost: "#80929c" };
let icon = "";
function title(lost) {
	const v = doc.verdict;
	if (!v) return;
	const tone = lost ? "lost" : v.tone, name = doc.app?.name ?? "";
	put(document.querySelector("title"), lost ? `? ${name} · Fairlead` : tone === "stop" || tone === "wait" ? `▲ ${v.short} · ${name}` : `${v.short} · ${name}`);
	if (icon === tone) return;
	icon = tone;
	const shape = tone === "stop" || tone === "wait" ? "<path d='M8 1 15.5 15H.5z' fill='C'/><path d='M8 6v4m0 1.6v1.4' stroke='#fff' stroke-width='1.8'/>" : "<ellipse cx='8' cy='8' rx='3.4' ry='7' fill='none' stroke='C' stroke-width='2'/><path d='M0 10c4 0 4-4 8-4m0 0c4 0 4 4 8 4' stroke='C' stroke-width='2' fill='none'/>";
	$("icon").href = `data:image/svg+xml,${encodeURIComponent(`<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'>${shape.replaceAll("C", colours[tone] ?? colours.sea)}</svg>`)}`;
}

// ── river ──
const river = new River($("stages"));
function showRiver(r) {
	river.show(r);
	const under = JSON.stringify(r.under);
	if ($("under").key !== under) {
		$("under").key = under;
		$("under").replaceChildren(...r.under.map((u) => el("li", u.tone, el("h3", "", u.tone === "stop" ? svg("svg", { class: "mark stop", "aria-hidden": "true" }, svg("use", { href: "#m-stop" })) : null, u.name, u.sub ? el("span", "sub", u.sub) : null), el("p", "", rich(u.text)))));
	}
	const held = !!(r.rings[2]?.closed || r.rings[3]?.closed);
	if (lives.world.held !== held) {
		lives.world = { held };
		lives.anew();
	}
}

function showFirst(f) {
	document.body.classList.toggle("first", !!f);
	sections.first(f, doc.app?.item ?? "item");
}

// ── lives ──
const kinds = [["all", "All"], ["flight", "In flight"], ["odd", "Unusual"], ["parked", "Parked"], ["taken", "Taken back"]];
const lives = new Lives($("list"), $("newer"), { changed: viewChanged, place });
lives.headAt = () => ($("heads").offsetParent ? $("heads").getBoundingClientRect().bottom : document.querySelector(".bar").getBoundingClientRect().bottom);

for (const [kind, name] of kinds) {
	const b = attr(el("button", "", name, el("span", "count")), { type: "button", "data-kind": kind, "aria-pressed": "false" });
	b.addEventListener("click", () => go(`#lives?${new URLSearchParams({ kind, ...($("q").value.trim() ? { q: $("q").value.trim() } : {}) })}`));
	$("kinds").append(b);
}

function showLives(l) {
	for (const b of $("kinds").children) b.lastChild.replaceChildren(number(l.counts[b.dataset.kind]));
	$("all-lives").replaceChildren("All ", number(l.counts.all), l.counts.all === 1 ? " life" : " lives");
	if (lives.all) lives.follow(l.rows);
	else lives.few(l.rows, l.counts.all);
	lives.readAgain(l.rows);
	viewChanged();
}

let moving;
function inView() {
	moving = undefined;
	if (!strip || !lives.all || !lives.seenTo) return;
	const { seenFrom: from, seenTo: to } = lives;
	$("strip").show?.({ from, to });
	attr($("strip"), { "aria-valuenow": String(Math.round(to)), "aria-valuetext": `In view: ${clock(from)} to ${clock(to)} UTC, ${new Date(to).toISOString().slice(0, 10)}` });
}

function viewChanged(scrolled) {
	if (scrolled) {
		moving ??= setTimeout(inView, 80); // not each frame
		return;
	}
	const n = lives.waiting.length, all = lives.all;
	$("newer").hidden = !n;
	put($("newer"), `${n} new`);
	const none = $("no-lives"), empty = !lives.rows.length && (all ? !lives.loading : !doc.first);
	none.hidden = !(empty || (all && lives.trouble));
	if (lives.trouble && all) put(none, lives.trouble === "503" ? "PostgreSQL keeps the lives and does not answer now. Nothing is lost; they come back with it." : "The lives could not be read. They are asked for again.");
	else if (empty && all && lives.q) put(none, `No life matches “${lives.q}”. A key, a hash, a block, “batch 41397” or a state finds one.`);
	else put(none, all && lives.kind !== "all" ? "None." : "No life yet.");
	attr($("h-lives"), { role: all ? "heading" : null, "aria-level": all ? "1" : null });
	if (!all) return void $("h-lives").replaceChildren("Lives");
	const of = lives.total, whole = doc.lives?.counts.all ?? null;
	const told = el("span", "of");
	if (of === null) told.append(`${lives.rows.length}${lives.more ? " and more" : ""} found, newest first`);
	else if (whole !== null && of !== whole) told.append(number(of), " of ", number(whole), ", newest first");
	else told.append(number(of), ", newest first");
	$("h-lives").replaceChildren("Lives ", told);
}

// ── the strip of all time ──
async function readStrip() {
	const W = Math.round($("strip").clientWidth || document.documentElement.clientWidth - 72);
	try {
		const r = await fetch(`/_fairlead/strip?bars=${Math.min(1000, Math.max(20, Math.floor(W / 5)))}`, { cache: "no-store" });
		if (!r.ok) throw new Error(String(r.status));
		strip = await r.json();
	} catch {
		strip = null;
	}
	const few = (strip?.bars.length ?? 0) < 4; // the list itself shows as much
	$("strip").hidden = few;
	if (few) return;
	drawStrip($("strip"), strip, lives.seenTo ? { from: lives.seenFrom, to: lives.seenTo } : null, $("strip").clientWidth);
	attr($("strip"), { role: "slider", tabindex: "0", "aria-label": "All time: jump to a moment", "aria-valuemin": strip.from, "aria-valuemax": strip.to, "aria-valuenow": Math.round(lives.seenTo ?? strip.to) });
}

// How many lives of this kind lie above bar i, as far as the bars tell.
function above(i) {
	const column = { all: 1, parked: 2, taken: 3 }[lives.kind] ?? 1;
	let n = 0;
	for (let k = strip.bars.length - 1; k > i; k--) n += strip.bars[k][column];
	if (lives.kind === "all" || lives.kind === "parked" || lives.kind === "taken") return n;
	const all = strip.bars.reduce((s, b) => s + b[1], 0) || 1;
	return Math.round((n / all) * (lives.total ?? 0));
}

// A cursor near the index-th newest: between the newest ids of two bars.
function place(index) {
	if (!strip?.bars.length || lives.q) return null;
	for (let i = strip.bars.length - 1; i >= 0; i--) {
		const from = above(i), to = i ? above(i - 1) : (lives.total ?? from + 1), id = strip.bars[i][4];
		if (index >= to || id === null) continue;
		let older = i - 1;
		while (older >= 0 && strip.bars[older][4] === null) older--;
		const top = BigInt(id) + 1n, low = older >= 0 ? BigInt(strip.bars[older][4]) : 0n;
		const part = Math.min(1, Math.max(0, (index - from) / Math.max(1, to - from)));
		return String(top - BigInt(Math.round(Number(top - low) * part)));
	}
	return null;
}

async function jump(i) {
	i = Math.min(strip.bars.length - 1, Math.max(0, i));
	const index = above(i), newest = i === strip.bars.length - 1;
	while (i >= 0 && strip.bars[i][4] === null) i--;
	lives.foldAll();
	if (newest || i < 0) await lives.load();
	else await lives.load({ before: String(BigInt(strip.bars[i][4]) + 1n) }, lives.q ? 0 : index);
	scrollTo(0, Math.max(0, $("list").getBoundingClientRect().top + scrollY + lives.base - lives.headAt()));
}
$("strip").addEventListener("click", (e) => {
	const box = $("strip").getBoundingClientRect();
	jump(Math.floor(((e.clientX - box.left) / box.width) * strip.bars.length));
});
$("strip").addEventListener("keydown", (e) => {
	const step = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10, Home: -1e6, End: 1e6 }[e.key];
	if (!step || !strip) return;
	e.preventDefault();
	const at = Math.floor((((lives.seenTo ?? strip.to) - strip.from) / (strip.to - strip.from || 1)) * strip.bars.length);
	jump(Math.min(at, strip.bars.length - 1) + step);
});
let wide = innerWidth;
addEventListener("resize", () => {
	if (wide === innerWidth || !lives.all) return;
	wide = innerWidth;
	readStrip();
});

// ── views ──
function go(hash) {
	if (location.hash === hash) route();
	else location.hash = hash;
}

function route() {
	const [name, words] = location.hash.slice(1).split("?"), all = name === "lives", was = lives.all;
	const p = new URLSearchParams(words ?? "");
	document.body.dataset.view = all ? "lives" : "now";
	for (const a of document.querySelectorAll("#nav a, #tabs a")) attr(a, { "aria-current": a.hash === `#${all ? "lives" : ["parked", "chains", "signers", "routes"].includes(name) ? name : "now"}` ? "true" : null });
	lives.all = all;
	$("heads").classList.toggle("sticky", all);
	const kind = all ? (kinds.find(([k]) => k === p.get("kind"))?.[0] ?? "all") : "all", q = all ? (p.get("q") ?? "") : "";
	if ($("q").value.trim() !== q) $("q").value = q;
	for (const b of $("kinds").children) attr(b, { "aria-pressed": String(b.dataset.kind === kind) });
	const chosen = $("kinds").querySelector("[aria-pressed=true]");
	$("kinds").scrollLeft = chosen.offsetLeft - $("kinds").offsetLeft - 40;
	showBrief();
	const life = all && /^\d+$/.test(p.get("life") ?? "") ? p.get("life") : null;
	if (all && (!was || lives.kind !== kind || lives.q !== q || life)) {
		Object.assign(lives, { kind, q });
		if (!was) {
			lives.open.clear();
			lives.set([], { total: null, index: 0, more: false, newest: true });
			lives.again();
			readStrip();
		}
		lives.loading = true;
		scrollTo(0, 0);
		lives.load().then((ok) => ok && life && lives.showOne(life));
	} else if (!all) {
		if (was) {
			lives.open.clear();
			lives.trouble = null;
			lives.rows = [];
		}
		lives.kind = "all";
		if (doc.lives) showLives(doc.lives);
		river.draw();
		const section = name && name !== "now" ? $(name) : null;
		if (section?.matches("section")) section.scrollIntoView();
		else scrollTo(0, 0);
	}
}
addEventListener("hashchange", route);

// A view that could not be read is asked for again.
setInterval(() => {
	if (lives.all && lives.trouble && !lives.loading) lives.load().then((ok) => ok && !strip && readStrip());
}, 2000);

let typing;
$("q").addEventListener("input", () => {
	clearTimeout(typing);
	typing = setTimeout(() => {
		const q = $("q").value.trim(), kind = lives.all ? lives.kind : "all";
		const hash = `#lives?${new URLSearchParams({ kind, ...(q ? { q } : {}) })}`;
		if (!q && !lives.all) return;
		if (lives.all) {
			history.replaceState(null, "", hash);
			route();
		} else {
			location.hash = hash;
		}
	}, 180);
});

// ── the bar ──
const fold = new IntersectionObserver((seen) => {
	fold.away = !seen.at(-1).isIntersecting;
	showBrief();
}, { rootMargin: "-54px 0px 0px 0px" });
fold.observe($("h1"));
function showBrief() {
	$("brief").hidden = !doc.verdict || !(lives.all || fold.away);
}

const dark = matchMedia("(prefers-color-scheme: dark)");
function themed() {
	const root = document.documentElement, is = root.dataset.theme ?? (dark.matches ? "dark" : "light");
	attr($("theme"), { "aria-label": `To the ${is === "dark" ? "light" : "dark"} theme`, title: is === "dark" ? "Light" : "Dark" });
	return is;
}
$("theme").addEventListener("click", () => {
	const to = themed() === "dark" ? "light" : "dark", own = to === (dark.matches ? "dark" : "light");
	if (own) delete document.documentElement.dataset.theme;
	else document.documentElement.dataset.theme = to;
	try {
		if (own) localStorage.removeItem("fairlead-theme");
		else localStorage.setItem("fairlead-theme", to);
	} catch {
		// it holds for this visit
	}
	themed();
});
dark.addEventListener("change", themed);

// ── keys ──
const places = ["#now", "#lives", "#parked", "#chains", "#signers", "#routes"];
addEventListener("keydown", (e) => {
	if (e.ctrlKey || e.metaKey || e.altKey || document.querySelector("dialog[open]")) return;
	const writes = e.target.matches?.("input, textarea");
	if (e.key === "Escape") return leave(e);
	if (writes) {
		if ((e.key === "ArrowDown" || e.key === "Enter") && e.target === $("q")) lives.move(0);
		return;
	}
	const place = places[Number(e.key) - 1];
	if (e.key === "/") $("q").focus(), $("q").select();
	else if (e.key === "j") lives.move(1);
	else if (e.key === "k") lives.move(-1);
	else if (e.key === "?") $("keys").showModal();
	else if (place) go(place);
	else return;
	e.preventDefault();
});

function leave(e) {
	const li = document.activeElement.closest?.(".list li"), open = li?.classList.contains("open");
	if (open) {
		lives.turn(li.dataset.id);
		li.querySelector(".turn").focus();
	} else if (document.activeElement === $("q")) {
		if ($("q").value) {
			$("q").value = "";
			$("q").dispatchEvent(new Event("input"));
		} else {
			$("q").blur();
		}
	} else if (!lives.foldAll() && lives.all) {
		go("#now");
	}
	e.preventDefault();
}

acts.setUp();
themed();
route();
seenOrNot(false);
setInterval(beat, 1000);
