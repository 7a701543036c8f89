export const name = "every variable of the original has its default, and an override is honoured: in what --print understands, and in what the fleet does";

import { createServer } from "node:net";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

// variable: [where it stands in --print, default there, an override, what that is printed as]
const table = {
	WS_URL: ["chains.main.ws.0", undefined, "ws://127.0.0.1:7", "ws://127.0.0.1:7"],
	DB_MAX_CONNECTIONS: ["fleet.pool", "20", "7", "7"],
	CONFIRMATIONS_REQUIRED: ["chains.main.final", "1", "6", "6"],
	RPC_RETRY_ATTEMPTS: ["chains.main.retry.alarm.0", "3", "9", "9"],
	RPC_RETRY_DELAY_MS: ["chains.main.retry.first", "1000ms", "250", "250ms"],
	RPC_TIMEOUT_MS: ["chains.main.timeout", "30000ms", "1500", "1500ms"],
	PROCESSING_INTERVAL_MS: ["batches.reveal.pause", "0ms", "100", "100ms"],
	MAX_RETRIES: ["batches.reveal.retry.tries", "3", "5", "5"],
	RETRY_DELAY_MS: ["batches.reveal.retry.first", "5000ms", "70", "70ms"],
	EXPONENTIAL_BACKOFF: ["batches.reveal.retry.grow", "true", "false", "false"],
	MAX_GAS_PRICE: ["signers.owner.gas.max", "100000000000 wei", "5000000000", "5000000000 wei"],
	GAS_MULTIPLIER: ["signers.owner.gas.margin", "1.2", "1.35", "1.35"],
	BLOCK_RANGE_LIMIT: ["chains.main.range", "1000", "12", "12"],
	CATCHUP_BATCH_SIZE: ["chains.main.run", "100", "13", "13"],
	POLLING_INTERVAL_MS: ["chains.main.poll", "5000ms", "130", "130ms"],
	RECONNECT_DELAY_MS: ["chains.main.reconnect.first", "1000ms", "20", "20ms"],
	MAX_RECONNECT_ATTEMPTS: ["chains.main.reconnect.alarm.0", "10", "4", "4"],
	PORT: ["serve.listen.0", "0.0.0.0:3000", "3456", "0.0.0.0:3456"],
	LOG_LEVEL: ["fleet.log", "info", "debug", "debug"],
	GRACEFUL_SHUTDOWN_TIMEOUT_MS: ["fleet.drain", "10000ms", "4000", "4000ms"],
	TOKEN_MAPPING_FILE_PATH: ["files.codes.path", "tokenMapping.json", "other.json", "other.json"],
	RELOAD_MAPPING_ON_CHANGE: ["files.codes.watch", "true", "false", "false"],
	HEALTH_CHECK_INTERVAL_MS: ["fleet.check", "30000ms", "900", "900ms"],
	METRICS_ENABLED: ["serve.metrics", "true", "false", "false"],
	ALERT_CONSECUTIVE_FAILURES: ["fleet.alarm.failures", "5", "2", "2"],
	ALERT_PROCESSING_DELAY_MS: ["fleet.alarm.delay", "60000ms", "8000", "8000ms"],
	MAX_BATCH_SIZE: ["batches.reveal.max", "10", "4", "4"],
	BATCH_TIMEOUT_MS: ["batches.reveal.wait", "2000ms", "150", "150ms"],
};

