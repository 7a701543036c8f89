// The routes of /openapi.json as one page: what each takes and gives, tried in place. What the server says becomes text, never HTML.
import { brief, follow, h, mark, sample, tree, words } from "./docs_schema.js";
import { topicsSection } from "./docs_topics.js";

const $ = (id) => document.getElementById(id);
const number = (n) => ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"][n] ?? String(n);
const many = (n, one) => `${number(n)} ${one}${n === 1 ? "" : "s"}`;
const statusWords = { 200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 304: "Not Modified", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 405: "Method Not Allowed", 406: "Not Acceptable", 409: "Conflict", 413: "Content Too Large", 415: "Unsupported Media Type", 422: "Unprocessable Content", 429: "Too Many Requests", 500: "Internal Server Error", 503: "Service Unavailable" };
let doc, token = "";

// ── a try ──

const schemaOf = (p) => p.schema ?? p.content?.["application/json"]?.schema ?? {};
const asText = (v) => (typeof v === "string" ? v : JSON.stringify(v));
const quoted = (s) => `'${s.replaceAll("'", "'\\''")}'`;

function field(op, p) {
	const s = follow(doc, schemaOf(p)), id = `${op.operationId}-${p.in}-${p.name}`.replace(/[^\w-]/g, "_");
	const first = p.example ?? (p.required ? sample(doc, s) : undefined);
	const choices = s.enum ?? (s.type === "boolean" ? [true, false] : null);
	const given = s.default === undefined ? "" : `${asText(s.default)} when nothing is given`;
	const input = choices
		? h("select", { id }, p.required ? null : h("option", { value: "" }, given || "nothing"), choices.map((c) => h("option", { value: asText(c), selected: first !== undefined && asText(first) === asText(c) }, asText(c))))
		: h("input", { id, value: first === undefined ? false : asText(first), placeholder: given || false, autocomplete: "off", spellcheck: "false", required: p.required });
	const where = p.in === "header" ? "header" : p.in === "query" && p.required ? "needed" : "";
	const row = h("div", { class: "field" }, h("label", { for: id }, h("code", {}, p.name), " ", h("span", { class: "type" }, words(doc, s))), input,
		p.description || s.description || where ? h("p", { class: "gloss" }, [where, p.description, s.description].filter(Boolean).join("; ")) : null);
	return { row, p, s, input };
}

function bodyField(op) {
	const media = op.requestBody?.content?.["application/json"];
	if (!media) return null;
	const id = `${op.operationId}-body`, value = JSON.stringify(sample(doc, media.schema), null, 2);
	const input = h("textarea", { id, rows: Math.min(14, value.split("\n").length + 1), spellcheck: "false", autocomplete: "off" });
	input.value = value;
	return { row: h("div", { class: "field" }, h("label", { for: id }, "Body ", h("span", { class: "type" }, "JSON")), input, h("details", { class: "members" }, h("summary", {}, "Its members"), tree(doc, media.schema))), input };
}

function requestOf(o, fields, body) {
	let path = o.path;
	const query = new URLSearchParams(), headers = {};
	for (const { p, s, input } of fields) {
		const text = input.value;
		if (p.in === "path") path = path.replace(`{${p.name}}`, encodeURIComponent(text));
		else if (text === "") continue;
		else if (p.in === "header") headers[p.name] = text;
		else if ([s.type].flat().includes("array")) for (const one of text.replace(/^\[|\]$/g, "").split(",")) query.append(p.name, one.trim().replace(/^"|"$/g, ""));
		else query.append(p.name, text);
	}
	if (body) headers["Content-Type"] = "application/json";
	if (o.op.security && token) headers.Authorization = `Bearer ${token}`;
	return { url: `${path}${String(query) ? `?${query}` : ""}`, init: { method: o.method.toUpperCase(), headers, body: body ? body.input.value : undefined, cache: "no-store" } };
}

function curlOf({ url, init }) {
	const head = Object.entries(init.headers).map(([k, v]) => ` -H ${k === "Authorization" ? `"Authorization: Bearer $TOKEN"` : quoted(`${k}: ${v}`)}`).join("");
	return `curl ${init.method === "GET" ? "" : `-X ${init.method} `}${quoted(location.origin + url)}${head}${init.body === undefined ? "" : ` -d ${quoted(init.body.replace(/\s*\n\s*/g, " "))}`}`;
}

function pretty(type, text) {
	if (!/json/.test(type ?? "")) return text;
	try {
		return JSON.stringify(JSON.parse(text), null, 2);
	} catch {
		return text;
	}
}

const block = (text, label) => h("pre", { tabindex: "0", role: "region", "aria-label": label }, h("code", {}, text));

