// Private servers: PostgreSQL and Redis on unix sockets, anvil or hardhat on a free loopback port. None reads a
// configuration of the machine, none is visible outside its directory, all end with us (proc.mjs).
import { appendFileSync, chmodSync, chownSync, cpSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, statfsSync, symlinkSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { userInfo } from "node:os";
import { execFileSync, spawnSync } from "node:child_process";
import { ending, isAlive, run, start, stop, tail, until } from "./proc.mjs";
import { npm, root } from "./npm.mjs";

const borrowed = new Set(); // directories of ours outside the tree: all are gone at the end

// Written down first, so that the next run can remove what a kill -9 left (removeForgotten).
export function outside(base = "/tmp") {
	const dir = mkdtempSync(`${base}/fairlead-`);
	mkdirSync(join(root, ".run"), { recursive: true });
	appendFileSync(join(root, ".run/outside"), `${process.pid} ${dir}\n`);
	borrowed.add(dir);
	return dir;
}
export function removeForgotten() {
	const list = join(root, ".run/outside");
	if (!existsSync(list)) return;
	const kept = readFileSync(list, "utf8").split("\n").filter((line) => {
		const [, pid, dir] = line.match(/^(\d+) (\/(?:tmp|dev\/shm)\/fairlead-\w+)$/) ?? [];
		if (!dir) return false;
		if (existsSync(`/proc/${pid}`)) return true;
		rmSync(dir, { recursive: true, force: true });
		return false;
	});
	writeFileSync(list, kept.map((l) => `${l}\n`).join(""));
}
export function removeOutside() {
	for (const dir of borrowed) rmSync(dir, { recursive: true, force: true });
	borrowed.clear();
}

// A directory whose sockets have paths that fit into sockaddr_un (107 bytes): dir itself, or a short one that dir/link leads to.
export function socketDir(dir, name) {
	const here = join(dir, name);
	if (Buffer.byteLength(here) <= 80) {
		mkdirSync(here, { recursive: true });
		return here;
	}
	return borrow(here);
}

function borrow(here) {
	const there = outside();
	rmSync(here, { recursive: true, force: true });
	symlinkSync(there, here);
	return there;
}

function postgresBin() {
	const base = "/usr/lib/postgresql";
	const versions = existsSync(base) ? readdirSync(base).filter((v) => existsSync(join(base, v, "bin/initdb"))) : [];
	const best = versions.map(Number).sort((a, b) => b - a)[0];
	if (!best) throw new Error("PostgreSQL is not installed: run make setup");
	return { bin: join(base, String(best), "bin"), version: best };
}

// initdb refuses root: root's servers run as postgres (made by the package) or nobody.
function unprivileged() {
	if (process.getuid() !== 0) return {};
	for (const name of ["postgres", "nobody"]) {
		const r = spawnSync("id", ["-u", name], { encoding: "utf8" });
		if (r.status === 0) return { name, uid: Number(r.stdout), gid: Number(execFileSync("id", ["-g", name], { encoding: "utf8" })) };
	}
	throw new Error("PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody");
}

const asUser = (user, args) => (user.uid === undefined ? args : ["setpriv", `--reuid=${user.uid}`, `--regid=${user.gid}`, "--clear-groups", "--", ...args]);
const reaches = (user, dir) => user.uid === undefined || spawnSync("setpriv", asUser(user, ["test", "-x", dir]).slice(1)).status === 0;

// A directory that lies in memory, where the machine has room for it: hundreds of databases made and dropped cost a disk's file system
// more than all that is done in them.
function inMemory(user) {
	const shm = "/dev/shm";
	if (!existsSync(shm) || !reaches(user, shm)) return null;
	const { bavail, bsize } = statfsSync(shm);
	if (bavail * bsize < 2 ** 31) return null;
	const dir = outside(shm);
	if (user.uid !== undefined) chownSync(dir, user.uid, user.gid);
	return dir;
}

// The superuser of the private cluster is the person at the terminal, so `psql -h DIR ktty` needs no -U.
export const dbUser = userInfo().username;

// PostgreSQL in dir: socket directory pg.dir, url(database) for clients. dir is emptied first. memory: its data need not outlive us.
export async function postgres(dir, { log, settings = {}, memory = false } = {}) {
	const { bin, version } = postgresBin();
	const user = unprivileged();
	rmSync(dir, { recursive: true, force: true });
	mkdirSync(join(dir, ".."), { recursive: true });
	let home = Buffer.byteLength(dir) <= 80 && reaches(user, join(dir, "..")) ? dir : borrow(dir);
	mkdirSync(home, { recursive: true });
	if (user.uid !== undefined) {
		chownSync(home, user.uid, user.gid);
		chmodSync(home, 0o755);
	}
	const data = join((memory && inMemory(user)) || home, "data");
	await copyOfTemplate(bin, version, user, data);
	const options = { listen_addresses: "", unix_socket_directories: home, unix_socket_permissions: "0700", dynamic_shared_memory_type: "mmap", max_connections: 200, fsync: "off", shared_buffers: "64MB", logging_collector: "off", timezone: "UTC", log_timezone: "UTC", ...settings };
	const pg = { dir: home, log, options, data, bin, user, url: (database) => `postgresql:///${database}?host=${encodeURIComponent(home)}&user=${encodeURIComponent(dbUser)}` };
	pg.start = async () => {
		pg.process = start(join(bin, "postgres"), { name: "PostgreSQL", args: ["-D", data, ...Object.entries(options).flatMap(([k, v]) => ["-c", `${k}=${v}`])], log, death: "INT", uid: user.uid, gid: user.gid, cwd: "/", env: { TZ: "UTC", LC_ALL: "C.UTF-8" } });
		await until(() => answers(pg.process, join(home, ".s.PGSQL.5432"), () => spawnSync(join(bin, "pg_isready"), ["-q", "-h", home]).status === 0), "PostgreSQL to accept connections", 30000);
	};
	pg.psql = async (database, sql) => {
		const r = await run(join(bin, "psql"), ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", home, "-U", dbUser, "-d", database, "-c", sql]);
		if (r.code) throw new Error(`psql: ${r.text.trim()}`);
		return r.stdout.trim();
	};
	pg.createdb = (name) => pg.psql("postgres", `CREATE DATABASE "${name}"`);
	pg.dropdb = (name) => pg.psql("postgres", `DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`);
	// "fast" drops the clients and checkpoints, "immediate" is a crash.
	pg.stop = (mode = "fast") => stop(pg.process, { with: mode === "immediate" ? "SIGQUIT" : "SIGINT" });
	await pg.start();
	return pg;
}

// initdb takes more than a second; a copy of what it made takes a tenth.
async function copyOfTemplate(bin, version, user, data) {
	const cache = join(root, ".run/cache");
	mkdirSync(cache, { recursive: true });
	const template = join(cache, `initdb-${version}-${dbUser}-${user.name ?? "self"}`);
	if (!existsSync(template)) {
		const fresh = mkdtempSync("/tmp/fairlead-initdb-");
		try {
			if (user.uid !== undefined) chownSync(fresh, user.uid, user.gid);
			const [command, ...args] = asUser(user, [join(bin, "initdb"), "-D", join(fresh, "data"), "-U", dbUser, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"]);
			const r = await run(command, args, { cwd: "/" });
			if (r.code) throw new Error(`initdb: ${r.text.trim()}`);
			const half = mkdtempSync(join(cache, "half-"));
			cpSync(join(fresh, "data"), join(half, "data"), { recursive: true });
			try {
				renameSync(join(half, "data"), template);
			} catch {
				// another run was first: its template is as good
			}
			rmSync(half, { recursive: true, force: true });
		} finally {
			rmSync(fresh, { recursive: true, force: true });
		}
	}
	const r = await run("cp", ["-R", template, data]);
	if (r.code) throw new Error(r.text);
	if (user.uid !== undefined) await run("chown", ["-R", `${user.uid}:${user.gid}`, data]);
	await run("chmod", ["0700", data]);
}

async function answers(process, socket, check) {
	if (!isAlive(process)) throw Object.assign(new Error(`${process.name} ended (${ending(process)}):\n${tail(process.log)}`), { final: true });
	if (socket && !existsSync(socket)) return false;
	return check();
}

export function reachable(where) {
	return new Promise((done) => {
		const c = connect(where);
		c.once("connect", () => {
			c.destroy();
			done(true);
		});
		c.once("error", () => done(false));
	});
}

// Redis with no TCP port and no persistence. socket: the path clients use.
export async function redis(dir, { log, socket = join(dir, "redis.sock") } = {}) {
	const home = Buffer.byteLength(socket) <= 100 ? dir : outside();
	mkdirSync(home, { recursive: true });
	const path = home === dir ? socket : join(home, "redis.sock");
	if (path !== socket) {
		rmSync(socket, { force: true });
		symlinkSync(path, socket);
	}
	const r = { socket: path, url: `unix:${path}`, log };
	r.start = async () => {
		rmSync(path, { force: true });
		r.process = start("redis-server", { name: "Redis", args: ["--port", "0", "--unixsocket", path, "--unixsocketperm", "700", "--save", "", "--appendonly", "no", "--daemonize", "no", "--dir", home, "--loglevel", "notice"], log, death: "KILL" });
		await until(() => answers(r.process, path, () => reachable(path)), "Redis to accept connections", 15000, 10);
	};
	r.command = async (...args) => (await run("redis-cli", ["-s", path, ...args.map(String)])).stdout.trim();
	r.stop = () => stop(r.process, { with: "SIGKILL" });
	await r.start();
	return r;
}

export function freePort() {
	return new Promise((done, fail) => {
		const s = createServer();
		s.once("error", fail);
		s.listen(0, "127.0.0.1", () => {
			const { port } = s.address();
			s.close(() => done(port));
		});
	});
}

// The accounts every dev chain starts with (the mnemonic "test test … junk"): known to everybody, worth nothing.
export const keys = [
	"0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
	"0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
	"0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
	"0x7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6",
];

// One JSON-RPC call over HTTP; throws an Error with .code and .data on an error answer.
export async function rpc(url, method, params = []) {
	const answer = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }), signal: AbortSignal.timeout(60000) });
	const { result, error } = await answer.json();
	if (error) throw Object.assign(new Error(error.message), { code: error.code, data: error.data });
	return result;
}

