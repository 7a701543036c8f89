// plots: a day, a life's price against the base fee, a signer's hour. SVG; each carries its sentence.
import { clock, duration, el, now, rich, svg } from "./words.js";

const path = (points) => points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
// A line that holds its value until the next one is known.
function steps(points, to) {
	let d = "";
	points.forEach(([x, y], i) => (d += i ? `H${x.toFixed(1)}V${y.toFixed(1)}` : `M${x.toFixed(1)} ${y.toFixed(1)}`));
	return `${d}H${to.toFixed(1)}`;
}
const text = (x, y, cls, words, anchor = "start") => svg("text", { x: x.toFixed(1), y: y.toFixed(1), class: cls, "text-anchor": anchor }, words);

// ── the last 24 hours ──
export function drawDay(figure, d, verdict) {
	const W = 384, H = 34, n = d.lives.length;
	const most = Math.max(1, ...d.lives), stopped = verdict.tone === "stop";
	const g = svg("svg", { viewBox: `0 0 ${W} ${H + 8}`, preserveAspectRatio: "none", "aria-hidden": "true" });
	if (!n) g.append(svg("path", { class: "dots", d: `M0 ${H}H${W}` }));
	const step = W / 96;
	d.lives.forEach((v, i) => {
		const h = v ? Math.max(1.5, (v / most) * H * 0.85) : 0.6;
		const last = stopped && i === n - 1;
		g.append(svg("rect", { class: last ? "stop" : "bar", x: (W - (n - i) * step).toFixed(1), width: step * 0.66, y: last ? 0 : (H - h).toFixed(1), height: last ? H : h.toFixed(1) }));
	});
	for (const m of d.marks) {
		const x = ((m.at - d.from) / (96 * d.step)) * W, w = Math.max(5, ((m.ms ?? 0) / (96 * d.step)) * W);
		if (x >= -w && x <= W) g.append(svg("rect", { class: m.tone, x: Math.min(x, W - w).toFixed(1), y: H + 4, width: w.toFixed(1), height: 3, rx: 1.5 }, svg("title", {}, m.text)));
	}
	if (stopped) g.append(svg("rect", { class: "stop", x: W - 5, y: H + 4, width: 5, height: 3, rx: 1.5 }));
	const words = el("figcaption", "");
	words.append(rich(d.text));
	figure.replaceChildren(g, el("div", "axis", el("span", "", n ? "24 h ago" : d.from ? `started ${clock(d.from)}` : ""), el("span", "", "now")), words);
}

