export const name = "DB_HOST DB_PORT DB_USERNAME DB_PASSWORD DB_NAME are each honoured, DATABASE_URL before them; the password is never shown";

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ pg: "own", chain: "scripted", mapping: 3 });
	const password = "o'\\ne two";
	await w.sql(`CREATE ROLE "fleet user" LOGIN PASSWORD 'o''\\ne two'`);
	await w.sql(`ALTER DATABASE ${w.database} OWNER TO "fleet user"`);
	const hba = join(w.pg.data, "pg_hba.conf");
	writeFileSync(hba, `local all "fleet user" scram-sha-256\n${readFileSync(hba, "utf8")}`);
	await w.sql("SELECT pg_reload_conf()");

	const parts = { DATABASE_URL: null, DB_HOST: w.pg.dir, DB_PORT: "5432", DB_USERNAME: "fleet user", DB_PASSWORD: password, DB_NAME: w.database };
	const batcher = await w.start("batcher", { name: "right", env: parts });
	const seen = await w.sql("SELECT DISTINCT usename, datname FROM pg_stat_activity WHERE application_name LIKE 'fairlead%'");
	assert.deepEqual(seen, [{ usename: "fleet user", datname: w.database }]);
	assert.equal(await batcher.stop(), 0);

	// each of them wrong: the program stays up and says which
	const wrong = {
		DB_HOST: ["/nowhere/at/all", /\/nowhere\/at\/all/],
		DB_PORT: ["5499", /5499/],
		DB_USERNAME: ["somebody", /somebody/],
		DB_PASSWORD: ["wrong-secret-word", /password authentication failed/],
		DB_NAME: ["elsewhere", /elsewhere/],
	};
	await Promise.all(Object.entries(wrong).map(async ([variable, [value, says]]) => {
		await w.start("batcher", { name: variable, env: { ...parts, [variable]: value }, wait: "alive" });
		await w.waitFor(async () => {
			const r = await w.health(variable);
			return r.status === 503 && says.test(r.body);
		}, `${variable} to be missed`, 10000);
		assert.equal(await w.stop(variable), 0);
		assert.ok(!w.log(variable).includes("wrong-secret-word") && !w.log(variable).includes(password));
	}));

	// DATABASE_URL goes first, with a password of its own
	const url = `postgresql://${encodeURIComponent("fleet user")}:${encodeURIComponent(password)}@/${w.database}?host=${encodeURIComponent(w.pg.dir)}`;
	const p = await w.start("batcher", { name: "url", env: { ...parts, DB_HOST: "/nowhere", DATABASE_URL: url } });
	assert.equal((await w.sql("SELECT count(*) AS n FROM pg_stat_activity WHERE usename = 'fleet user'"))[0].n > 0, true);
	for (const path of ["/readyz", "/status", "/metrics"]) assert.ok(!(await w.health("url", path)).body.includes("ne two"));
	assert.ok(!readFileSync(`/proc/${p.pid}/cmdline`, "latin1").includes("ne two"));
	await p.stop();
	assert.ok(!p.text().includes("ne two") && !p.text().includes("ne%20two"));
	assert.ok(!(await w.run("batcher", ["--print"], { env: { ...parts, DATABASE_URL: url } })).text.includes("ne two"));
}
