export const name = "/openapi.json: 3.1 and 3.0 validate by the public schemas; a public generator makes a client of it that works; its examples are rows, and are what their schemas say; asked again it is 304";

import { checker, everyRoute, follow, operations, packages, read } from "../lib/openapi.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ app: "vcel", mining: "auto", fleet: "all", env: { ADMIN_TOKEN: "of the test", JWT_SECRET: "a secret of thirty-two characters" }, yaml: everyRoute });

	// valid, by the schemas of openapis.org
	const { Validator } = await packages.load("@seriousme/openapi-schema-validator");
	for (const version of ["3.1", "3.0"]) {
		const doc = await read(w, version);
		assert.ok(doc.openapi.startsWith(version));
		const result = await new Validator().validate(doc);
		assert.ok(result.valid, `${version}: ${JSON.stringify(result.errors, null, 1)}`);
		assert.doesNotMatch(JSON.stringify(doc), version === "3.0" ? /"type":\[/ : /"nullable"/);
	}

	// what the validator does not look at: unique names, templates and their parameters, references
	const doc = await read(w);
	const all = operations(doc);
	assert.equal(new Set(all.map((o) => o.id)).size, all.length, "operationIds are unique");
	for (const o of all) {
		const names = [...o.path.matchAll(/\{(\w+)\}/g)].map((m) => m[1]);
		assert.deepEqual(o.op.parameters.filter((p) => p.in === "path").map((p) => p.name), names, o.path);
	}
	const shapes = Object.keys(doc.paths).map((p) => p.replace(/\{\w+\}/g, "{}"));
	assert.equal(new Set(shapes).size, shapes.length, "no two paths of one shape");
	for (const ref of JSON.stringify(doc).matchAll(/"\$ref":("[^"]*")/g)) assert.ok(follow(doc, { $ref: JSON.parse(ref[1]) }), ref[1]);
	assert.deepEqual(Object.keys(doc.paths["/other/{word}"]), ["get", "post", "put", "patch", "delete"], "a method goes before ANY, the first {name} is the path's");
	assert.deepEqual([doc.paths["/maybe"].get.parameters, doc.paths["/maybe/{word}"].get.parameters.length], [[], 1], "{word?} is two paths");
	assert.equal(doc.paths["/rows/{rest}"].get.operationId, "rows");
	assert.deepEqual(doc.paths["/secret"].get.security, [{ admin: [] }, { user: [] }]);
	assert.deepEqual(doc.paths["/secret"].get.responses["401"], { $ref: "#/components/responses/NotLetIn" });
	assert.ok(doc.components.schemas.Wrapped.properties.data.properties.keyed.additionalProperties);

	// types: from the fields, from PostgreSQL
	const fields = doc.paths["/fields/{id}/{who}"].get;
	const p = Object.fromEntries(fields.parameters.map((x) => [`${x.in} ${x.name}`, x]));
	assert.deepEqual(p["query i"].schema, { type: "integer", format: "int64", minimum: -5, maximum: 100 });
	assert.deepEqual(p["query colour"].schema, { type: "string", enum: ["red", "blue"], default: "red" });
	assert.equal(p["query m"].schema.pattern, "^0x[0-9a-f]{4}$");
	assert.deepEqual([p["query pcre"].schema.pattern, /PCRE2.*ab\+\+c/.test(p["query pcre"].schema.description)], [undefined, true], "what ECMAScript can't read is told in words");
	assert.ok(p["query o"].content["application/json"] && p["header X-User-Id"]);
	const row = fields.responses["200"].content["application/json"].schema;
	assert.deepEqual(row.properties.id, { type: "string" });
	assert.deepEqual(row.properties.deep.properties.down, { type: "object", properties: { b: { type: ["boolean", "null"] } }, required: ["b"] });
	assert.deepEqual(row.properties.eth, { type: ["string", "null"], format: "decimal" });
	assert.deepEqual(row.properties.list, { type: ["array", "null"], items: { type: ["integer", "null"], format: "int32" } });
	const old = (await read(w, "3.0")).paths["/fields/{id}/{who}"].get.responses["200"].content["application/json"].schema;
	assert.deepEqual(old.properties.eth, { type: "string", nullable: true, format: "decimal" });
	assert.deepEqual(doc.paths["/fields"].post.requestBody.content["application/json"].schema.required, ["id"]);

	// examples: routes without parameters were asked; the others show what passed
	const check = checker(doc);
	const example = (d, path) => d.paths[path].get.responses["200"].content["application/json"].example;
	assert.equal(example(doc, "/api/v1/monitor/health").network, "sepolia");
	assert.equal(example(doc, "/wrapped").data.one, 1);
	assert.equal(example(doc, "/secret"), undefined, "never of a route with auth");
	const lock = "/api/v1/monitor/lock/{lockId}/revocations";
	assert.equal(example(doc, lock), undefined);
	await w.revoke(7, "one");
	await w.waitFor(async () => (await w.rows(7)).length === 1, "the row");
	assert.equal((await w.http("/api/v1/monitor/lock/8/revocations")).status, 200);
	assert.equal((await w.http("/api/v1/monitor/lock/7/revocations")).status, 200);
	assert.equal((await w.http("/api/v1/monitor/lock/9/revocations")).status, 200);
	assert.equal((await w.http("/fields/5/0x00000000000000000000000000000000000000aa?i=3&list=1&list=2", { headers: { "x-user-id": "somebody" } })).status, 200);
	const later = await read(w);
	assert.equal(example(later, lock).revocations[0].signatureHash, w.hash("one"), "a list that holds something");
	assert.equal(later.paths[lock].get.parameters[0].example, "7", "with the value that it was asked for");
	assert.equal(example(later, "/fields/{id}/{who}"), undefined, "what a header says is nobody else's");
	for (const o of operations(later)) {
		const media = o.op.responses["200"]?.content?.["application/json"];
		if (media?.example !== undefined) assert.equal(check(media.schema, media.example), "", o.id);
	}

	// a client, generated
	const { default: generate, astToString } = await packages.load("openapi-typescript");
	const types = astToString(await generate(later, { silent: true }));
	for (const o of all) assert.ok(types.includes(o.id), `${o.id} has a type`);
	assert.doesNotMatch(types, /: unknown \| unknown/);
	const { default: createClient } = await packages.load("openapi-fetch");
	const client = createClient({ baseUrl: w.door() });
	const answer = await client.GET(lock, { params: { path: { lockId: "7" } } });
	assert.equal(answer.data.revocations.length, 1);
	const refused = await client.POST("/fields", { body: { id: "x" } });
	assert.deepEqual([refused.response.status, refused.error.errors[0].name], [400, "id"]);
	assert.equal((await client.POST("/fields", { body: { id: "7" } })).response.status, 201);

	// over HTTP
	const one = await w.http("/openapi.json");
	assert.match(one.headers["content-type"], /^application\/json/);
	assert.equal((await w.http("/openapi.json", { headers: { "if-none-match": one.headers.etag } })).status, 304);
	assert.equal((await w.http("/openapi.json")).headers.etag, one.headers.etag);
	assert.equal((await w.http("/api/v1/openapi")).body, one.body, "serve.spec");
	assert.equal((await w.http("/openapi.json?version=2.0")).status, 400);
	assert.equal((await w.http("/openapi.json", { method: "POST" })).status, 405);
	assert.equal((await w.http("/openapi.json", { method: "HEAD" })).body, "");

	// another column: the document follows without a restart
	await w.sql("ALTER TABLE revoked_signatures ALTER COLUMN revoked_by TYPE varchar(100)");
	await w.sql("ALTER TABLE revoked_signatures ALTER COLUMN block_number TYPE numeric");
	await w.waitFor(async () => {
		await w.http("/api/v1/monitor/lock/7/revocations");
		const item = (await read(w)).paths[lock].get.responses["200"].content["application/json"].schema.properties.revocations.items;
		return item.properties.blockNumber.format === "decimal";
	}, "the document to follow");
	t.note(`${all.length} operations, ${Math.round(one.body.length / 1024)} KiB`);
}