// mining: seconds between blocks, "auto" (a block a transaction) or "manual" (only evm_mine)
export async function anvil(dir, { log = join(dir, "anvil.log"), mining = 1, gasLimit = 300000000, port = 0, args = [] } = {}) {
	const how = mining === "auto" ? [] : mining === "manual" ? ["--no-mining"] : ["--block-time", String(mining)];
	const temp = join(dir, "anvil");
	mkdirSync(temp, { recursive: true });
	const packages = readdirSync(join(npm, "node_modules/@foundry-rs")).filter((n) => n.startsWith("anvil-"));
	if (!packages.length) throw new Error("anvil is not installed: run make setup");
	const node = { kind: "anvil", log };
	const from = existsSync(log) ? lstatSync(log).size : 0;
	node.process = start(join(npm, "node_modules/@foundry-rs", packages[0], "bin/anvil"), { name: "anvil", args: ["--host", "127.0.0.1", "--port", String(port), "--gas-limit", String(gasLimit), "--slots-in-an-epoch", "1", ...how, ...args], log, env: { HOME: temp, TMPDIR: temp, XDG_DATA_HOME: temp } });
	const found = await until(() => answers(node.process, null, () => readFileSync(log, "utf8").slice(from).match(/Listening on 127\.0\.0\.1:(\d+)/)), "anvil to listen", 30000, 20);
	return listening(node, Number(found[1]));
}

