export const name = "random requests, good and bad, made from the document: each answer has a status, a type and a shape that the document declares; none is a 5xx";
export const limit = 180;

import { checker, declared, everyRoute, maker, operations, read, request } from "../lib/openapi.mjs";

const rounds = 25;
// What no schema makes: texts that break parsers.
const odd = ["none", "nothing", "", " ", "0", "-1", "null", "true", "[]", "{}", "'; DROP TABLE x; --", "\u0000", "%00", "é\u{1F600}", "../../etc/passwd", "9".repeat(200), "1e999", "0x", "NaN", "a,b,,", "x".repeat(500), "\\", "\"", "2026-02-30T00:00:00Z"];

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ app: "vcel", mining: "auto", fleet: "all", env: { ADMIN_TOKEN: "of the test", JWT_SECRET: "a secret of thirty-two characters" }, yaml: everyRoute });
	const doc = await read(w);
	const check = checker(doc), make = await maker(Number(process.env.SEED ?? 1));
	let random = Number(process.env.SEED ?? 1);
	const draw = (n) => Math.floor((random = (random * 1103515245 + 12345) % 2147483648) / 65536) % n;
	const seen = {};
	await w.revoke(7, "one");

	async function send(o, q) {
		if (o.op.security) q.init.headers.authorization = draw(3) ? "Bearer of the test" : "Bearer x";
		if (o.method === "get") delete q.init.body;
		const say = () => `SEED=${process.env.SEED ?? 1} ${q.init.method} ${q.path.slice(0, 300)} ${q.init.body?.slice(0, 300) ?? ""}`;
		const r = await fetch(w.door() + q.path, { ...q.init, signal: AbortSignal.timeout(30000) });
		const text = await r.text();
		assert.ok(r.status < 500, `${say()}: ${r.status} ${text}`);
		seen[`${o.id} ${r.status}`] = (seen[`${o.id} ${r.status}`] ?? 0) + 1;
		const type = r.headers.get("content-type") ?? "";
		let schema;
		try {
			schema = declared(doc, o.op, r.status, type);
		} catch (e) {
			assert.fail(`${say()}: ${e.message}: ${text}`);
		}
		if (schema === null) assert.equal(text, "");
		else if (/json/.test(type)) assert.equal(check(schema, JSON.parse(text)), "", `${say()}: ${r.status} ${text}`);
		return r.status;
	}

	// values that the schemas make are not refused, but where words say more than a schema can
	const says = /at least|at most|matches the expression/;
	for (const o of operations(doc)) {
		const schemaOf = (p) => p.schema ?? p.content["application/json"].schema;
		const body = o.op.requestBody?.content["application/json"].schema;
		for (let i = 0; i < rounds; i++) {
			const values = {};
			let plain = true;
			for (const p of o.op.parameters) {
				if (!p.required && draw(2)) continue;
				const words = schemaOf(p).description ?? "";
				if (!p.required && says.test(words) && draw(4)) continue;
				let v = await make(schemaOf(p));
				if (/checksum/.test(words)) v = v.toLowerCase();
				if (/2\^256/.test(words)) v = v.slice(0, 60);
				if (v === "" && p.in === "path") continue;
				values[`${p.in} ${p.name}`] = v;
				plain &&= !says.test(schemaOf(p).description ?? "");
			}
			for (const p of o.op.parameters) if (p.in === "path") values[`path ${p.name}`] ??= "7";
			const content = body && await make(body);
			const status = await send(o, request(o, values, content));
			if (plain && !body && !o.op.security) assert.notEqual(status, 400, `${o.id} refuses ${JSON.stringify(values)}`);
		}
		// and values that nobody means
		for (let i = 0; i < rounds; i++) {
			const values = {};
			for (const p of o.op.parameters) if (p.required || draw(3) === 0) values[`${p.in} ${p.name}`] = p.in === "header" ? odd[draw(odd.length)].replace(/[^ -~]/g, "") : odd[draw(odd.length)];
			for (const p of o.op.parameters) if (p.in === "path" && !values[`path ${p.name}`]) values[`path ${p.name}`] = "x";
			let content;
			if (body) {
				content = { ...(await make(body)) };
				const keys = Object.keys(body.properties);
				content[keys[draw(keys.length)]] = [null, {}, [], [[]], -1, 1e300, true, ...odd][draw(7 + odd.length)];
				if (draw(4) === 0) content = ["", "{", "[]", "null", "{\"id\":1,\"id\":2}", "\"", "[".repeat(200), "{\"x\":1}"][draw(8)];
			}
			await send(o, request(o, values, content));
		}
	}
	const all = Object.keys(seen);
	for (const o of operations(doc)) if (!o.op.security) assert.ok(all.some((k) => k === `${o.id} 200` || k === `${o.id} 201` || k === `${o.id} 204`), `${o.id} never gave a good answer`);
	for (const status of [400, 401, 404]) assert.ok(all.some((k) => k.endsWith(` ${status}`)), `no ${status} was seen`);
	t.note(`${Object.values(seen).reduce((a, b) => a + b)} answers of ${all.length} kinds`);
}