// The lines of --print by their path: two blanks a level, "- " an item of a list.
function paths(text) {
	const found = {};
	const stack = [];
	const counts = [];
	for (const line of text.split("\n")) {
		const indent = line.search(/\S/);
		if (indent < 0) continue;
		let level = Math.floor(indent / 2); // a line of SQL may stand anywhere: its path is nonsense and nobody asks for it
		let rest = line.slice(indent);
		stack.length = level;
		counts.length = level + 1;
		while (rest.startsWith("- ")) {
			counts[level] = (counts[level] ?? -1) + 1;
			stack[level++] = String(counts[level - 1]);
			counts.length = level;
			rest = rest.slice(2);
		}
		const m = rest.match(/^("[^"]*"|[\w.]+):(?: (.*))?$/);
		if (m) stack[level] = m[1].replace(/^"|"$/g, "");
		const value = m ? m[2] : rest;
		if (value !== undefined) found[stack.slice(0, level + (m ? 1 : 0)).join(".")] = value.replace(/^"(.*)"$/, "$1");
	}
	return found;
}

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "auto" });
	writeFileSync(join(w.dir, "other.json"), "{}");
	const none = Object.fromEntries(Object.keys(table).map((k) => [k, null]));
	const print = async (env) => {
		const r = await w.run("reconciler", ["--print"], { env: { ...none, SEND_WINDOW: null, ...env } });
		assert.equal(r.code, 0, r.text);
		return paths(r.out);
	};
	const read = (list, path) => list[path] ?? list[path.replace(/\.0$/, "")];
	const defaults = await print({});
	for (const [name, [path, wanted]] of Object.entries(table)) assert.equal(read(defaults, path), wanted, `${name}'s default, at ${path}`);
	const all = await print(Object.fromEntries(Object.entries(table).map(([k, v]) => [k, v[2]])));
	for (const [name, [path, , , wanted]] of Object.entries(table)) assert.equal(read(all, path), wanted, `${name}'s override, at ${path}`);
	// one alone moves nothing else
	const one = await print({ MAX_RETRIES: "5" });
	assert.deepEqual(Object.keys(one).filter((k) => one[k] !== defaults[k]), ["batches.reveal.retry.tries"]);

	// a value that is none of its kind is refused by name
	for (const [name, bad] of Object.entries({ MAX_RETRIES: "many", GAS_MULTIPLIER: "much", LOG_LEVEL: "loud", PORT: "99999999", EXPONENTIAL_BACKOFF: "perhaps", BATCH_TIMEOUT_MS: "-1" })) {
		const r = await w.run("listener", ["--check"], { env: { [name]: bad } });
		assert.equal(r.code, 78, `${name}=${bad}: ${r.text}`);
		assert.match(r.text, /fairlead\.yaml:\d+:\d+/);
	}

	// DB_PORT: 5432 unless it is said; what connects is told by the socket that it comes to
	const seen = [];
	const server = createServer((s) => (seen.push(s.localPort), s.destroy()));
	await new Promise((done) => server.listen(0, "127.0.0.1", done));
	t.ends.push(async () => (server.close(), { problems: [] }));
	const db = { DATABASE_URL: null, DB_HOST: "127.0.0.1", DB_USERNAME: "u", DB_PASSWORD: "p", DB_NAME: "n" };
	const p = await w.start("listener", { name: "port", env: { ...db, DB_PORT: String(server.address().port) }, wait: "alive" });
	await w.waitFor(() => seen.length > 0, "a connection to DB_PORT");
	await p.stop();
	const q = await w.start("listener", { name: "noport", env: { ...db, DB_HOST: "127.1.2.3", DB_PORT: null }, wait: "alive" });
	await w.waitFor(() => q.lines((l) => /127\.1\.2\.3.*5432|5432.*127\.1\.2\.3/.test(l.raw)).length > 0, "port 5432 in what it says");
	await q.stop();

	// and what the fleet does with some of them, together
	w.node.forget();
	const env = { WS_URL: null, POLLING_INTERVAL_MS: "130", MAX_BATCH_SIZE: "4", BATCH_TIMEOUT_MS: "150", GAS_MULTIPLIER: "1.35", LOG_LEVEL: "debug", CONFIRMATIONS_REQUIRED: "3" };
	for (const program of ["listener", "batcher", "submitter", "reconciler"]) await w.start(program, { env });
	await w.revealEach([1, 2, 3, 4, 5, 6]);
	await w.waitFor(() => w.codesSet([1, 2, 3, 4, 5, 6]), "six codes");
	const bulks = await w.bulks();
	assert.deepEqual(bulks.map((b) => b.ids.length), [4, 2]);
	const estimate = Number(await w.chain.rpc("eth_estimateGas", { from: w.owner, to: w.address, data: w.iface.encodeFunctionData("setBulkTokenCodes", [[11, 12, 13, 14], [11, 12, 13, 14].map((id) => w.codes[id])]) }));
	assert.ok(Math.abs(bulks[0].gasLimit / estimate - 1.35) < 0.01, `${bulks[0].gasLimit} is 1.35 times ${estimate}`);
	assert.equal((await w.one("SELECT head - final AS n FROM fairlead.chains")).n, 3);
	assert.ok(w.lines("submitter", (l) => l.level === "debug").length > 0, "lines of level debug");
	assert.equal(w.node.sockets.size, 0);
}
