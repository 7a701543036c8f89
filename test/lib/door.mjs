// The front door alone: one reconciler without chain, listener or Redis trouble, on a free port.
//
//   const w = await door(t, { routes: "  GET /x:\n    one: SELECT 1 AS n\n", serve: "  cors: [\"*\"]\n", …options of t.world })
//
// routes    text in front of `serve:`; GET /up is always there.  serve: more words of `serve:`, instead of what stands at `listen:` with
//           listen. w.serve(text) changes them for the next start; await w.open(options of w.start) starts it and waits for GET /up.
// await w.raw(text or bytes, { port, name, head, local, socket }) writes to a connection and reads until its end → [{ status, headers, body, json }, …] in order;
//           head: the answers have no bodies.  w.line({ port, local }) a connection that stays: { socket, text(), write, ended (promise), isOpen() }
// w.port(name, n = 0) of its n-th TCP listener
import { connect } from "node:net";

const up = "  GET /up:\n    one: SELECT 1 AS up\n";

export async function door(t, { routes = "", serve = "", listen = '127.0.0.1:0', env = {}, start = {}, yaml = (text) => text, ...options } = {}) {
	let base;
	const of = (words, at) => base.replace("\nserve:\n", `\n${up}${routes}\nserve:\n`).replace(/^ {2}listen: .*$/m, `  listen: ${at}\n${words}`);
	const w = await t.world({
		chain: "none", mapping: 1, yaml: (text) => {
			base = yaml(text);
			return of(serve, listen);
		}, env: { CONTRACT_ADDRESS: "0x5FbDB2315678afecb367f032d93F642f64180aa3", DEPLOYMENT_BLOCK: "1", RPC_URL: "http://127.0.0.1:1", WS_URL: null, ...env }, ...options,
	});
	const { writeFileSync } = await import("node:fs");
	w.serve = (words, at = listen) => writeFileSync(w.yaml, of(words, at));
	w.port = (name = "reconciler", n = 0) => {
		const opened = w.lines(name, (l) => l.ev === "serve" && /open/.test(l.msg ?? l.raw));
		return Number(opened[opened.length - 1 - n]?.port);
	};
	w.open = async (how = {}) => {
		const p = await w.start("reconciler", { wait: "alive", ...how });
		if (how.up !== false) await w.waitFor(async () => (await w.http("/up", { name: p.name })).status === 200, "the routes to be prepared");
		return p;
	};
	w.line = ({ port = w.port(), local, path } = {}) => line(t, path ? { path } : { host: "127.0.0.1", port, localAddress: local });
	w.raw = async (bytes, { head, ...at } = {}) => {
		const l = w.line(at);
		l.write(bytes);
		await w.waitFor(() => !l.isOpen(), "the connection to end", 40000);
		return answers(l.bytes(), head);
	};
	if (start !== false) await w.open(start);
	return w;
}

function line(t, at) {
	const socket = connect(at), parts = [];
	let open = true, ready = false;
	socket.on("data", (d) => parts.push(d));
	socket.on("connect", () => (ready = true));
	const ended = new Promise((done) => {
		for (const ev of ["end", "close", "error"]) {
			socket.on(ev, () => {
				open = false;
				done();
			});
		}
	});
	t.ends.push(async () => {
		socket.destroy();
		return { problems: [] };
	});
	const bytes = () => Buffer.concat(parts);
	return { socket, bytes, text: () => bytes().toString(), write: (b) => socket.write(b), ended, isOpen: () => open, isReady: () => ready };
}

// What a connection said, as answers in order; a last one that is cut short throws.
export function answers(bytes, head = false) {
	const list = [];
	for (let at = 0; at < bytes.length;) {
		const end = bytes.indexOf("\r\n\r\n", at);
		if (end < 0) throw new Error(`no whole header section: ${bytes.subarray(at, at + 200)}`);
		const [first, ...lines] = bytes.subarray(at, end).toString().split("\r\n");
		const headers = {};
		for (const l of lines) {
			const name = l.slice(0, l.indexOf(":")).toLowerCase(), value = l.slice(l.indexOf(":") + 1).trim();
			headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
		}
		const a = { status: Number(first.split(" ")[1]), headers };
		at = end + 4;
		let n = Number(headers["content-length"] ?? 0);
		if (head || a.status === 204 || a.status === 304 || a.status < 200) n = 0;
		if (bytes.length - at < n) throw new Error(`a body is cut short: ${first}`);
		a.body = bytes.subarray(at, at + n).toString();
		if (a.body && /json/.test(headers["content-type"])) a.json = JSON.parse(a.body);
		at += n;
		list.push(a);
	}
	return list;
}
