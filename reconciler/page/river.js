// river: one rope through five rings. Its width is what waits before the next ring; dammed it is amber, dry it is dotted.
import { el, rich, say, svg } from "./words.js";

const names = ["Chain", "Listener", "Batcher", "Submitters", "Chain mined"];

export class River {
	constructor(list) {
		this.list = list;
		this.svg = svg("svg", { class: "rope", "aria-hidden": "true" });
		this.stages = names.map(() => {
			const s = { gap: el("p", "gap"), name: el("h3"), lines: el("p", "lines"), words: el("p", "says") };
			s.li = el("li", "", s.gap, el("div", "stage", s.name, s.lines, s.words));
			return s;
		});
		list.append(el("li", "draw", this.svg), ...this.stages.map((s) => s.li));
		list.firstChild.setAttribute("role", "presentation");
		list.firstChild.setAttribute("aria-hidden", "true");
		new ResizeObserver(() => this.draw()).observe(list);
		new IntersectionObserver((seen) => this.svg.classList.toggle("still", !seen.at(-1).isIntersecting)).observe(list);
	}

	show(river) {
		this.river = river;
		river.rings.forEach((r, i) => {
			const s = this.stages[i], gap = river.gaps[i];
			if (s.titled !== r.name + r.sub) {
				s.titled = r.name + r.sub;
				s.name.replaceChildren(r.name, r.sub ? el("span", "sub", r.sub) : "");
			}
			const joined = r.lines.join("\n");
			if (s.lined !== joined) {
				s.lined = joined;
				s.lines.replaceChildren(...r.lines.map((l) => el("span", "", rich(l))));
			}
			say(s.words, r.say);
			s.words.className = `says ${r.tone}`;
			say(s.gap, gap.text);
			s.gap.className = `gap ${gap.state}`;
			s.li.className = r.tone === "still" ? "still" : "";
		});
		this.draw();
	}

	// Where the rings stand, along the rope and across it: in a row, on a phone one below the other.
	draw() {
		const W = this.list.clientWidth, H = this.list.clientHeight;
		if (!this.river || !W || !H) return;
		const upright = getComputedStyle(this.list).getPropertyValue("--upright").trim() === "1";
		const from = this.list.getBoundingClientRect();
		const rings = this.stages.map((s) => (upright ? s.name.getBoundingClientRect().top - from.top + 9 : s.li.getBoundingClientRect().left - from.left + 6));
		const end = upright ? H : W, key = JSON.stringify([this.river.gaps.map((g) => [g.n, g.state]), this.river.rings.map((r) => [r.closed, r.tone]), rings.map(Math.round), W, upright]);
		if (key === this.key) return;
		this.key = key;
		const across = upright ? 22 : 30, at = (p, q) => (upright ? `${(across + q).toFixed(1)} ${p.toFixed(1)}` : `${p.toFixed(1)} ${(across + q).toFixed(1)}`);
		this.svg.setAttribute("viewBox", upright ? `0 0 44 ${H}` : `0 0 ${W} 60`);
		this.svg.setAttribute("width", upright ? 44 : W);
		this.svg.setAttribute("height", upright ? H : 60);
		const parts = [svg("defs", {}, svg("linearGradient", { id: "fade", ...(upright ? { x1: 0, y1: 0, x2: 0, y2: 1 } : {}) }, svg("stop", { offset: 0.35, "stop-color": "#fff" }), svg("stop", { offset: 1, "stop-color": "#000" })))];
		const fronts = [];
		this.river.gaps.forEach((gap, i) => {
			const a = rings[i], last = i === 4, b = last ? end : rings[i + 1];
			parts.push(this.stretch(gap, a, b, last, at, upright));
		});
		this.river.rings.forEach((r, i) => {
			const [back, front] = ring(rings[i], at, upright, r.closed || r.tone === "wait" ? "wait" : r.tone === "stop" ? "stop" : "");
			parts.push(back);
			fronts.push(front);
		});
		// The back of a ring lies behind the rope, its front before it.
		const backs = parts.splice(6);
		this.svg.replaceChildren(parts[0], ...backs, ...parts.slice(1), ...fronts);
	}

