export const name = "cache: 5s: the second GET has the same ETag and runs no SQL, on another replica too; 304 to who has it; asked by many at once it runs once; another value is another answer";

const routes = `
  GET /slow/{n}:
    cache: 5s
    one: SELECT :n AS n, clock_timestamp()::text AS ran, pg_sleep(0.05)::text AS slept
  GET /bad:
    cache: 5s
    one: SELECT 503 AS _status, clock_timestamp()::text AS ran
`;

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ fleet: ["listener", "batcher"], mining: "auto", yaml: (text) => text.replace("\nserve:\n", `${routes}\nserve:\n`) });
	await w.start("reconciler");
	await w.start("reconciler", { name: "second" });
	const first = await w.http("/slow/1");
	assert.equal(first.status, 200, first.body);
	assert.ok(first.headers.etag);
	assert.match(first.headers["cache-control"], /max-age=[345]/);
	for (const name of ["reconciler", "second"]) {
		const again = await w.http("/slow/1", { name });
		assert.deepEqual([again.status, again.body, again.headers.etag], [200, first.body, first.headers.etag], name);
	}
	assert.equal((await w.http("/slow/1", { headers: { "if-none-match": first.headers.etag } })).status, 304);
	const many = await Promise.all(Array.from({ length: 20 }, () => w.http("/slow/2")));
	assert.deepEqual(new Set(many.map((m) => m.body)).size, 1, "it ran once for all of them");
	assert.notEqual(many[0].json.ran, first.json.ran);
	assert.equal((await w.http("/slow/3")).json.n, "3");
	const bad = [await w.http("/bad"), await w.http("/bad")];
	assert.deepEqual(bad.map((b) => b.status), [503, 503]);
	assert.notEqual(bad[0].json.ran, bad[1].json.ran, "what is not good is not kept");
	await w.waitFor(async () => (await w.http("/slow/1")).json.ran !== first.json.ran, "five seconds to pass");
	assert.ok((await w.redis("KEYS", "ktty:cache:*")).length >= 1);

	// without Redis each replica keeps for itself
	await w.redisServer.stop();
	const four = await w.http("/slow/4");
	assert.deepEqual([four.status, (await w.http("/slow/4")).body], [200, four.body]);
}
