// Schemas in words, as lists of members, and as a value to begin with.

// An element: properties that are functions listen, those that are true stand alone; children are nodes or text, never HTML.
export function h(tag, props, ...children) {
	const e = document.createElement(tag);
	for (const [k, v] of Object.entries(props ?? {})) {
		if (typeof v === "function") e.addEventListener(k, v);
		else if (v === true) e.setAttribute(k, "");
		else if (v !== false && v !== undefined && v !== null) e.setAttribute(k, v);
	}
	e.append(...children.flat().filter((c) => c !== null && c !== undefined && c !== false && c !== ""));
	return e;
}

export function mark(name) {
	const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg"), use = document.createElementNS("http://www.w3.org/2000/svg", "use");
	svg.setAttribute("class", "mark");
	svg.setAttribute("aria-hidden", "true");
	use.setAttribute("href", `#m-${name}`);
	svg.append(use);
	return svg;
}

export function follow(doc, x) {
	for (let n = 0; x?.$ref?.startsWith("#/") && n < 20; n++) x = x.$ref.slice(2).split("/").reduce((at, k) => at?.[k.replace(/~1/g, "/").replace(/~0/g, "~")], doc);
	return x ?? {};
}

const formats = { int64: "whole number", int32: "whole number", double: "number", uint256: "whole number as text", address: "address", uuid: "UUID", "date-time": "time", date: "day", decimal: "decimal as text", byte: "base64" };
const hex = { "^0x([0-9a-f]{2})*$": "bytes, 0x…", "^0x[0-9a-fA-F]{64}$": "32 bytes, 0x…", "^0x[0-9a-fA-F]{130}$": "65 bytes, 0x…" };
const plain = { string: "text", integer: "whole number", number: "number", boolean: "true or false", object: "object", array: "list" };
const list = (words, last) => (words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} ${last} ${words.at(-1)}`);

function between(low, high, unit) {
	if (low !== undefined && high !== undefined) return `${low} to ${high}${unit}`;
	if (low !== undefined) return `at least ${low}${unit}`;
	return high === undefined ? "" : `at most ${high}${unit}`;
}

const typesOf = (s) => [s.type ?? []].flat().filter((t) => t !== "null");
export const mayBeNull = (s) => s.nullable === true || [s.type].flat().includes("null");

// "whole number, 1 to 100", "list of text, or null"
export function words(doc, schema) {
	const s = follow(doc, schema);
	if ("const" in s) return JSON.stringify(s.const);
	if (s.anyOf) return "one of these";
	const types = typesOf(s);
	let text = types.length > 1 ? list(types.map((t) => plain[t]), "or") : hex[s.pattern] ?? formats[s.format] ?? plain[types[0]] ?? "any JSON";
	if (s.enum) text = list(s.enum.filter((v) => v !== null).map((v) => (typeof v === "string" ? v : JSON.stringify(v))), "or");
	if (types[0] === "array") text = `list of ${s.items && Object.keys(s.items).length ? words(doc, { ...follow(doc, s.items), nullable: undefined, type: typesOf(follow(doc, s.items)) }) : "anything"}`;
	if (s.additionalProperties?.type) text = "object, by key";
	const more = [between(s.minimum, s.maximum, ""), between(s.minLength, s.maxLength, " characters"), between(s.minItems, s.maxItems, " items")].filter(Boolean);
	return [text, ...more].join(", ") + (mayBeNull(s) ? ", or null" : "");
}

const below = (doc, schema) => {
	const s = follow(doc, schema);
	return s.properties || s.anyOf ? s : s.items ? follow(doc, s.items) : s.additionalProperties?.type ? s.additionalProperties : null;
};

// The members of an object, those of its members below them.
export function tree(doc, schema, deep = 0) {
	const s = follow(doc, schema);
	if (s.anyOf && deep < 8) return h("ul", { class: "tree" }, s.anyOf.map((one) => h("li", {}, h("span", { class: "type" }, words(doc, one)), below(doc, one) && tree(doc, below(doc, one), deep + 1))));
	if (!s.properties || deep > 8) return h("p", { class: "type" }, words(doc, s));
	return h("ul", { class: "tree" }, Object.entries(s.properties).map(([name, member]) => {
		const of = follow(doc, member), sub = below(doc, of);
		return h("li", {}, h("code", {}, name), " ", h("span", { class: "type" }, words(doc, of)), of.description && of.description !== words(doc, of) ? h("span", { class: "says" }, of.description) : null,
			sub?.properties || sub?.anyOf ? tree(doc, sub, deep + 1) : null);
	}));
}

// What an answer is, in a few words: its first members.
export function brief(doc, schema) {
	const s = follow(doc, schema), names = Object.keys(s.properties ?? {});
	if (s.anyOf) return brief(doc, s.anyOf[0]);
	if (s.items) return `list${follow(doc, s.items).properties ? ` of ${brief(doc, s.items)}` : ""}`;
	return names.length ? `${names.slice(0, 3).join(", ")}${names.length > 3 ? ", …" : ""}` : "object";
}

// A value to begin with: needed members, their defaults, something that looks right.
export function sample(doc, schema) {
	const s = follow(doc, schema);
	if (s.example !== undefined) return s.example;
	if (s.default !== undefined) return s.default;
	if (s.enum) return s.enum[0];
	const looks = { uint256: "1", address: "0x0000000000000000000000000000000000000000", uuid: "00000000-0000-4000-8000-000000000000", "date-time": "2026-01-31T12:00:00Z", decimal: "1", byte: "" };
	switch (typesOf(s)[0]) {
	case "object": return Object.fromEntries((s.required ?? []).map((k) => [k, sample(doc, s.properties[k])]));
	case "array": return [];
	case "boolean": return false;
	case "integer":
	case "number": return s.minimum ?? 0;
	default: return looks[s.format] ?? (s.pattern?.includes("{64}") ? `0x${"0".repeat(64)}` : "");
	}
}
