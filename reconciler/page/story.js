// story: a whole life in place: what happened, why, what was offered, and what can be done.
import { actions } from "./acts.js";
import { storyPlot } from "./plots.js";
import { attr, clock, day, el, mark, now, rich } from "./words.js";

function timeline(lines) {
	let last = "";
	return el("ol", "times", ...lines.map((l) => {
		const at = l.at === null ? "now" : clock(l.at, l.exact), date = l.at === null ? "" : day(l.at);
		const turn = date && date !== last && (last || date !== day(now()));
		last = date || last;
		return el("li", `${l.tone} ${l.fill ? "full" : ""}`, el("span", "at", turn ? el("span", "date", date) : null, at), el("span", "knot"), el("p", "", el("b", "", l.verb), " ", rich(l.text)));
	}));
}

function attempts(s) {
	const rows = s.attempts.map((a) => el("tr", "", el("td", "", clock(a.at)), el("td", "r", a.fee), el("td", "r", a.tip), el("td", a.tone === "good" ? "good" : "dim", a.outcome)));
	const head = el("tr", "", ...[["sent"], ["up to", "r"], ["tip", "r"], ["outcome"]].map(([t, c]) => attr(el("th", c ?? "", t), { scope: "col" })));
	return [el("h4", "", s.nonce === null ? "Attempts" : `Attempts on nonce ${s.nonce}`), el("table", "tries", el("thead", "", head), el("tbody", "", ...rows))];
}

function command(text) {
	const b = attr(el("button", "icon", mark("copy")), { type: "button", "aria-label": `Copy: ${text}` });
	b.addEventListener("click", async () => {
		try {
			await navigator.clipboard.writeText(text);
			b.replaceChildren(mark("final", "good"));
		} catch {
			getSelection().selectAllChildren(b.previousSibling);
		}
	});
	return el("div", "command", attr(el("code", "", text), { tabindex: "0", role: "group", "aria-label": "Command" }), b);
}

// level: of its title among the headings
export function story(s, level) {
	const left = el("div", "left", el("h3", "", rich(s.title)), s.you ? el("p", "cure", el("b", "", "You can: "), rich(s.you.replace(/^[A-Z](?=[a-z])/, (c) => c.toLowerCase()))) : null, timeline(s.lines));
	const right = el("div", "right");
	if (s.plot) right.append(el("h4", "", "Our price against base fee"), storyPlot(s.plot));
	if (s.attempts.length) right.append(...attempts(s));
	if (s.numbers.length) right.append(el("h4", "", "Numbers"), el("dl", "facts", ...s.numbers.flatMap((n) => [el("dt", "", n.name), el("dd", "", rich(n.text))])));
	if (s.elsewhere.length) right.append(el("h4", "", "The same elsewhere"), ...s.elsewhere.map(command));
	const may = s.acts.filter((a) => a.may);
	if (may.length) right.append(actions(may, s.life?.key ?? s.id));
	for (const h of left.querySelectorAll("h3")) h.setAttribute("aria-level", level);
	for (const h of right.querySelectorAll("h4")) h.setAttribute("aria-level", level + 1);
	return el("div", "story", left, right);
}