async function send(o, request, says, shown) {
	const from = performance.now();
	says.replaceChildren("Asking …");
	try {
		const r = await fetch(request.url, request.init), text = await r.text(), ms = performance.now() - from;
		const size = new Blob([text]).size, tone = r.status < 400 ? "good" : r.status < 500 ? "wait" : "stop";
		says.replaceChildren(h("b", { class: tone }, `${r.status} ${statusWords[r.status] ?? ""}`), ` in ${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms, ${size} bytes`, r.headers.get("retry-after") ? `; ask again in ${r.headers.get("retry-after")} s` : "");
		shown.replaceChildren(text ? block(pretty(r.headers.get("content-type"), text), `The answer of ${o.path}`) : "");
	} catch (e) {
		says.replaceChildren(h("b", { class: "stop" }, "No answer: "), `${e.message}. Is the server there?`);
		shown.replaceChildren();
	}
}

function asks(o) {
	const fields = (o.op.parameters ?? []).map((p) => field(o.op, follow(doc, p))), body = bodyField(o.op);
	const says = h("p", { class: "result-line", role: "status" }), shown = h("div", { class: "result" }), curl = h("code", { class: "curl" });
	const show = () => curl.replaceChildren(curlOf(requestOf(o, fields, body)));
	const form = h("form", { class: "asks", novalidate: true, submit: (e) => {
		e.preventDefault();
		const empty = fields.find((f) => f.p.in === "path" && f.input.value === "");
		if (empty) {
			says.replaceChildren(`${empty.p.name} is a part of the path: it can't be empty.`);
			empty.input.focus();
			return;
		}
		show();
		send(o, requestOf(o, fields, body), says, shown);
	}, input: show }, h("h4", {}, fields.length || body ? "Takes" : "Takes nothing"), fields.map((f) => f.row), body?.row,
	o.op.security ? h("p", { class: "gloss" }, `Needs a token: ${o.op.security.flatMap(Object.keys).join(" or ")}. The field above the routes holds it.`) : null,
	h("div", { class: "go-row" }, h("button", { class: "act go" }, "Send"), says), curl, shown);
	form.addEventListener("token", show);
	show();
	return form;
}

// ── what it answers ──

function others(op, shown) {
	const groups = new Map();
	for (const [status, ref] of Object.entries(op.responses)) {
		if (shown.includes(status)) continue;
		const r = follow(doc, ref), key = r.description;
		if (!groups.has(key)) groups.set(key, { r, statuses: [] });
		groups.get(key).statuses.push(status === "default" ? "any other" : status);
	}
	return [...groups.values()].map(({ r, statuses }) => {
		const own = r.content?.["application/json"]?.schema, is = own && (own.anyOf || own.properties);
		return h("div", { class: "answer" }, h("h4", {}, h("b", {}, statuses.join(", ")), " ", h("span", { class: "type" }, r.description)), is ? h("details", { class: "members" }, h("summary", {}, "Its members"), tree(doc, own)) : null);
	});
}

function answers(op) {
	const good = Object.keys(op.responses).filter((s) => s === "200" || s === "204");
	return h("div", { class: "answers" }, good.map((status) => {
		const r = follow(doc, op.responses[status]), media = r.content?.["application/json"];
		return h("div", { class: "answer" }, h("h4", {}, h("b", {}, status), " ", h("span", { class: "type" }, r.description)), media ? tree(doc, media.schema) : null,
			media?.example !== undefined ? h("details", { class: "members" }, h("summary", {}, "An answer as it was"), block(JSON.stringify(media.example, null, 2), "An example")) : null,
			r.content?.["text/plain"] ? h("p", { class: "gloss" }, "Asked for text/plain: its numbers as Prometheus gauges.") : null);
	}), others(op, good));
}

// ── the list ──

function pathText(path) {
	return path.split(/(\{[^}]*\})/).filter(Boolean).map((part) => (part.startsWith("{") ? h("var", {}, part) : part));
}

function route(o) {
	const id = o.op.operationId, open = h("div", { class: "open", id: `${id}-open`, hidden: true });
	const ok = follow(doc, o.op.responses["200"]).content?.["application/json"];
	const button = h("button", { type: "button", class: "route", "aria-expanded": "false", "aria-controls": `${id}-open` },
		h("b", { class: "method" }, o.method.toUpperCase()), " ", h("code", { class: "path" }, pathText(o.path)), " ",
		h("span", { class: "gives" }, o.op.security ? "needs a token" : ok ? brief(doc, ok.schema) : "no body"), mark("chevron"));
	const toggle = (on) => {
		if (on && !open.childElementCount) open.append(asks(o), answers(o.op));
		open.hidden = !on;
		button.setAttribute("aria-expanded", String(on));
	};
	button.addEventListener("click", () => {
		const on = open.hidden;
		toggle(on);
		if (on) history.replaceState(null, "", `#${id}`);
	});
	const li = h("li", { id }, h("h3", {}, button), open);
	return { li, button, toggle, id, text: `${o.method} ${o.path} ${id} ${(o.op.tags ?? []).join(" ")}`.toLowerCase() };
}

