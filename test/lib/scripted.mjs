// The scripted node (test/node/README.md): one chain that grows from a seed, endpoints of it that may disagree.
//
//   const n = await scriptedNode({ t, endpoints: 2 })    ends with the test (without t: await n.close())
//     options: seed (1), chainId (31337), endpoints (1), chain ({ step: 1, legacy: true, … } before genesis), script (commands at once)
//   await n.do({ mine: 3 })                   one command: its answer · { a: …, b: … }: an object of answers · [ … ]: a list of them
//   n.endpoints[0].http .ws                   addresses for RPC_URL and WS_URL;  n.http, n.ws: those of the first
//   await n.rpc("eth_blockNumber", [], on)    result of endpoint `on` (0); throws what it refuses with .code .data .status
//   await n.asked({ method, on, via, holding, since, last })   what was asked;  n.count(…): how many;  n.raws({ from, nonce });  n.forget()
//   await n.mine(k, options)                  { mine: { blocks: k, …options } };  n.head()
//   await n.event("reveal", address, "TokenRevealed(uint256 indexed id)", { id: { seq: 1 } })   names a shape of logs
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { request, Agent } from "node:http";
import { root } from "../../deploy/run/npm.mjs";

export const nodeBin = () => process.env.FAIRLEAD_NODE ?? (process.env.FAIRLEAD_BIN ? join(process.env.FAIRLEAD_BIN, "../test/fairlead-node") : join(root, "build/release/test/fairlead-node"));

// One POST with a JSON body: { status, headers, text }
export function post(url, body, { agent, timeout = 30000 } = {}) {
	const text = typeof body === "string" ? body : JSON.stringify(body);
	return new Promise((done, fail) => {
		const q = request(url, { method: "POST", agent, timeout, headers: { "content-type": "application/json", "content-length": Buffer.byteLength(text) } }, (a) => {
			const parts = [];
			a.on("data", (d) => parts.push(d));
			a.on("end", () => done({ status: a.statusCode, headers: a.headers, text: Buffer.concat(parts).toString() }));
			a.on("error", fail);
			a.on("aborted", () => fail(new Error("cut in the middle of the answer")));
		});
		q.on("timeout", () => q.destroy(new Error("no answer")));
		q.on("error", fail);
		q.end(text);
	});
}

export async function scriptedNode({ t, seed, chainId, endpoints, chain, script, bin = nodeBin() } = {}) {
	if (!existsSync(bin)) throw new Error(`${bin} is not built: make node`);
	const args = [];
	for (const [name, value] of [["seed", seed], ["chain-id", chainId], ["endpoints", endpoints], ["chain", chain && JSON.stringify(chain)]]) if (value !== undefined) args.push(`--${name}`, String(value));
	const child = spawn("setpriv", ["--pdeathsig", "KILL", "--", bin, ...args], { stdio: ["ignore", "pipe", "pipe"] });
	const n = { pid: child.pid, err: "", running: true };
	n.exited = new Promise((done) => child.once("close", (code, signal) => {
		Object.assign(n, { running: false, code, signal });
		done(n);
	}));
	child.stderr.on("data", (d) => (n.err += d));
	const line = await new Promise((done, fail) => {
		let out = "";
		child.stdout.on("data", (d) => {
			out += d;
			if (out.includes("\n")) done(out);
		});
		n.exited.then(() => fail(new Error(`the scripted node ended at its start: ${n.err}`)));
	});
	Object.assign(n, JSON.parse(line));
	n.http = n.endpoints[0].http;
	n.ws = n.endpoints[0].ws;
	const agent = new Agent({ keepAlive: true });
	n.do = async (commands) => {
		const { status, text } = await post(n.control, commands, { agent });
		const answer = JSON.parse(text);
		if (status !== 200) throw new Error(`the scripted node refused: ${answer.error}`);
		const names = Array.isArray(commands) ? [] : Object.keys(commands);
		return names.length === 1 ? answer[names[0]] : answer;
	};
	n.rpc = async (method, params = [], on = 0) => {
		const { status, text } = await post(n.endpoints[on].http, { jsonrpc: "2.0", id: 1, method, params }, { agent });
		let answer;
		try {
			answer = JSON.parse(text);
		} catch {
			throw Object.assign(new Error(`HTTP ${status}: ${text.slice(0, 200)}`), { status, text });
		}
		if (answer.error) throw Object.assign(new Error(answer.error.message), { ...answer.error, status });
		return answer.result;
	};
	n.mine = (blocks = 1, options = {}) => n.do({ mine: { blocks, ...options } });
	n.event = (name, address, event, more = {}) => n.do({ shape: { name, address, event, args: more } });
	n.asked = (filter = {}) => n.do({ asked: filter });
	n.count = (filter = {}) => n.do({ asked: { ...filter, count: true } });
	n.raws = (filter = {}) => n.do({ raws: filter });
	n.forget = () => n.do({ forget: true });
	n.state = () => n.do({ state: true });
	n.head = async (branch = "main") => (await n.do({ heads: true }))[branch].head;
	n.addEndpoint = async () => {
		const e = await n.do({ endpoint: true });
		n.endpoints[e.on] = { http: e.http, ws: e.ws };
		return e.on;
	};
	n.close = async () => {
		agent.destroy();
		if (n.running) child.kill("SIGTERM");
		const timer = setTimeout(() => child.kill("SIGKILL"), 5000);
		await n.exited;
		clearTimeout(timer);
		if (n.code !== 0 || n.err) throw new Error(`the scripted node did not end well: ${n.signal ?? `exit ${n.code}`} ${n.err.slice(-2000)}`);
	};
	t?.ends.push(async () => ({ problems: await n.close().then(() => [], (e) => [e.message]) }));
	if (script) await n.do(script);
	return n;
}
