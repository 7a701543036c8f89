// sections: parked, first start, chains, signers, routes, programs: each drawn anew when its part of the feed is.
import { actions, offer } from "./acts.js";
import { sample } from "./line.js";
import { signerPlot } from "./plots.js";
import { NB, attr, clock, el, mark, number, rich } from "./words.js";

const $ = (id) => document.getElementById(id);

// ── parked ──
const drawn = new Map(); // group → {text, li}: what stands is kept, with whatever is asked in it
export function parked(p) {
	const list = $("groups"), keep = new Set();
	for (const g of p.groups) {
		keep.add(g.of);
		const text = JSON.stringify(g);
		let d = drawn.get(g.of);
		if (d?.text === text) continue;
		const li = el("li", "", mark(g.tone === "stop" ? "dead" : "parked", g.tone), el("div", "", el("p", "which", /^\d+$/.test(g.life ?? "") ? attr(el("a", "", rich(g.what)), { href: `#lives?${new URLSearchParams({ kind: "parked", life: g.life })}` }) : rich(g.what)), el("p", "sub", rich(g.sub))), el("div", "why", el("p", "", rich(g.cause)), el("p", "", rich(g.cure))));
		const had = d?.li.querySelector(".acts");
		if (g.acts.length) li.append(had ?? actions(g.acts.map((act) => ({ act, of: g.of })), g.what));
		if (d) d.li.replaceWith(li);
		drawn.set(g.of, (d = { text, li }));
	}
	for (const [of, d] of drawn) {
		if (keep.has(of)) continue;
		d.li.remove();
		drawn.delete(of);
	}
	p.groups.forEach((g, i) => {
		const li = drawn.get(g.of).li;
		if (list.children[i] !== li) list.insertBefore(li, list.children[i] ?? null);
	});
	$("no-groups").hidden = p.groups.length > 0;
	const shown = p.groups.reduce((n, g) => n + g.n, 0);
	list.dataset.more = p.n > shown ? `${p.n - shown} more of other causes` : "";
	for (const id of ["nav-parked", "tab-parked"]) $(id).textContent = p.n ? String(p.n) : "";
}

