export const name = "P24: a key is in no log, environment, command line, page, stream, row, error or core, and in no memory that can be read";

import { chmodSync, closeSync, existsSync, mkdirSync, openSync, readFileSync, readSync, readdirSync, writeFileSync } from "node:fs";
import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { need } from "../../deploy/run/npm.mjs";
import { bins, keys, programs } from "../lib/world.mjs";
import { run } from "../../deploy/run/proc.mjs";
import * as servers from "../../deploy/run/servers.mjs";

const { ethers } = need("ethers");

// The regions of a process that its own code could read, one by one: whoever finds a key there could have copied it.
function* memory(pid) {
	const mem = openSync(`/proc/${pid}/mem`, "r");
	try {
		for (const line of readFileSync(`/proc/${pid}/maps`, "latin1").split("\n")) {
			const m = /^([0-9a-f]+)-([0-9a-f]+) r.* (\S*)$/.exec(line);
			if (!m || /vvar|vsyscall/.test(line)) continue;
			const from = BigInt(`0x${m[1]}`), size = Number(BigInt(`0x${m[2]}`) - from);
			if (size > 256 << 20) continue;
			const part = Buffer.alloc(size);
			try {
				yield { part: part.subarray(0, readSync(mem, part, 0, size, from)), line };
			} catch {
				// gone meanwhile, or a device
			}
		}
	} finally {
		closeSync(mem);
	}
}

