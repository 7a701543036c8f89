// words: texts, times and numbers of the server as nodes. Whatever it says becomes text nodes, never HTML.
// The forms of its texts (rich): top of feed.h.

export const NB = "\u00a0";
const clockOf = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", hour: "2-digit", minute: "2-digit", second: "2-digit" });
const dayOf = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", day: "numeric", month: "short" });

export function el(tag, cls, ...kids) {
	const e = document.createElement(tag);
	if (cls) e.className = cls;
	e.append(...kids.filter((k) => k !== null && k !== undefined && k !== false));
	return e;
}
export function svg(tag, attributes, ...kids) {
	const e = document.createElementNS("http://www.w3.org/2000/svg", tag);
	for (const name in attributes) e.setAttribute(name, attributes[name]);
	e.append(...kids);
	return e;
}
export function attr(e, attributes) {
	for (const name in attributes) {
		if (attributes[name] === null || attributes[name] === false) e.removeAttribute(name);
		else e.setAttribute(name, attributes[name]);
	}
	return e;
}
// A mark of the sprite in index.html.
export const mark = (name, cls = "") => svg("svg", { class: `mark ${cls}`, "aria-hidden": "true" }, svg("use", { href: `#m-${name}` }));

// ── time ──
let offset = 0; // the server's clock less ours
export const now = () => Date.now() + offset;
export const setNow = (ms) => (offset = ms - Date.now());
export const clock = (ms, exact) => clockOf.format(ms) + (exact ? `.${String(Math.floor(ms) % 1000).padStart(3, "0")}` : "");
export const day = (ms) => dayOf.format(ms);
// The clock where it is unmistakable, else with its day.
export const when = (ms) => (Math.abs(now() - ms) < 43200000 || day(ms) === day(now()) ? clock(ms) : `${day(ms)} ${clock(ms).slice(0, 5)}`);

export function duration(ms) {
	ms = Math.max(0, Math.round(ms));
	if (ms < 100) return `${ms}${NB}ms`;
	if (ms < 9950) return `${(Math.floor(ms / 100) / 10).toFixed(1)}${NB}s`;
	if (ms < 120000) return `${Math.floor(ms / 1000)}${NB}s`;
	if (ms < 7200000) return `${Math.floor(ms / 60000)}${NB}min`;
	if (ms < 172800000) return `${Math.floor(ms / 3600000)}${NB}h`;
	return `${Math.floor(ms / 86400000)}${NB}d`;
}
// Ages of whole seconds, so that a line that counts does not flicker.
const age = (ms) => duration(ms < 9950 ? Math.floor(Math.max(0, ms) / 1000) * 1000 : ms).replace(/^(\d+)\.0/, "$1").replace(`0${NB}ms`, `0${NB}s`);

// ── numbers ──
// Digits in groups by margin: the text stays 26471921, so that copying and finding work.
export function number(n) {
	const digits = String(n), groups = digits.replace(/\B(?=(\d{3})+$)/g, ",").split(",");
	return groups.length < 2 ? document.createTextNode(digits) : el("span", "n", ...groups.map((g) => el("span", "", g)));
}

// ── what counts on ──
// A node whose text is made anew every second, by refresh().
export function live(tag, cls, say) {
	const e = el(tag, cls, say());
	e.dataset.live = "";
	e.fresh = say;
	return e;
}
export function refresh(root = document) {
	for (const e of root.querySelectorAll("[data-live]")) {
		const text = e.fresh();
		if (text !== e.textContent) e.textContent = text;
	}
}
export const ago = (ms, cls = "") => live("span", cls, () => age(now() - ms));

// ── rich text ──
const special = /\\([\s\S])|`((?:\\[\s\S]|[^`\\])*)`|\{([#@:])(-?\d+)\}|(\*)/g;
export function rich(text) {
	const out = document.createDocumentFragment();
	let into = out, last = 0;
	special.lastIndex = 0;
	for (let m; (m = special.exec(text)); last = special.lastIndex) {
		into.append(text.slice(last, m.index));
		if (m[1]) into.append(m[1]);
		else if (m[2] !== undefined) into.append(el("code", "", m[2].replace(/\\([\s\S])/g, "$1")));
		else if (m[3] === "#") into.append(number(m[4]));
		else if (m[3] === "@") into.append(ago(Number(m[4])));
		else if (m[3] === ":") into.append(clock(Number(m[4])));
		else if (into === out) out.append((into = el("b")));
		else into = out;
	}
	into.append(text.slice(last));
	return out;
}
// The same, where only what differs from what stands may be touched: selections and readers keep their place.
export function say(e, text) {
	if (e.said === text) return false;
	e.said = text;
	e.replaceChildren(text ? rich(text) : "");
	return true;
}
export function put(e, text) {
	if (e.textContent !== text) e.textContent = text;
}