// ── first start ──
export function first(f, item) {
	$("first").hidden = !f;
	$("how").hidden = !f;
	if (!f) return;
	$("make").replaceChildren(...f.make.split(/(^#.*$)/m).map((t) => (t.startsWith("#") ? el("span", "dim", t) : t)));
	$("usual").replaceChildren(...f.usual.map((t) => el("li", "", mark("skipped", "good"), el("p", "", rich(t)))));
	$("ready").replaceChildren(...f.ready.map((r) => el("li", r.tone, mark(r.tone === "good" ? "final" : r.tone === "stop" ? "dead" : "collecting", r.tone === "wait" ? "sea" : r.tone), el("p", "", rich(r.text)))));
	$("how").replaceChildren(...sample(item));
}

// ── tables: on a phone each row is a line of words, by the labels of its cells ──
function table(caption, heads, rows) {
	const head = heads.map(([t, cls]) => attr(el("th", cls ?? "", t), { scope: "col", role: "columnheader" }));
	const body = rows.map((cells) => attr(el("tr", "", ...cells.map((c, i) => {
		const [cls, label] = [heads[i][1] ?? "", heads[i][2]];
		const td = attr(el(i ? "td" : "th", cls, ...[c ?? "–"].flat()), i ? { role: "cell" } : { scope: "row", role: "rowheader" });
		if (label) td.dataset.label = label;
		if (c === null || c === undefined) td.classList.add("absent");
		return td;
	})), { role: "row" }));
	const t = el("table", "", attr(el("caption", "hear", caption)), attr(el("thead", "", attr(el("tr", "", ...head), { role: "row" })), { role: "rowgroup" }), attr(el("tbody", "", ...body), { role: "rowgroup" }));
	return attr(t, { role: "table" });
}
const ms = (v) => (v === null || v === undefined ? null : v < 1000 ? `${v < 10 && v % 1 ? v.toFixed(1) : Math.round(v)}${NB}ms` : v < 10000 ? `${(v / 1000).toFixed(1)}${NB}s` : `${Math.round(v / 1000)}${NB}s`);
const rate = (v) => (v === null ? null : v < 9.95 && v % 1 ? v.toFixed(1) : String(Math.round(v)));

export function chains(list) {
	const heads = [["endpoint"], ["use", "use"], ["head", "r", "head "], ["answers in", "r", "answers in "], ["largest range", "r", "range "], ["calls/min", "r"], ["in words", "words"]];
	$("chains-of").replaceChildren(...list.flatMap((c) => [
		el("p", "chain", el("b", "", c.name), `, chain id ${c.network}. `, rich(c.text)),
		table(`Endpoints of ${c.name}`, heads, c.endpoints.map((e) => [
			[el("b", "", e.name), " ", el("span", "dim", e.host)], e.use,
			e.behind === null ? null : e.behind ? `−${e.behind}` : "+0",
			e.ms === null ? null : el("b", "", ms(e.ms)),
			e.range === null ? null : [number(e.range), e.learned ? ", learned" : ""],
			rate(e.per_min), el("span", `words ${e.tone}`, rich(e.text))]))]));
}

export function routes(list) {
	const heads = [["route"], ["per minute", "r", "per min "], ["half within", "r", "half within "], ["99 % within", "r", `99${NB}% within `], ["from cache", "r", "from cache "], ["refused", "r", "refused "], ["failed", "r", "failed "]];
	if (!list.length) return void $("routes-of").replaceChildren(el("p", "none", "No route was asked yet."));
	$("routes-of").replaceChildren(table("Routes", heads, list.map((r) => [
		el("b", "", r.route), el("b", "", rate(r.per_min)), ms(r.p50), ms(r.p99),
		r.cache === null ? null : `${Math.round(r.cache * 100)}${NB}%`, String(r.refused), el("span", r.failed ? "wait" : "", String(r.failed))])));
}

// ── signers ──
let told = [];
const widths = new ResizeObserver(() => plots());
function plots() {
	for (const [s, box] of told) {
		const W = Math.round(box.clientWidth);
		if (W < 80 || box.made === W) continue;
		box.made = W;
		box.replaceChildren(signerPlot(s, W));
	}
}
export function signers(list) {
	widths.disconnect();
	told = [];
	const stands = new Map([...$("signers-of").querySelectorAll(".acts")].map((a) => [a.dataset.of, a])); // with whatever is asked or said in it
	const may = (s) => s.acts.map((act) => ({ act, of: s.name }));
	for (const s of list) if (stands.has(s.name)) offer(stands.get(s.name), may(s), s.name);
	const at = document.activeElement; // among what is offered now
	$("signers-of").replaceChildren(...list.map((s) => {
		const acts = stands.get(s.name) ?? attr(actions(may(s), s.name), { "data-of": s.name });
		const box = el("div", "hourbox"), short = s.address ? `${s.address.slice(0, 6)}…${s.address.slice(-4)}` : "";
		told.push([s, box]);
		return el("div", `signer ${s.tone}`, el("div", "", el("p", "who", el("b", "", s.name), " ", attr(el("code", "dim", short), { title: s.address })), el("dl", "facts", ...s.facts.flatMap((f) => [el("dt", "", f.name), el("dd", "", rich(f.text))])), acts), box);
	}));
	if (at !== document.activeElement && at.isConnected) at.focus({ preventScroll: true }); // who moves within the page loses it
	if (!list.length) $("signers-of").replaceChildren(el("p", "none", "No signer: this application sends nothing."));
	for (const [, box] of told) widths.observe(box);
	plots();
}

// ── programs ──
export function fleet(list) {
	const n = list.length, odd = list.filter((p) => p.tone === "wait" || p.tone === "stop").length;
	$("fleet").hidden = !n;
	$("fleet-n").textContent = `${n} ${n === 1 ? "program" : "programs"}${odd ? `, ${odd} of them ${odd === 1 ? "waits" : "wait"}` : ", each of them heard from"}`;
	$("fleet-of").replaceChildren(...list.map((p) => el("li", "", el("b", "", p.program), " ", el("span", "dim", `${p.holder} since ${clock(p.since)}`), " ", el("span", p.tone, rich(p.text)))));
}