export default async function (t) {
	const { assert } = t;
	const canary = keys[0].slice(2), bytes = Buffer.from(canary, "hex"), pass = "a canary's passphrase 77";
	const forms = [bytes, Buffer.from(bytes).reverse(), Buffer.from(canary), Buffer.from(canary.toUpperCase()), Buffer.from(bytes.toString("base64")), Buffer.from(pass)];
	const clean = (what, where) => assert.ok(!forms.some((f) => Buffer.from(what, "latin1").includes(f)), `the key, or its passphrase, stands in ${where}`);
	const inMemory = (p) => {
		for (const { part, line } of memory(p.pid)) for (const f of forms) assert.ok(!part.includes(f), `the key, or its passphrase, stands in the memory of ${p.name}: ${line}`);
	};
	// every program is given the key under two names: one of them is nobody's
	const w = await t.world({ mining: "auto", env: { LOG_LEVEL: "debug", BATCH_TIMEOUT_MS: "30", ANOTHER_NAME: `owner=${keys[0]}`, HOME: t.dir } });
	const look = async (p) => {
		for (const f of ["environ", "cmdline"]) clean(readFileSync(`/proc/${p.pid}/${f}`, "latin1"), `/proc/${p.name}/${f}`);
		inMemory(p);
		for (const path of ["/livez", "/readyz", "/status", "/metrics"]) clean((await w.health(p.name, path)).body, `${path} of ${p.name}`);
		assert.match(readFileSync(`/proc/${p.pid}/environ`, "latin1"), /PATH=/, "the rest of it stays");
	};
	await Promise.all(programs.map((p) => w.start(p)));
	await w.revealEach([1, 2, 3]);
	await w.waitFor(() => w.codesSet([1, 2, 3]), "three codes");
	for (const program of programs) await look(w.programs[program]);

	// its own user can't look either, nor can it leave a core
	const { submitter } = w.programs;
	const limits = readFileSync(`/proc/${submitter.pid}/limits`, "utf8"), status = readFileSync(`/proc/${submitter.pid}/status`, "utf8");
	assert.match(limits, /Max core file size +0 +0 /);
	assert.match(status, /NoNewPrivs:\s+1/);
	assert.match(status, /Seccomp:\s+2/);
	assert.match(w.lines("submitter", "guard.closed").at(-1).seccomp, /true/);
	assert.equal(w.lines("submitter", "guard.refused").length, 0, "signing needs what the guard refuses");
	assert.match(readFileSync(`/proc/${submitter.pid}/smaps`, "latin1"), /VmFlags:.* lo .*dd|VmFlags:.* dd .*lo/, "its page is locked, and not in a dump");

	// an abort leaves no core where an unguarded process leaves one
	const cores = () => readdirSync(t.dir).filter((f) => /^core/.test(f));
	spawnSync("sh", ["-c", "ulimit -c unlimited; kill -ABRT $$"], { cwd: t.dir });
	const control = cores().length;
	for (const f of cores()) spawnSync("rm", [join(t.dir, f)]);
	submitter.signal9("SIGABRT");
	await submitter.exited;
	assert.equal(submitter.signal, "SIGABRT");
	assert.deepEqual(cores(), [], "a core");
	t.note(control ? "another process leaves a core here, ours none" : "nobody leaves cores here");

	// from a keystore, too: neither key nor passphrase
	const file = (name, text) => (writeFileSync(join(t.dir, name), text, { mode: 0o600 }), name);
	file("store.json", ethers.encryptKeystoreJsonSync({ address: w.owner, privateKey: keys[0] }, pass, { scrypt: { N: 4096, r: 8, p: 1 } }));
	file("pass", `${pass}\n`);
	file("store.yaml", readFileSync(w.yaml, "utf8").replace(/^    key: .*$/m, "    keyfile: store.json\n    passfile: pass"));
	await w.start("submitter", { file: join(t.dir, "store.yaml"), env: { OWNER_PRIVATE_KEY: null, ANOTHER_NAME: null } });
	await w.revealEach([4]);
	await w.waitFor(() => w.codesSet([4]), "another code");
	await look(w.programs.submitter);
	await w.stop("submitter");

	// another process of the same user sees nothing: as nobody, who is no root
	if (process.getuid() === 0) {
		const nobody = ["--reuid=65534", "--regid=65534", "--clear-groups"], as = (...c) => spawnSync("setpriv", [...nobody, ...c], { encoding: "utf8" });
		const home = join(t.dir, "open"), bin = join(bins("release"), "fairlead-submitter");
		mkdirSync(home);
		chmodSync(home, 0o777);
		if (as("test", "-x", bin).status === 0 && as("test", "-r", w.yaml).status === 0) {
			const quiet = spawn("setpriv", ["--pdeathsig", "KILL", ...nobody, bin, w.yaml], { stdio: "ignore", env: { ...w.env, PATH: process.env.PATH, FAIRLEAD_HEALTH: `unix:${home}/s` } });
			const control = spawn("setpriv", ["--pdeathsig", "KILL", ...nobody, "sleep", "1000"], { stdio: "ignore" });
			t.ends.push(async () => (quiet.kill("SIGKILL"), control.kill("SIGKILL"), { problems: [] }));
			await w.waitFor(() => existsSync(`${home}/s`) && /Seccomp:\s+2/.test(readFileSync(`/proc/${quiet.pid}/status`, "utf8")), "a submitter of nobody's");
			await w.waitFor(() => as("cat", `/proc/${control.pid}/environ`).status === 0, "another of nobody's to be read");
			for (const f of ["environ", "maps"]) assert.notEqual(as("cat", `/proc/${quiet.pid}/${f}`).status, 0, `another process of its user reads its ${f}`);
			assert.notEqual(as("head", "-c1", `/proc/${quiet.pid}/mem`).status, 0);
			quiet.kill("SIGKILL");
			control.kill("SIGKILL");
		}
	}

	// where it was written down
	await w.stopAll();
	for (const p of new Set(w.all.map((x) => x.name))) clean(w.log(p), `the log of ${p}`);
	const dump = await run(join(w.pg.bin, "pg_dump"), ["-h", w.pg.dir, "-U", servers.dbUser, w.database]);
	assert.equal(dump.code, 0, dump.text.slice(-500));
	assert.match(dump.text, /COPY fairlead\.attempt /);
	clean(dump.text, "PostgreSQL");
	for (const key of await w.redis("KEYS", "*")) {
		const type = await w.redis("TYPE", key);
		const value = type === "stream" ? await w.redis("XRANGE", key, "-", "+") : type === "hash" ? await w.redis("HGETALL", key) : type === "string" ? await w.redis("GET", key) : "";
		clean(JSON.stringify(value), `Redis' ${key}`);
	}
	// in what is said of a wrong one
	for (const wrong of [`${keys[0]}0`, keys[0].replace("a", "x"), `${keys[0]} ${keys[0]}`]) clean((await w.run("submitter", ["--check"], { env: { OWNER_PRIVATE_KEY: wrong, ANOTHER_NAME: null } })).text, "an error");
	assert.ok(existsSync(join(t.dir, "store.json")));
}
