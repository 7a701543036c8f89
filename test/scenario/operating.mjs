export const name = "every psql, redis-cli and curl line of the README's operating part works on a running fleet";

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../../deploy/run/proc.mjs";
import { root } from "../../deploy/run/npm.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ fleet: "all", mining: 1 });
	await w.batchReveal([1, 2, 3]);
	await w.waitFor(() => w.codesSet([1, 2, 3]), "three codes");
	await w.waitFor(async () => (await w.one("SELECT count(*) AS n FROM fairlead.item WHERE state = 'done'")).n === 3, "three final items");

	const readme = readFileSync(join(root, "README.md"), "utf8");
	const part = readme.slice(readme.indexOf("## Operating it"), readme.indexOf("## How it is built"));
	const blocks = (kind) => [...part.matchAll(new RegExp(`\`\`\`${kind}\\n([\\s\\S]*?)\`\`\``, "g"))].map((m) => m[1]).join("");
	const statements = blocks("sql").split("\n").map((l) => l.replace(/--.*$/, "").trim()).filter(Boolean);
	assert.ok(statements.length >= 6);
	for (const s of statements) await w.sql(s);
	const [chain] = await w.sql(statements.find((s) => s.includes("fairlead.chains")));
	assert.ok(chain.listening && chain.done > 0);
	assert.equal((await w.sql(statements.find((s) => s.includes("fairlead.txs")))).length, 1);

	const shell = blocks("sh").split("\n").map((l) => l.replace(/\s#.*$/, "").trim()).filter(Boolean);
	const rings = shell.filter((l) => l.startsWith("redis-cli"));
	assert.ok(rings.length >= 4);
	for (const line of rings) {
		const r = await run("bash", ["-c", line.replaceAll(".run/redis.sock", w.redisServer.socket)]);
		assert.equal(r.code, 0, r.text);
		assert.doesNotMatch(r.text, /^\(?(error|ERR|WRONGTYPE|NOGROUP)/im, line);
	}
	const groups = await run("redis-cli", ["-s", w.redisServer.socket, "XINFO", "GROUPS", "ktty:events:main"]);
	assert.match(groups.text, /batcher/);
	const health = shell.filter((l) => l.startsWith("curl"));
	assert.equal(health.length, 4);
	for (const line of health) {
		const [, program, path] = line.match(/\.run\/(\w+)\.sock x(\S+)/);
		const a = await w.health(program, path);
		assert.equal(a.status, 200, `${line}: ${a.body}`);
		assert.ok(path === "/livez" || path === "/readyz" || a.body.length > 50, line);
	}
	t.note(`${statements.length} statements, ${rings.length} redis-cli, ${health.length} curl`);
}
