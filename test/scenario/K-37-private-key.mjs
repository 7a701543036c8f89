export const name = "OWNER_PRIVATE_KEY is required and stands nowhere: not in logs, --print, the command line, health pages, PostgreSQL or Redis";

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { keys, programs } from "../lib/world.mjs";
import { run } from "../../deploy/run/proc.mjs";
import * as servers from "../../deploy/run/servers.mjs";

export default async function (t) {
	const { assert } = t;
	const secret = keys[0].slice(2);
	const w = await t.world({ mining: "auto", env: { LOG_LEVEL: "debug", BATCH_TIMEOUT_MS: "50" } });
	const never = (text, where) => assert.ok(!text.toLowerCase().includes(secret), `the key stands in ${where}`);

	// required, and a word that is no key is not repeated
	for (const value of [null, "", "0x12ab34cd56", `${keys[0]}77`, `0x${"0".repeat(64)}`, keys[0].replace("a", "g")]) {
		const p = await w.start("submitter", { env: { OWNER_PRIVATE_KEY: value }, wait: false });
		await p.exited;
		assert.equal(p.code, 78, `${value}: ${p.text()}`);
		if (value) assert.ok(!p.text().includes(value.slice(2)), `a wrong key is repeated: ${p.text()}`);
		if (!value) assert.match(p.text(), /OWNER_PRIVATE_KEY/);
	}
	for (const program of programs) {
		assert.match((await w.run(program, ["--check"], { env: { OWNER_PRIVATE_KEY: null } })).err, /fairlead\.yaml:\d+:\d+: .*OWNER_PRIVATE_KEY/);
		const printed = await w.run(program, ["--print"]);
		assert.equal(printed.code, 0, printed.text);
		assert.match(printed.out, /key:.*\*\*\*/);
		never(printed.text, `${program} --print`);
		never((await w.run(program, ["--check"])).text, `${program} --check`);
	}

	// a whole life with every line that there is
	await Promise.all(programs.map((p) => w.start(p)));
	await w.reveal([1, 2, 3]);
	await w.waitFor(() => w.codesSet([1, 2, 3]), "three codes");
	for (const program of programs) {
		never(readFileSync(`/proc/${w.programs[program].pid}/cmdline`, "latin1"), `the command line of ${program}`);
		for (const path of ["/livez", "/readyz", "/status", "/metrics"]) never((await w.health(program, path)).body, `${path} of ${program}`);
	}
	await w.stopAll();
	for (const program of programs) never(w.log(program), `the log of ${program}`);
	assert.ok(w.lines("submitter", (l) => l.level === "debug").length > 0, "the log was told to say everything");
	const dump = await run(join(w.pg.bin, "pg_dump"), ["-h", w.pg.dir, "-U", servers.dbUser, w.database]);
	assert.equal(dump.code, 0, dump.text.slice(-500));
	assert.match(dump.text, /COPY fairlead\.attempt /);
	never(dump.text, "PostgreSQL");
	for (const key of await w.redis("KEYS", "*"))
		if ((await w.redis("TYPE", key)) === "stream") never(JSON.stringify(await w.redis("XRANGE", key, "-", "+")), `Redis' ${key}`);
}
