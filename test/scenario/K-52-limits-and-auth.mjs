export const name = "limits and auth: 429 with Retry-After and RateLimit, one count for two replicas, free again by itself; an admin post is 401 without its token, and for everybody when the token is empty";

const routes = `
  GET /few:
    limit: { request.ip: 3/m }
    one: SELECT 1 AS n
  GET /who:
    auth: user
    limit: { auth.sub: 2/m }
    one: SELECT :auth.sub AS sub
  GET /soon:
    limit: { request.ip: 1/s }
    one: SELECT 1 AS n
`;

export default async function (t) {
	const { assert } = t;
	const { createHmac } = await import("node:crypto");
	const secret = "a secret of thirty-two characters";
	const w = await t.world({
		fleet: ["listener", "batcher"], mining: "auto", env: { ADMIN_TOKEN: "let me in", JWT_SECRET: secret },
		yaml: (text) => text.replace("\nserve:\n", `${routes}\nserve:\n`).replace("auth: { admin:", 'auth: { user: { jwt: "${JWT_SECRET}" }, admin:'),
	});
	await w.start("reconciler");
	await w.start("reconciler", { name: "second" });
	const token = (sub) => {
		const part = (o) => Buffer.from(JSON.stringify(o)).toString("base64url");
		const text = `${part({ alg: "HS256" })}.${part({ sub })}`;
		return { authorization: `Bearer ${text}.${createHmac("sha256", secret).update(text).digest("base64url")}` };
	};
	const few = [];
	for (let i = 0; i < 4; i++) few.push(await w.http("/few", { name: i % 2 ? "second" : "reconciler" }));
	assert.deepEqual(few.map((r) => r.status), [200, 200, 200, 429]);
	assert.match(few[0].headers.ratelimit, /r=2;t=\d+/);
	assert.match(few[3].headers["ratelimit-policy"], /q=3;w=60/);
	assert.ok(Number(few[3].headers["retry-after"]) >= 1);
	assert.equal(few[3].headers["content-type"], "application/problem+json");
	assert.deepEqual([few[3].json.status, few[3].json.title], [429, "Too Many Requests"]);

	assert.equal((await w.http("/who")).status, 401);
	assert.match((await w.http("/who")).headers["www-authenticate"], /^Bearer/);
	assert.equal((await w.http("/who", { headers: { authorization: `${token("ann").authorization}x` } })).status, 401);
	const ann = [];
	for (let i = 0; i < 3; i++) ann.push(await w.http("/who", { headers: token("ann") }));
	assert.deepEqual(ann.map((r) => r.status), [200, 200, 429]);
	assert.equal(ann[0].json.sub, "ann");
	assert.equal((await w.http("/who", { headers: token("bob") })).status, 200, "bob has a count of his own");

	assert.equal((await w.http("/soon")).status, 200);
	await w.waitFor(async () => (await w.http("/soon")).status === 200, "a second to pass");

	// Redis away: each replica counts alone
	await w.redisServer.stop();
	const alone = [];
	for (let i = 0; i < 4; i++) alone.push((await w.http("/few")).status);
	assert.deepEqual(alone, [200, 200, 200, 429]);
	await w.redisServer.start();

	// the admin's posts
	assert.equal((await w.http("/blockchain/process-batch", { method: "POST" })).status, 401);
	assert.equal((await w.http("/blockchain/process-batch", { method: "POST", headers: { authorization: "Bearer let me i" } })).status, 401);
	assert.equal((await w.http("/blockchain/process-batch", { method: "POST", headers: { authorization: "Bearer let me in" } })).status, 200);
	await w.stop("second");
	await w.start("reconciler", { name: "second", env: { ADMIN_TOKEN: "" } });
	for (const authorization of ["Bearer ", "Bearer let me in", "Bearer x"]) assert.equal((await w.http("/blockchain/catchup", { name: "second", method: "POST", headers: { authorization } })).status, 401);
	assert.ok(w.lines("second", "serve.auth").some((l) => /refuses everybody/.test(l.text)), "start says so");
	assert.ok(!w.log("reconciler").includes("let me in") && !w.log("reconciler").includes(secret));
}