export async function hardhat(dir, { log = join(dir, "hardhat.log"), mining = 1, gasLimit = 30000000, port } = {}) {
	port ??= await freePort();
	const home = join(dir, "hardhat");
	mkdirSync(join(home, "node_modules"), { recursive: true });
	rmSync(join(home, "node_modules/hardhat"), { force: true });
	symlinkSync(join(npm, "node_modules/hardhat"), join(home, "node_modules/hardhat"));
	const interval = typeof mining === "number" ? mining * 1000 : 0;
	writeFileSync(join(home, "hardhat.config.js"), `module.exports = { solidity: "0.8.24", networks: { hardhat: { chainId: 31337, blockGasLimit: ${gasLimit}, mining: { auto: ${mining === "auto"}, interval: ${interval} } } } };\n`);
	writeFileSync(join(home, "package.json"), '{ "private": true, "devDependencies": { "hardhat": "*" } }\n');
	const node = { kind: "hardhat", log };
	node.process = start(process.execPath, { name: "hardhat", args: [join(npm, "node_modules/hardhat/internal/cli/bootstrap.js"), "node", "--hostname", "127.0.0.1", "--port", String(port)], cwd: home, log, env: { HOME: home, XDG_DATA_HOME: home, XDG_CONFIG_HOME: home, XDG_CACHE_HOME: home, TMPDIR: home, HARDHAT_DISABLE_TELEMETRY_PROMPT: "true", CI: "true" } });
	await until(() => answers(node.process, null, () => reachable({ host: "127.0.0.1", port })), "hardhat to listen", 60000, 50);
	return listening(node, port);
}

async function listening(node, port) {
	node.port = port;
	node.http = `http://127.0.0.1:${port}`;
	node.ws = `ws://127.0.0.1:${port}`;
	node.rpc = (method, ...params) => rpc(node.http, method, params);
	node.stop = () => stop(node.process, { with: "SIGTERM", ms: 3000 });
	await until(() => node.rpc("eth_chainId"), `${node.kind} to answer`, 30000);
	return node;
}
