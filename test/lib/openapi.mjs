// What the rows about the routes' generated document share.
//
//   yaml: everyRoute                  deploy/apps/vcel and routes with every type of field, every form of answer
//   doc = await read(w, "3.0")        the document (default "3.1")
//   operations(doc)                   [{ path, method, op, id }]
//   check = checker(doc)              of a 3.1 document: check(schema, value) → "" or what is wrong (ajv, JSON Schema 2020-12)
//   declared(doc, op, status, type)   the schema that the document gives for such an answer; throws when it gives none
//   make = maker(seed)                make(schema) → a random value of it (json-schema-faker), the same for the same seed
//   request(doc, o, values, body)     { path, init } for fetch: values by parameter "in name"
import { pathToFileURL } from "node:url";
import { join } from "node:path";
import { need, npm } from "../../deploy/run/npm.mjs";

const Ajv = need("ajv/dist/2020.js");
const formats = need("ajv-formats");
// Some packages give require() another build: its default is one deeper.
async function load(name, file) {
	const m = await import(pathToFileURL(file ? join(npm, "node_modules", name, file) : need.resolve(name)).href);
	return m.default?.default ? m.default : m;
}

const routes = `
  GET /fields/{id}/{who}:
    params:
      id: uint256
      who: address
      i: { type: int, min: -5, max: 100, optional: true }
      n: { type: number, max: 1.5, optional: true }
      b: { type: bool, default: false }
      o: { type: object, optional: true }
      list: { type: array, items: int, max: 3, optional: true }
      words: { type: array, items: { type: string, match: "^[a-z]+$" }, optional: true }
      h: { type: bytes32, optional: true }
      u: { type: uuid, optional: true }
      t: { type: time, optional: true }
      eth: { type: units, decimals: 18, min: 0.1, optional: true }
      m: { type: string, match: "^0x[0-9a-f]{4}$", optional: true }
      pcre: { type: string, match: "(?i)^ab++c$", optional: true }
      colour: { type: string, enum: [red, blue], default: red }
      size: { type: int, enum: [1, 2], default: 1 }
      user: { type: string, header: X-User-Id, optional: true, max: 20 }
    one: |
      SELECT :id::text AS "id!", :who::text AS "who!", :i::int AS "deep.i", :n::float8 AS "deep.n", :b::boolean AS "deep.down.b", :o::jsonb AS o, :list::int[] AS list, :words::text[] AS words,
             :h::text AS h, :u::uuid AS u, :t::timestamptz AS t, :eth::numeric AS eth, :m::text AS m, :pcre::text AS pcre, :colour::text AS "colour!", :size::int AS size, :user::text AS "user",
             now()::timestamp AS local, now()::date AS day, '\\\\xab'::bytea AS bytes, 5::bigint AS big
  POST /fields:
    once: Idempotency-Key
    body:
      id: uint256
      i: { type: int, min: -5, optional: true }
      n: { type: number, optional: true }
      b: { type: bool, default: true }
      o: { type: object, optional: true }
      list: { type: array, items: { type: array, items: int }, max: 3, optional: true }
      who: { type: address, optional: true }
      h: { type: bytes32, optional: true }
      sig: { type: bytes65, optional: true }
      pk: { type: pubkey, optional: true }
      b64: { type: base64, optional: true }
      u: { type: uuid, optional: true }
      t: { type: time, optional: true }
      eth: { type: units, decimals: 6, optional: true }
      s: { type: string, min: 2, max: 5, default: abc }
      colour: { type: string, enum: [red, blue], optional: true }
    do:
      - refuse: SELECT 'too low' AS why WHERE :i::int < 0
      - reply: SELECT 201 AS _status, :id::text AS "id!", :n::float8 AS n, :list::jsonb AS list, :s::text AS s
  GET /rows/{rest*}:
    name: rows
    all: SELECT i AS "n!", i::numeric AS "as.text", :rest::text AS rest FROM generate_series(1, 3) i
  GET /maybe/{word?}:
    one: SELECT coalesce(:word, 'none')::text AS word WHERE coalesce(:word, '') <> 'nothing'
    else: SELECT 404 AS _status, 'no such word' AS why
  GET /other/{word}:
    one: SELECT :word::text AS word WHERE :word <> 'x'
    else: SELECT true AS other
    lost: { up: "{up.postgresql}", at: "{now}", since: "{uptime}", version: "{version}", text: "at {now}" }
  POST /other/{name}:
    do: [ { let: "SELECT 1 AS one WHERE :name <> 'none'" }, { sql: "SELECT 1" } ]
  ANY /other/{anything}:
    one: SELECT :anything::text AS a
  GET /wrapped:
    schema: Wrapped
    cache: 1s
    limit: { request.ip: 100000/m }
    wrap: { data: "{body}", at: "{now}", fixed: [1, "two"], deep: { none: null } }
    one: SELECT 1 AS one
    with: { keyed: "SELECT name AS _key, head FROM fairlead.chains", list: "SELECT name FROM fairlead.chains", empty: "SELECT name FROM fairlead.chains WHERE false" }
  GET /secret:
    auth: [admin, user]
    one: SELECT 'not for you' AS secret
`;
export const everyRoute = (text) => text.replace("\nserve:\n", `${routes}\nserve:\n  auth: { admin: { bearer: "\${ADMIN_TOKEN:-}" }, user: { jwt: "\${JWT_SECRET:-}" } }\n  spec: /api/v1/openapi\n  docs: /api/v1/docs\n`);

