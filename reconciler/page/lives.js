// lives: the list. On the page the newest few; in its own view all of them, by cursor, as virtual rows: a segment of
// what was loaded lies at its place in the whole, the rest is height. Nothing moves under the reader.
import { braced, narrow, settled, wide } from "./line.js";
import { story } from "./story.js";
import { attr, el, mark, refresh } from "./words.js";

const ROW = 38, REPEAT = 30, PHONE = 64, PAGE = 100, KEEP = 2400, AHEAD = 5000, AROUND = 500, TALLEST = 12e6;
const phone = matchMedia("(max-width: 820px)");

export class Lives {
	// all: whether it shows all of them; changed(): figures of the view may be told anew; place(index) → a cursor near there
	constructor(list, newer, { changed, place }) {
		Object.assign(this, { list, newer, changed, place });
		this.rows = []; // {life, h, repeat, last, extra}, newest first
		this.tops = [];
		this.nodes = new Map(); // id → {li, row}
		this.open = new Map(); // id → {story, node, height}
		this.waiting = []; // newer lives, not shown yet
		this.base = 0; // where the segment begins, px
		this.index = 0; // how many lives are above it, as far as known
		this.total = 0;
		this.more = false; // older ones exist
		this.newest = true; // the segment begins with the newest
		this.all = false;
		this.kind = "all";
		this.q = "";
		this.world = {};
		this.current = null; // id of the line that has the keys
		this.busy = 0;
		addEventListener("scroll", () => this.frame(), { passive: true });
		addEventListener("resize", () => this.again());
		phone.addEventListener("change", () => (this.all || !this.told ? this.again() : this.few(this.told, this.total)));
		this.sizes = new ResizeObserver((seen) => this.measured(seen));
		newer.addEventListener("click", () => this.toNewest());
		list.addEventListener("click", (e) => this.clicked(e));
		list.addEventListener("focusin", (e) => (this.current = e.target.closest("li")?.dataset.id ?? this.current));
	}

	// ── what is shown ──
	// The newest few, from the feed.
	few(newest, total) {
		const rows = phone.matches ? newest.slice(0, 7) : newest;
		this.told = newest;
		const held = this.list.matches(":hover") || this.open.size > 0 || this.list.contains(document.activeElement);
		if (held && this.rows.length && !this.all) {
			const known = new Map(rows.map((l) => [l.id, l])), have = new Set(this.rows.map((r) => r.life.id));
			const fresh = rows.filter((l) => !have.has(l.id) && this.newerThan(l.id, this.rows[0].life.id));
			for (const r of this.rows) if (known.has(r.life.id)) r.life = known.get(r.life.id);
			this.waiting = fresh;
			this.fresh = rows;
		} else {
			this.waiting = [];
			this.set(rows, { total, index: 0, more: false, newest: true });
		}
		this.total = total;
		this.again();
	}

	set(lives, { total, index, more, newest }) {
		this.rows = lives.map((life) => ({ life }));
		Object.assign(this, { total, index, more, newest });
		this.base = this.all ? index * this.each() : 0;
	}

	newerThan(a, b) {
		return a.length === b.length ? a > b : a.length > b.length;
	}
	each() {
		return Math.min(phone.matches ? PHONE : 34, TALLEST / Math.max(1, this.total ?? 1));
	}

	// ── heights ──
	measure() {
		let y = 0;
		this.tops.length = this.rows.length + 1;
		this.rows.forEach((r, i) => {
			const above = this.rows[i - 1];
			r.repeat = !phone.matches && braced(above?.life, r.life) && !this.open.has(above.life.id) && !this.open.has(r.life.id);
			if (above) above.last = !r.repeat;
			r.last = true;
			r.h = (phone.matches ? PHONE : r.repeat ? REPEAT : ROW) + (this.open.get(r.life.id)?.height ?? 0);
			this.tops[i] = y;
			y += r.h;
		});
		this.tops[this.rows.length] = y;
		this.below = !this.all || !this.more ? 0 : this.total === null ? 60 * ROW : Math.max(60, this.total - this.index - this.rows.length) * this.each();
		this.list.style.height = `${Math.round(this.base + y + this.below)}px`;
	}

	measured(seen) {
		let moved = false;
		for (const s of seen) {
			const id = s.target.closest("li")?.dataset.id, o = this.open.get(id), h = Math.ceil(s.borderBoxSize[0].blockSize);
			if (!o || o.height === h || !s.target.isConnected) continue;
			o.height = h;
			moved = true;
		}
		if (moved) this.again();
	}