// ── scales of gwei ──
function ticks(lo, hi, most) {
	const raw = (hi - lo) / most || 1, mag = 10 ** Math.floor(Math.log10(raw));
	const step = [1, 2, 5, 10].map((k) => k * mag).find((k) => k >= raw);
	const out = [];
	for (let v = Math.ceil(lo / step) * step; v <= hi + step / 1e6; v += step) out.push(v);
	return { out, places: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
}
function frame(values, W, H, left, top, most) {
	let lo = Math.min(...values), hi = Math.max(...values);
	const room = (hi - lo) * 0.12 || hi * 0.1 || 1;
	lo = Math.max(0, lo - room * 2.4);
	hi += room;
	const y = (v) => top + (H - top) * (1 - (v - lo) / (hi - lo));
	const grid = svg("g", {}), t = ticks(lo, hi, most);
	for (const v of t.out) grid.append(svg("path", { class: "grid", d: `M${left} ${y(v).toFixed(1)}H${W}` }), text(left - 8, y(v) + 4, "axis", v.toFixed(t.places), "end"));
	return { y, lo, hi, grid };
}

// ── one life: what was offered, beside the base fee ──
export function storyPlot(p) {
	const W = 400, H = 112, left = 34, top = 22;
	const base = p.base.map(([t, v]) => [t, Number(v)]), offers = p.offers.map(([a, b, v, tone]) => [a, b, Number(v), tone, v]);
	const { y, grid } = frame([...base, ...offers.map((o) => [0, o[2]])].map((b) => b[1]), W, H, left, top, 3);
	const x = (t) => left + ((Math.min(Math.max(t, p.from), p.to) - p.from) / (p.to - p.from || 1)) * (W - left);
	const g = svg("svg", { class: "plot", viewBox: `0 0 ${W} ${H + 20}`, role: "img" }, grid);
	if (base.length) {
		const d = steps(base.map(([t, v]) => [x(t), y(v)]), W);
		g.append(svg("path", { class: "area", d: `${d}V${H}H${x(base[0][0]).toFixed(1)}Z` }), svg("path", { class: "base", d }), text(left + 5, H - 6, "label", "base fee"));
	}
	let end = -99;
	offers.forEach(([a, b, v, tone, words]) => {
		const x0 = x(a), x1 = Math.max(x(b), x0 + 6);
		g.append(svg("path", { class: `offer ${tone}`, d: `M${x0.toFixed(1)} ${y(v).toFixed(1)}H${x1.toFixed(1)}` }));
		if (x0 - end > 36) g.append(text(Math.min(x0, W - 34), y(v) - 6, "value", words)), (end = x0);
	});
	if (p.paid) {
		const px = x(p.paid[0]), py = y(Number(p.paid[1])), words = `paid ${p.paid[1]}`, right = px + 8 + words.length * 6.4 < W;
		g.append(svg("circle", { class: "paid", cx: px.toFixed(1), cy: py.toFixed(1), r: 3.5 }), text(right ? px + 8 : px - 8, py + (right ? 4 : 16), "value", words, right ? "start" : "end"));
	}
	g.append(text(left, H + 16, "axis", clock(p.from)), text(W, H + 16, "axis", clock(p.to), "end"));
	g.setAttribute("aria-label", `Offered ${offers.map((o) => o[4]).join(", then ")} gwei; the base fee went from ${p.base[0]?.[1] ?? "unknown"} to ${p.base.at(-1)?.[1] ?? "unknown"}${p.paid ? `; paid ${p.paid[1]}` : ""}.`);
	return g;
}

// ── a signer's hour ──
export function signerPlot(s, W) {
	const H = 132, left = 34, top = 26, phone = W < 520, to = now();
	const from = Math.max(to - 3600000, Math.min(to - 60000, ...[s.base, s.paid, s.raised, s.open].flatMap((list) => list.slice(0, 1).map((p) => p[0]))));
	const since = (list) => list.filter((p) => p[0] >= from);
	s = { ...s, base: s.base.filter((b, i) => b[0] >= from || s.base[i + 1]?.[0] >= from), paid: since(s.paid), raised: since(s.raised), open: since(s.open) };
	const nums = (list, at = 1) => list.map((b) => Number(b[at]));
	const values = [...nums(s.base), ...nums(s.paid), ...nums(s.open), ...nums(s.raised, 2)];
	if (!values.length) return el("p", "none", "No block and no transaction in the last hour.");
	const cap = s.cap === null ? null : Number(s.cap), most = Math.max(...values), inside = cap !== null && cap < most * 1.6;
	const { y, grid } = frame(inside ? [...values, cap] : values, W, H, left, top, 4);
	const x = (t) => left + ((Math.max(t, from) - from) / (to - from || 1)) * (W - left - 6);
	const g = svg("svg", { class: "plot hour", viewBox: `0 0 ${W} ${H + 20}`, width: W, height: H + 20, role: "img" }, grid, text(left - 8, 12, "axis", "gwei", "end"));
	const base = s.base.map(([t, v]) => [x(t), y(Number(v))]);
	if (base.length > 1) g.append(svg("path", { class: "area", d: `${path(base)}H${W - 6}V${H}H${base[0][0].toFixed(1)}Z` }), svg("path", { class: "base", d: `${path(base)}H${W - 6}` }), text(left + 5, H - 6, "label", "base fee"));
	for (const [t, a, b] of s.raised) g.append(svg("path", { class: "raised", d: `M${(x(t) - 4).toFixed(1)} ${y(Number(a)).toFixed(1)}h4V${y(Number(b)).toFixed(1)}h3` }));
	for (const [t, v] of s.paid) g.append(svg("circle", { class: "dot", cx: x(t).toFixed(1), cy: y(Number(v)).toFixed(1), r: 2.2 }));
	for (const [t, v] of s.open) g.append(svg("circle", { class: "open", cx: Math.min(x(t), W - 5).toFixed(1), cy: y(Number(v)).toFixed(1), r: 3 }));
	if (s.paid.length) g.append(text(left + 5, Math.max(top + 10, y(Math.max(...s.paid.filter((p) => x(p[0]) < left + 95).map((p) => Number(p[1])), Number(s.paid[0][1]))) - 8), "label ours", "what we paid"));
	const raisedTo = s.raised.length ? s.raised.reduce((m, r) => (Number(r[2]) > Number(m[2]) ? r : m)) : null;
	let taken = W;
	if (raisedTo) {
		const words = s.raised.length === 1 ? `price raised once, to ${raisedTo[2]}` : `price raised ${s.raised.length} times, up to ${raisedTo[2]}`;
		const at = Math.max(x(raisedTo[0]), left + words.length * 6.2 + 40);
		g.append(text(at - 8, 14, "value", words, "end"));
		taken = at - 8 - words.length * 6.4;
	}
	if (inside) g.append(svg("path", { class: "cap", d: `M${left} ${y(cap).toFixed(1)}H${W - 6}` }), text(left + 5, y(cap) - 5, "label amber", "our cap"));
	else if (cap !== null && !phone && taken - left > 250) g.append(text(left + 30, 14, "label", `our cap, ${s.cap.replace(/\.00$/, "")} gwei, is far above this picture`));
	g.append(text(left, H + 16, "axis", `${duration(to - from)} ago`.replace("60\u00a0min", "1\u00a0h")), text(W - 6, H + 16, "axis", "now", "end"));
	g.setAttribute("aria-label", `Base fee an hour back: ${s.base[0]?.[1] ?? "unknown"} gwei, now ${s.base.at(-1)?.[1] ?? "unknown"}. Paid ${s.paid.length} times, last ${s.paid.at(-1)?.[1] ?? "never"}. Raised ${s.raised.length} times. ${s.cap === null ? "" : `Our cap is ${s.cap}.`}`);
	return g;
}

// ── all time ──
// bars: [[at, lives, parked, taken, id]…], oldest first; view: {from, to} in ms, or null
export function drawStrip(box, s, view, W) {
	const H = 36, n = s.bars.length, step = W / Math.max(1, n), most = Math.max(1, ...s.bars.map((b) => b[1]));
	const g = svg("svg", { viewBox: `0 0 ${W} 62`, width: W, height: 62, "aria-hidden": "true" });
	let d = "";
	s.bars.forEach((b, i) => {
		const h = b[1] ? Math.max(1.5, (b[1] / most) * H) : 0.5;
		d += `M${(i * step).toFixed(1)} ${H}v${(-h).toFixed(1)}h${Math.max(0.8, step - 1).toFixed(1)}v${h.toFixed(1)}z`;
		if (b[2]) g.append(svg("circle", { class: "wait", cx: ((i + 0.5) * step).toFixed(1), cy: H + 8, r: 2.2 }));
		if (b[3]) g.append(svg("circle", { class: "gone", cx: ((i + (b[2] ? 0.1 : 0.5)) * step).toFixed(1), cy: H + 8, r: 2.2 }));
	});
	g.prepend(svg("path", { class: "bar", d }));
	axis(g, s, W, H + 24);
	const x = (t) => ((t - s.from) / (s.to - s.from || 1)) * W;
	const w = svg("rect", { class: "view", rx: 3, y: -1, height: H + 15 });
	g.append(w);
	box.replaceChildren(g);
	box.show = (v) => {
		const a = Math.max(1, Math.min(x(v.from), W - 9)), b = Math.max(a + 8, Math.min(x(v.to), W - 1));
		w.setAttribute("x", a.toFixed(1));
		w.setAttribute("width", (b - a).toFixed(1));
	};
	if (view) box.show(view);
}

const months = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", day: "numeric", month: "long" });
function axis(g, s, W, at) {
	const span = s.to - s.from, units = [60000, 300000, 900000, 3600000, 3 * 3600000, 6 * 3600000, 86400000, 7 * 86400000, 28 * 86400000, 91 * 86400000, 364 * 86400000];
	const unit = units.find((u) => (span / u) * 62 < W) ?? units.at(-1);
	let end = -99;
	for (let t = Math.ceil(s.from / unit) * unit; t < s.to; t += unit) {
		const x = ((t - s.from) / span) * W, first = end < 0 || (unit >= 86400000 && new Date(t).getUTCDate() <= unit / 86400000);
		const words = unit >= 86400000 ? (first || unit > 86400000 ? months.format(t) : String(new Date(t).getUTCDate())) : clock(t).slice(0, 5);
		const wide = words.length * 6.5;
		if (x < end + 8 || x + wide / 2 > W - 32 || x - wide / 2 < 0) continue;
		g.append(text(x, at, "axis", words, "middle"));
		end = x + wide / 2;
	}
	g.append(text(W, at, "axis", "now", "end"));
}