const shown = [];
function group(tag, list) {
	const id = `s-${tag.replace(/\W/g, "_")}`, routes = list.map(route);
	shown.push(...routes);
	const section = h("section", { id, "aria-labelledby": `h-${id}` }, h("header", {}, h("h2", { id: `h-${id}` }, tag), h("p", { class: "gloss" }, many(list.length, "route"))), h("ul", { class: "matter routes" }, routes.map((r) => r.li)));
	for (const r of routes) r.section = section;
	return section;
}

function filter() {
	const wanted = $("q").value.toLowerCase().split(/\s+/).filter(Boolean);
	let n = 0;
	for (const r of shown) {
		r.li.hidden = !wanted.every((w) => r.text.includes(w));
		n += !r.li.hidden;
	}
	for (const section of new Set(shown.map((r) => r.section))) section.hidden = !shown.some((r) => r.section === section && !r.li.hidden);
	$("found").replaceChildren(wanted.length ? `${n} of ${shown.length} routes` : "");
}

// "#getHealth": that route, unfolded.
function arrive() {
	const r = shown.find((x) => `#${x.id}` === decodeURIComponent(location.hash));
	r?.toggle(true);
	r?.li.scrollIntoView();
}

// ── the page ──

function write(topics) {
	const operations = Object.entries(doc.paths).flatMap(([path, item]) => Object.entries(item).map(([method, op]) => ({ path, method, op })));
	const tags = doc.tags.map((t) => t.name), told = topicsSection(topics);
	const name = doc.info.title, told_n = told ? new Set(Object.keys(topics.components.messages).filter((k) => /^Topic/.test(k))).size : 0;
	document.title = `${name} · API`;
	$("app").textContent = name;
	$("h1").textContent = `${name} answers ${many(operations.length, "route")}${told ? ` and tells ${many(told_n, "topic")}` : ""}.`;
	$("lead").textContent = operations.length ? "Every type here is what PostgreSQL says about the SQL behind the route. Unfold a route and ask it where it stands." : "Its file has no routes yet. Write one under routes: and it stands here at the next start.";
	$("groups").append(...tags.map((tag) => group(tag, operations.filter((o) => o.op.tags[0] === tag))), ...(told ? [told] : []));
	$("nav").append(...tags.slice(0, 8).map((t) => h("a", { href: `#s-${t.replace(/\W/g, "_")}` }, t)), ...(told ? [h("a", { href: "#topics" }, "Topics")] : []));
	$("tools").hidden = operations.length === 0;
	$("token-box").hidden = !doc.components.securitySchemes;
	$("foot").append(h("span", {}, `Fairlead ${doc.info.version}`), h("a", { href: "/openapi.json" }, "OpenAPI 3.1"), h("a", { href: "/openapi.json?version=3.0" }, "OpenAPI 3.0"), doc["x-asyncapi"] ? h("a", { href: doc["x-asyncapi"] }, "AsyncAPI 3.0") : "", h("a", { href: "/_fairlead" }, "The live page"));
	arrive();
}

const dark = matchMedia("(prefers-color-scheme: dark)");
function themed() {
	const is = document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light");
	$("theme").setAttribute("aria-label", `To the ${is === "dark" ? "light" : "dark"} theme`);
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
themed();

$("q").addEventListener("input", filter);
$("token").addEventListener("input", () => {
	token = $("token").value;
	for (const form of document.querySelectorAll("form.asks")) form.dispatchEvent(new Event("token"));
});
addEventListener("hashchange", arrive);
addEventListener("keydown", (e) => {
	if (e.ctrlKey || e.metaKey || e.altKey) return;
	if (e.key === "Escape" && e.target === $("q")) {
		$("q").value = "";
		filter();
		$("q").blur();
	}
	if (e.target.matches?.("input, textarea, select")) return;
	if (e.key === "/") {
		e.preventDefault();
		$("q").focus();
	}
	const step = { j: 1, k: -1 }[e.key], seen = shown.filter((r) => !r.li.hidden);
	if (!step || !seen.length) return;
	const at = seen.findIndex((r) => r.li.contains(document.activeElement));
	seen[Math.max(0, Math.min(seen.length - 1, at < 0 ? 0 : at + step))].button.focus();
});

const read = async (url) => {
	const r = await fetch(url);
	if (!r.ok) throw new Error(`${url} answered ${r.status}`);
	return r.json();
};
try {
	doc = await read("/openapi.json");
	write(doc["x-asyncapi"] ? await read(doc["x-asyncapi"]) : null);
} catch (e) {
	$("h1").textContent = "The routes can't be read now.";
	$("lead").textContent = `${e.message}. Load the page again once the server answers.`;
}