	at(y) {
		let a = 0, b = this.rows.length;
		while (a < b) {
			const m = (a + b) >> 1;
			if (this.tops[m + 1] <= y) a = m + 1;
			else b = m;
		}
		return Math.min(a, this.rows.length - 1);
	}

	// ── drawing ──
	again() {
		this.measure();
		this.frame();
	}
	// What the lines say has changed by something else than their lives.
	anew() {
		for (const n of this.nodes.values()) n.state = null;
		this.again();
	}
	frame() {
		this.asked ??= requestAnimationFrame(() => {
			this.asked = undefined;
			this.draw();
		});
	}

	draw() {
		const box = this.list.getBoundingClientRect(), head = this.headAt();
		const y0 = Math.max(0, -box.top) - this.base, view = innerHeight;
		if (!this.rows.length || (this.all && box.top > view + AROUND)) {
			if (!this.rows.length) this.nodes.forEach((n, id) => this.drop(id, n));
			return;
		}
		const from = this.all ? this.at(y0 - AROUND) : 0, to = this.all ? this.at(y0 + view + AROUND) : this.rows.length - 1, first = box.top < head - 1 ? this.at(head - box.top - this.base + 1) : -1;
		const wanted = new Set();
		for (let i = from; i <= to; i++) this.need(i, wanted, i === first);
		const focused = this.list.contains(document.activeElement) && this.rows.findIndex((r) => r.life.id === this.current);
		if (focused !== false && focused >= 0) this.need(focused, wanted, false);
		for (const [id, n] of this.nodes) if (!wanted.has(id)) this.drop(id, n);
		if (this.all) {
			this.fetchAround(y0, view);
			const a = this.rows[this.at(y0 + (head || 0))].life.made, b = this.rows[this.at(y0 + view)].life.made;
			if (this.seenFrom !== b || this.seenTo !== a) {
				this.seenFrom = b;
				this.seenTo = a;
				this.changed(true);
			}
		}
	}

	drop(id, n) {
		n.li.remove();
		this.nodes.delete(id);
	}

	need(i, wanted, first) {
		const r = this.rows[i], id = r.life.id;
		wanted.add(id);
		let n = this.nodes.get(id);
		if (!n) {
			n = { li: attr(el("li"), { "data-id": id }) };
			this.nodes.set(id, n);
		}
		let above = this.rows[i - 1]?.life;
		if (above && (this.open.has(above.id) || this.open.has(id))) above = undefined; // beside a story a line says all
		const state = `${r.repeat}${r.last}${first}${phone.matches}${this.open.has(id)}${above?.event?.block === r.life.event?.block}`;
		if (n.life !== r.life || n.state !== state) this.fill(n, r, above, first, state);
		const y = this.base + this.tops[i];
		if (n.y !== y) n.li.style.transform = `translateY(${(n.y = y)}px)`;
		if (n.i !== this.index + i || n.of !== this.total) attr(n.li, { "aria-posinset": (n.i = this.index + i) + 1, "aria-setsize": (n.of = this.total) ?? -1 });
		if (!n.li.isConnected) this.insert(n.li, i);
	}

	// In the order of reading, whatever was drawn before.
	insert(li, i) {
		for (let k = i + 1; k < this.rows.length && k < i + 80; k++) {
			const next = this.nodes.get(this.rows[k].life.id);
			if (next?.li.isConnected) return void next.li.before(li);
		}
		this.list.append(li);
	}

	fill(n, r, above, first, state) {
		const l = r.life, open = this.open.get(l.id), had = n.life?.id === l.id;
		n.life = l;
		n.state = state;
		const cells = (phone.matches ? narrow : wide)(l, { above, repeat: r.repeat, last: r.last, whole: first, world: this.world });
		const line = el("div", `line ${r.repeat ? "repeat" : ""}`, ...cells, mark("chevron", "chevron"));
		attr(line, { "aria-hidden": "true" });
		if (!n.button) n.button = attr(el("button", "turn"), { type: "button" });
		attr(n.button, { "aria-label": l.say, "aria-expanded": open ? "true" : "false" });
		n.li.className = `${open ? "open" : ""} ${first ? "first" : ""} ${r.repeat ? "" : "top"}`;
		if (!had || !n.button.isConnected) n.li.replaceChildren(n.button, line);
		else n.line.replaceWith(line);
		n.line = line;
		if (open && open.node.parentNode !== n.li) {
			n.li.append(open.node);
			this.sizes.observe(open.node);
		}
	}