export async function read(w, version) {
	const r = await w.http(`/openapi.json${version ? `?version=${version}` : ""}`);
	if (r.status !== 200) throw new Error(`/openapi.json answered ${r.status}: ${r.body}`);
	return r.json;
}

export const operations = (doc) => Object.entries(doc.paths).flatMap(([path, item]) => Object.entries(item).map(([method, op]) => ({ path, method, op, id: op.operationId })));

export function follow(doc, x) {
	while (x?.$ref) x = x.$ref.slice(2).split("/").reduce((at, k) => at[k.replace(/~1/g, "/").replace(/~0/g, "~")], doc);
	return x;
}

export function checker(doc) {
	const ajv = new Ajv({ strict: true, strictTypes: false, allErrors: true });
	formats(ajv);
	for (const f of ["uint256", "address", "decimal"]) ajv.addFormat(f, true);
	for (const k of ["example", "components"]) ajv.addKeyword(k);
	ajv.addSchema({ $id: "doc", components: { schemas: JSON.parse(JSON.stringify(doc.components.schemas).replaceAll('"#/components', '"doc#/components')) } });
	const made = new Map();
	return (schema, value) => {
		const text = JSON.stringify(schema).replaceAll('"#/components', '"doc#/components');
		if (!made.has(text)) made.set(text, ajv.compile(JSON.parse(text)));
		return made.get(text)(value) ? "" : ajv.errorsText(made.get(text).errors);
	};
}

export function declared(doc, op, status, type) {
	const response = follow(doc, op.responses[status] ?? op.responses.default);
	if (!response) throw new Error(`${op.operationId} declares no ${status}`);
	if (status === 204 || status === 304) return null;
	const name = type.split(";")[0];
	if (!response.content?.[name]) throw new Error(`${op.operationId} declares no ${name} for ${status}`);
	return response.content[name].schema;
}

export async function maker(seed) {
	const { generate, registerFormat } = await load("json-schema-faker", "dist/index.js");
	for (const f of ["uint256", "address", "decimal", "byte", "int64", "int32", "double"]) registerFormat?.(f, () => "");
	let n = seed;
	// A pattern says more than a format whose name only we know.
	const plain = (s) => (Array.isArray(s) ? s.map(plain) : s && typeof s === "object" ? Object.fromEntries(Object.entries(s).filter(([k, v]) => !(k === "format" && typeof v === "string" && !["date-time", "uuid"].includes(v)) && k !== "contentEncoding").map(([k, v]) => [k, plain(v)])) : s);
	return (schema) => generate(plain(schema), { seed: n++, alwaysFakeOptionals: n % 3 === 0 });
}

export function request(o, values, body) {
	let path = o.path;
	const query = new URLSearchParams(), headers = {};
	for (const p of o.op.parameters) {
		const v = values[`${p.in} ${p.name}`];
		if (v === undefined) continue;
		const text = p.content ? JSON.stringify(v) : String(v);
		if (p.in === "path") path = path.replace(`{${p.name}}`, encodeURIComponent(text));
		else if (p.in === "header") headers[p.name] = text;
		else for (const one of Array.isArray(v) ? v : [text]) query.append(p.name, String(one));
	}
	if (body !== undefined) headers["content-type"] = "application/json";
	return { path: `${path}${query.size || [...query].length ? `?${query}` : ""}`, init: { method: o.method.toUpperCase(), headers, body: body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body) } };
}

export const packages = { load };
