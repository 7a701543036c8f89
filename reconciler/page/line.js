// line: one life as one line, wide or on a phone. What stands in the line above already is braced.
import { NB, ago, attr, duration, el, live, mark, now, number, rich, svg, when } from "./words.js";

const BAR_PX = 104, BAR_MS = 66000; // the bar's length, and what it stands for
const flying = { collecting: 1, cut: 1, sent: 1 };
export const settled = (l) => !flying[l.state] && l.state !== "mined" && l.state !== "parked";

// Two lines of one batch whose columns say the same.
export function braced(a, b) {
	return !!a && !a.text && !b.text && a.state === b.state && a.batch === b.batch && (a.batch !== null || (a.state === "collecting" && a.due === b.due))
		&& a.nonce === b.nonce && a.fees.length === b.fees.length && a.fees.every((f, i) => f === b.fees[i]) && a.mined?.block === b.mined?.block && a.depth === b.depth;
}

function fees(l) {
	if (!l.fees.length) return null;
	const out = el("span", "fees");
	const shown = l.fees.length > 4 ? [l.fees[0], "…", ...l.fees.slice(-2)] : l.fees;
	shown.forEach((f, i) => out.append(i ? ` → ` : "", i === shown.length - 1 ? el("span", "ink", f) : f));
	out.append(`${NB}gwei`);
	return out;
}

// Since the first attempt; what flies has no total yet and grows by the clock.
const firstSent = (l) => l.made + (l.ms?.wait ?? 0);
const held = (l, world) => world.held && (l.state === "collecting" || l.state === "cut");

function where(l, world) {
	if (held(l, world)) return el("span", "wait", "waits");
	if (l.state === "collecting") {
		if (!l.due) return el("span", "sea", "collects");
		return live("span", "sea", () => (l.due > now() ? `goes in ${duration(l.due - now())}` : "goes now"));
	}
	if (l.state === "cut") return el("span", "sea", "to be signed");
	if (l.state === "sent") return el("span", "sea", "unmined, ", ago(firstSent(l)));
	return l.mined ? el("span", "", el("span", "dim", `block${NB}`), number(l.mined.block)) : null;
}

function final(l) {
	if (l.state === "final") return "final";
	if (l.state !== "mined" || l.depth === null) return null;
	return l.of ? `${l.depth} of ${l.of}` : `${l.depth} deep`;
}

const total = (l) => l.ms?.total ?? Math.max(0, now() - l.made);

function bar(l) {
	if (!l.ms) return null;
	const g = svg("svg", { class: "flight", width: BAR_PX, height: 6, viewBox: `0 0 ${BAR_PX} 6`, "aria-hidden": "true" });
	const parts = [["wait", l.ms.wait], ["price", l.ms.price], [l.mined ? "way" : "flying", l.ms.total === null ? Math.max(0, total(l) - l.ms.wait - l.ms.price) : l.ms.way]];
	if (flying[l.state] && l.state !== "sent") parts.splice(0, 3, ["wait", total(l)]);
	const px = BAR_PX / Math.max(BAR_MS, parts.reduce((n, p) => n + p[1], 0));
	g.append(svg("path", { class: "track", d: `M0 3H${BAR_PX}` }));
	let x = 0;
	for (const [cls, ms] of parts) {
		const w = Math.max(ms * px, ms > 0 ? 2 : 0);
		if (w > 0) g.append(svg("rect", { class: cls, x: x.toFixed(1), y: 1, height: 4, rx: 1, width: Math.max(1, w - 0.8).toFixed(1) }));
		x += w;
	}
	return g;
}

function told(l) {
	const e = el("span", `told ${l.tone}`);
	e.append(rich(l.text));
	return e;
}

function event(l, above, whole) {
	if (!l.event) return el("span", "c-event dim", "posted · ", when(l.made));
	if (!whole && above?.event && above.event.block === l.event.block) return el("span", "c-event dim", `log ${l.event.log}`);
	return el("span", "c-event dim", number(l.event.block), " · ", when(l.event.at));
}

function key(l) {
	return el("span", `c-key ${l.tone === "stop" ? "stop" : ""}`, mark(l.state, l.tone), el(l.state === "taken" ? "s" : "b", "", l.key));
}

// above: the line over it; repeat: braced to it; last: the last of its brace; whole: prints all of it anyhow
export function wide(l, { above, repeat, last, whole, world }) {
	const cells = [key(l), event(l, above, whole)];
	if (l.text) return [...cells, told(l)];
	if (repeat && !whole) return [...cells, el("span", "c-batch", el("i", last ? "brace end" : "brace"))];
	return [...cells,
		el("span", "c-batch", l.batch === null ? el("span", "dim", "next") : String(l.batch)),
		el("span", "c-nonce", l.nonce === null ? "" : String(l.nonce)),
		el("span", "c-fees dim", fees(l)),
		el("span", "c-mined", where(l, world)),
		el("span", "c-final dim", final(l)),
		el("span", "c-bar", bar(l)),
		l.ms ? live("span", `c-total ${l.ms.price && l.mined ? "slow" : "dim"}`, () => duration(total(l))) : el("span", "c-total")];
}

const ends = { collecting: "", cut: "to be signed", mined: "mined", final: "final", parked: "parked", taken: "taken back", skipped: "nothing to do", dead: "dead" };
export function narrow(l, { world }) {
	let state;
	if (l.state === "sent") state = el("span", "sea", "sent ", ago(firstSent(l)), " ago");
	else if (l.state === "collecting") state = where(l, world);
	else state = el("span", l.tone === "still" ? "dim" : l.tone, l.state === "mined" && l.of ? `${l.depth} of ${l.of}` : ends[l.state]);
	const under = el("span", "c-under dim");
	if (l.text) under.append(rich(l.text.replace(/^\*(?:\\.|[^*\\])*\*\s*/, "")));
	else under.append(l.batch === null ? "next batch" : `batch ${l.batch}`, l.fees.length ? " · " : "", fees(l) ?? "");
	if (!l.mined || !l.ms) return [key(l), el("span", "c-state", state), attr(under, { class: "c-under dim alone" })];
	return [key(l), el("span", "c-state", state), under, el("span", "c-total dim", duration(total(l)))];
}

export const heads = (item) => [[item, "c-key"], ["event", "c-event"], ["batch", "c-batch"], ["nonce", "c-nonce"], ["offered for gas", "c-fees"], ["mined", "c-mined"], ["final", "c-final"], ["event to mined", "c-bar"]].map(([t, c]) => el("span", c, t));

// How to read a line: shown until there is one.
export function sample(item) {
	const l = { id: "", key: "42", state: "final", tone: "still", event: { block: 26471883, log: 2, at: now() }, batch: 1, nonce: 7, fees: ["18.00", "20.25"], due: null, mined: { block: 26471886, at: now() }, depth: 12, of: 12, made: now(), ms: { wait: 2000, price: 20000, way: 14000, total: 36000 }, text: null };
	const words = [["c-key", `The ${item}, and how far it has come`], ["c-event", "Its event: block and time"], ["c-batch", "The batch it left in"], ["c-nonce", "Its place in the signer's order"], ["c-fees", "What we offered for gas; an arrow is a replacement at a higher price"], ["c-mined", "Where it was mined"], ["c-final", "Can it still be undone?"], ["c-bar", "Event to mined: waiting, priced out, under way"]];
	l.event.at = l.made;
	const line = el("div", "line", ...wide(l, { world: {} }), mark("chevron", "chevron"));
	return [line, el("div", "line words", ...words.map(([c, t]) => el("span", c, t)))];
}