	// ── unfolding ──
	clicked(e) {
		const li = e.target.closest("li");
		if (!li || e.target.closest(".story")) return;
		if (!e.target.closest("button") && !getSelection().isCollapsed) return; // somebody copies
		this.turn(li.dataset.id);
	}

	async turn(id) {
		const had = this.open.get(id);
		this.current = id;
		if (had) {
			this.open.delete(id);
			had.node.remove();
			return this.again();
		}
		const o = { node: el("div", "fold"), height: 0 };
		this.open.set(id, o);
		o.node.append(el("div", "story", el("p", "none", "Reading its story.")));
		this.again();
		await this.read(id, o);
	}

	async read(id, o) {
		let node, text = "";
		try {
			const r = await fetch(`/_fairlead/story/${id}`, { cache: "no-store" });
			text = await r.text();
			if (r.ok && text === o.text) return;
			if (r.ok) node = story(JSON.parse(text), this.all ? 2 : 3);
			else node = el("div", "story", el("p", "none", r.status === 404 ? "There is no such life any more." : "PostgreSQL keeps the stories and does not answer now. Nothing is lost; fold it and ask again."));
		} catch {
			node = el("div", "story", el("p", "none", "The server did not answer. Fold it and ask again."));
		}
		if (o.node.contains(document.activeElement)) return; // somebody acts there: its words stay
		o.text = text;
		o.node.replaceChildren(node);
		refresh(o.node);
	}

	// A life that goes on while its story is open is told anew.
	readAgain(lives) {
		for (const l of lives) {
			const o = this.open.get(l.id), is = `${l.state}${l.fees.length}${l.depth}`;
			if (!o || o.is === is) continue;
			if (o.is !== undefined) this.read(l.id, o);
			o.is = is;
		}
	}

	foldAll() {
		for (const o of this.open.values()) o.node.remove();
		const n = this.open.size;
		this.open.clear();
		if (n) this.again();
		return n > 0;
	}

	// ── keys ──
	move(by) {
		const i = this.rows.findIndex((r) => r.life.id === this.current);
		const box = this.list.getBoundingClientRect(), head = this.headAt() + 8;
		const seen = i >= 0 ? i + by : this.at(Math.max(0, head - box.top) - this.base);
		const k = Math.min(Math.max(seen, 0), this.rows.length - 1);
		if (k < 0) return;
		this.current = this.rows[k].life.id;
		const y = box.top + this.base + this.tops[k];
		if (y < head) scrollBy(0, y - head);
		else if (y + ROW > innerHeight - 70) scrollBy(0, y + ROW - innerHeight + 70);
		this.draw();
		const wanted = new Set(this.nodes.keys());
		this.need(k, wanted, false);
		this.nodes.get(this.current)?.button.focus({ preventScroll: true });
	}

	// ── all of them ──
	async ask(words) {
		const p = new URLSearchParams({ kind: this.kind, ...words });
		if (this.q) p.set("q", this.q);
		const r = await fetch(`/_fairlead/lives?${p}`, { cache: "no-store" });
		if (!r.ok) throw new Error(String(r.status));
		return r.json();
	}

	// Begins again with what is asked for: kind and words, from a cursor on.
	async load(words = {}, index = 0) {
		const turn = ++this.busy;
		try {
			const page = await this.ask(words);
			if (turn !== this.busy) return true;
			this.waiting = [];
			this.trouble = null;
			this.set(page.rows, { total: page.of, index, more: page.more, newest: index === 0 && !words.before && !words.at });
			this.loading = false;
			this.again();
			this.changed();
			return true;
		} catch (e) {
			if (turn !== this.busy) return true;
			this.trouble = e.message;
			this.loading = false;
			this.changed();
			return false;
		}
	}

	// Unfolds that life and brings it into view, from wherever it is.
	async showOne(id) {
		const there = () => this.rows.findIndex((r) => r.life.id === id);
		if (there() < 0) await this.load({ before: String(BigInt(id) + 1n) });
		if (there() < 0) return;
		if (!this.open.has(id)) await this.turn(id);
		this.current = id;
		this.move(0);
	}

	fetchAround(y0, view) {
		const end = this.tops[this.rows.length];
		if (y0 > end + 200 || y0 + view < -200) return this.leap(y0 + this.base);
		clearTimeout(this.leaping);
		if (this.loading) return;
		if (this.more && y0 + view > end - AHEAD) this.fetchMore("before", this.rows.at(-1).life.id);
		else if (!this.newest && y0 < AHEAD) this.fetchMore("after", this.rows[0].life.id);
	}