	stretch(gap, a, b, last, at, upright) {
		const g = svg("g", { class: `stretch ${gap.state}` });
		if (gap.state === "dry") {
			g.append(svg("path", { class: "dotted", d: `M${at(a + 12, 0)}L${at(b - (last ? 0 : 12), 0)}` }));
			return g;
		}
		const dammed = gap.state === "dammed";
		const room = upright ? 15 : 26;
		const w = Math.min(room, (2.4 + 4.6 * Math.log(1 + gap.n)) * (dammed ? 1.55 : 1) * (upright ? 0.62 : 1));
		if (gap.n === 0) {
			g.append(svg("path", { class: "core", d: `M${at(a, 0)}L${at(b, 0)}` }));
			if (last) g.setAttribute("mask", this.mask(a, b, upright));
			else g.append(svg("path", { class: "beads slow", d: `M${at(a, 0)}L${at(b, 0)}` }));
			return g;
		}
		const n = Math.min(15, Math.max(5, Math.round(w / 1.8) | 1)), L = b - a;
		const curve = (q) => {
			if (last) return `M${at(a, q * 0.08)}C${at(a + L * 0.22, q * 0.1)} ${at(a + L * 0.3, q)} ${at(a + L * 0.55, q)}L${at(b, q)}`;
			if (dammed) return `M${at(a, q * 0.06)}C${at(a + L * 0.25, q * 0.12)} ${at(a + L * 0.4, q)} ${at(a + L * 0.62, q)}L${at(b - 14, q)}C${at(b - 5, q)} ${at(b - 2, q * 0.5)} ${at(b, q * 0.3)}`;
			return `M${at(a, q * 0.08)}C${at(a + L * 0.2, q * 0.1)} ${at(a + L * 0.22, q)} ${at(a + L * 0.4, q)}L${at(a + L * 0.62, q)}C${at(a + L * 0.8, q)} ${at(b - L * 0.18, q * 0.1)} ${at(b, q * 0.08)}`;
		};
		// The rope's body: its upper edge there, its lower edge back (as two fills, so no path need be turned).
		g.append(svg("path", { class: "body", d: `${curve(w)}L${at(b, 0)}L${at(a, 0)}Z` }), svg("path", { class: "body", d: `${curve(-w)}L${at(b, 0)}L${at(a, 0)}Z` }));
		for (let k = 0; k < n; k++) {
			const q = w * ((2 * k) / (n - 1) - 1);
			g.append(svg("path", { class: "strand", d: curve(q) }));
			if (!dammed && k % 2 && k < n - 1) g.append(svg("path", { class: `beads b${k % 3}`, d: curve(q) }));
		}
		if (last) g.setAttribute("mask", this.mask(a, b, upright));
		return g;
	}

	// Behind the last ring the rope fades: what is final is gone from here.
	mask(a, b, upright) {
		this.svg.querySelector("mask")?.remove();
		const box = upright ? { x: 0, y: a, width: 44, height: b - a } : { x: a, y: 0, width: b - a, height: 60 };
		const m = svg("mask", { id: "away", maskUnits: "userSpaceOnUse", ...box }, svg("rect", { ...box, fill: "url(#fade)" }));
		queueMicrotask(() => this.svg.querySelector("defs")?.append(m));
		return "url(#away)";
	}
}

function ring(p, at, upright, tone) {
	const r = upright ? [11, 4.5] : [4.5, 12.5];
	const arc = (sweep) => {
		const [from, to] = upright ? [at(p, -r[0]), at(p, r[0])] : [at(p, -r[1]), at(p, r[1])];
		return svg("path", { class: `ring ${tone} ${sweep ? "front" : "back"}`, d: `M${from}A${r[0]} ${r[1]} 0 0 ${sweep ^ (upright ? 1 : 0)} ${to}` });
	};
	return [arc(0), arc(1)];
}
