export const name = "the command line of the four programs: --help --version --print --check, and what each exit code means";

import { programs } from "../lib/world.mjs";
import { need } from "../../deploy/run/npm.mjs";
import { dbUser } from "../../deploy/run/servers.mjs";

const { Client } = need("pg");

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ chain: "scripted", mapping: 3 });
	for (const program of programs) {
		const self = `fairlead-${program}`;
		const run = (...args) => w.run(program, args, { file: null });
		for (const flag of ["--help", "-h"]) {
			const r = await run(flag);
			assert.equal(r.code, 0);
			assert.equal(r.err, "");
			assert.match(r.out, new RegExp(`\\b${self}\\b`));
			for (const word of ["--check", "--print", "--health", "--version", "0 drained", "64 usage", "75 try again", "78 configuration", "134"]) assert.ok(r.out.includes(word), `${self} --help says ${word}`);
			const long = r.out.split("\n").filter((l) => l.length > 110);
			assert.deepEqual(long, []);
		}
		const version = await run("--version");
		assert.deepEqual([version.code, version.err], [0, ""]);
		assert.match(version.out, new RegExp(`^${self} \\d+\\.\\d+\\.\\d+\\n$`));

		// 64: a wrong command line, told on stderr with the nearest right word
		for (const [args, says] of [[["--chekc"], /--chekc.*--check/], [["--check=1"], /--check takes no value/], [["a.yaml", "b.yaml"], /a\.yaml.*b\.yaml/], [["--health"], /--health needs/], [["--nonsense"], /--nonsense.*--help/], [["-x"], /-x/]]) {
			const r = await run(...args);
			assert.equal(r.code, 64, `${self} ${args}: ${r.text}`);
			assert.equal(r.out, "");
			assert.match(r.err, says);
			assert.match(r.err, new RegExp(`^${self}: `));
		}

		// 78: no such file, a directory, a broken one; 0: a right one
		for (const file of ["nowhere.yaml", "."]) {
			const r = await w.run(program, ["--check"], { file });
			assert.equal(r.code, 78, `${file}: ${r.text}`);
			assert.ok(r.err.includes(file));
		}
		const good = await w.run(program, ["--check"]);
		assert.equal(good.code, 0, good.text);
		assert.match(good.out, /no mistake found/);

		const printed = await w.run(program, ["--print"]);
		assert.deepEqual([printed.code, printed.err], [0, ""]);
		for (const word of ["name: ktty", "Companions", "TokenRevealed", "setBulkTokenCodes"]) assert.ok(printed.out.includes(word), word);

		// an address that can't be listened on
		const deaf = await w.run(program, ["--health", "unix:/nowhere/at/all.sock"]);
		assert.equal(deaf.code, 78);
		assert.match(deaf.err, /\/nowhere\/at\/all\.sock/);
	}

	// every mistake at once, each with its place
	const three = await t.world({ chain: "none", env: { CONTRACT_ADDRESS: w.address, DEPLOYMENT_BLOCK: "1", RPC_URL: "http://127.0.0.1:1" }, yaml: (text) => text.replace("    poll: ", "    pol: ").replace("batch: reveal", "batch: reveals").replace("key:   tokenId", "key:   token") });
	const r = await three.run("batcher", ["--check"]);
	assert.equal(r.code, 78);
	const places = r.err.match(/^\S*fairlead\.yaml:\d+:\d+: /gm) ?? [];
	assert.ok(places.length >= 3, r.err);
	assert.match(r.err, /pol\b.*poll/);
	assert.match(r.err, /reveals.*reveal/);

	// 0: drained; 75: it could not drain in time, or was told twice to end. Somebody holds the lanes' rows: no lane can be given back.
	await w.start("batcher", { name: "drained" });
	assert.equal(await w.stop("drained", "SIGINT"), 0);
	await w.start("batcher", { name: "late", env: { GRACEFUL_SHUTDOWN_TIMEOUT_MS: "200" } });
	const holder = new Client({ host: w.pg.dir, user: dbUser, database: w.database });
	await holder.connect();
	try {
		await w.waitFor(async () => (await w.one("SELECT holder FROM fairlead.lane WHERE name = 'apply:main'")).holder, "the lane to be held");
		await holder.query("BEGIN; SELECT FROM fairlead.lane FOR UPDATE");
		assert.equal(await w.stop("late", "SIGTERM"), 75);
		assert.equal(w.lines("late", "drain.late").length, 1);
		await holder.query("ROLLBACK");
		const twice = await w.start("batcher", { name: "twice" });
		await w.waitFor(async () => (await w.one("SELECT holder FROM fairlead.lane WHERE name = 'apply:main'")).holder?.endsWith(`:${twice.pid}`), "the lane to be held", 15000);
		await holder.query("BEGIN; SELECT FROM fairlead.lane FOR UPDATE");
		twice.signal9("SIGTERM");
		await w.waitFor(() => w.lines("twice", "drain").length, "the drain to begin");
		assert.equal(await twice.stop("SIGINT"), 75);
		assert.equal(w.lines("twice", "drain.late").length, 0);
	} finally {
		await holder.end();
	}
}