	// Far from what is loaded: wait until the scrolling rests, then read there.
	leap(y) {
		clearTimeout(this.leaping);
		this.leaping = setTimeout(async () => {
			const index = Math.min(Math.max(0, Math.floor(y / this.each())), Math.max(0, (this.total ?? 0) - 20)), cursor = this.place(index, this.total);
			if (index < 20 || cursor === null) await this.load();
			else await this.load({ before: cursor }, index);
		}, 60);
	}

	async fetchMore(way, id) {
		this.loading = true;
		const turn = this.busy;
		try {
			const page = await this.ask({ [way]: id });
			if (turn !== this.busy) return;
			if (way === "before") this.older(page);
			else this.younger(page);
			this.loading = false;
			this.again();
		} catch (e) {
			this.trouble = e.message;
			this.changed();
			setTimeout(() => (this.loading = false), 2000);
		}
	}

	older(page) {
		this.rows.push(...page.rows.map((life) => ({ life })));
		this.more = page.more;
		if (page.of !== null) this.total = page.of;
		const away = this.rows.length - KEEP;
		if (away <= PAGE) return;
		this.base += this.tops[away];
		this.index += away;
		this.rows.splice(0, away);
		this.newest = false;
	}

	younger(page) {
		const n = page.rows.length;
		this.rows.unshift(...page.rows.map((life) => ({ life })));
		this.measure();
		this.base -= this.tops[n];
		this.index = Math.max(0, this.index - n);
		if (n < PAGE) this.newest = true;
		if (this.rows.length > KEEP + PAGE) {
			this.rows.length = KEEP;
			this.more = true;
		}
		// The place in the whole was an estimate: where it was wrong, list and scroll move together.
		if (this.newest || this.base < 0) {
			const by = this.newest ? -this.base : this.rows.length * 4 - this.base;
			if (this.newest) this.index = 0;
			this.base += by;
			this.measure();
			scrollBy(0, by);
		}
	}

	// The feed told of lives: what is shown follows, what is new waits, or comes in where nobody is disturbed.
	async follow(rows) {
		const known = new Map(rows.map((l) => [l.id, l]));
		let changed = false;
		for (const r of this.rows) {
			const l = known.get(r.life.id);
			if (l) (r.life = l), (changed = true);
		}
		this.readAgain(rows);
		if (changed) this.again();
		if (this.following || !this.newest || this.loading) return;
		this.following = true;
		try {
			const top = this.waiting[0]?.id ?? this.rows[0]?.life.id;
			const page = top ? await this.ask({ after: top }) : await this.ask({});
			if (page.of !== null) this.total = page.of;
			this.waiting.unshift(...page.rows);
			await this.renew(known);
			if (this.waiting.length && !this.disturbed()) this.take();
			else this.changed();
		} catch {
			// the next word of the feed asks again
		}
		setTimeout(() => (this.following = false), 500);
	}

	// Lives in view that were not told and may have gone on.
	async renew(known) {
		const stale = [...this.nodes.values()].map((n) => n.life).filter((l) => l && !settled(l) && !known.has(l.id));
		if (!stale.length) return;
		const top = stale.reduce((m, l) => (this.newerThan(l.id, m) ? l.id : m), stale[0].id);
		const page = await this.ask({ before: String(BigInt(top) + 1n) });
		const fresh = new Map(page.rows.map((l) => [l.id, l]));
		for (const r of this.rows) r.life = fresh.get(r.life.id) ?? r.life;
		this.readAgain(page.rows);
		this.again();
	}

	disturbed() {
		return this.list.getBoundingClientRect().top < this.headAt() - 1 || this.list.matches(":hover") || this.list.contains(document.activeElement) || this.open.size > 0;
	}

	take() {
		this.rows.unshift(...this.waiting.map((life) => ({ life })));
		this.waiting = [];
		if (this.rows.length > KEEP) {
			this.rows.length = KEEP;
			this.more = true;
		}
		this.again();
		this.changed();
	}

	async toNewest() {
		this.foldAll();
		if (!this.all) {
			this.set(this.fresh ?? [], { total: this.total, index: 0, more: false, newest: true });
			this.waiting = [];
			this.again();
		} else if (this.newest) {
			this.take();
		} else {
			await this.load();
		}
		this.changed();
		const y = this.list.getBoundingClientRect().top - this.headAt() - 8;
		if (y < 0) scrollBy(0, y);
	}
}
