// A node that a test can play with: an HTTP and WebSocket proxy in front of a real dev chain (or of nothing at all), at
// one address that stays the same while it is down. It records everything and changes only what a test asked for.
//
//   node.http node.ws               the addresses for RPC_URL and WS_URL
//   node.calls                      every call: { at, via: "http"|"ws", method, params, batch, conn }   (at: ms, Date.now())
//   node.of("eth_getLogs")          those of one method; node.forget() empties the record
//   node.raws                       every eth_sendRawTransaction: { at, raw, hash, from, to, nonce, gasLimit, maxFeePerGas,
//                                   maxPriorityFeePerGas, gasPrice, name, args }   (name and args: decoded call data)
//   off = node.on("eth_call", async (call, next) => …)   answers in the node's place; "*" is every method; newest first.
//        return a value: the result · return next(): as the chain says (or change it) · throw new RpcError(code, text, data)
//        throw CUT: the connection ends without an answer · return NEVER: no answer, the connection stays
//        throw new Http(500, "body", headers): the whole HTTP answer
//   off = node.whole(fn)            fn({ calls, body, text }) before a request is read: undefined, or Http, CUT, NEVER. A question
//                                   over a WebSocket gets an error in place of Http; subscriptions are left alone
//   node.fault(kind)                all answers so: "500" "429" "html" "truncated" "empty" "wrong-id" "silent" "cut"; node.well() ends it
//   node.delay = 50                 ms before each answer, but to subscriptions
//   hold = node.hold("eth_sendRawTransaction")   calls wait; hold.list, hold.release() lets them go on, hold.drop() cuts them
//   node.lose(n)                    the next n raw transactions get their hash as an answer and are thrown away
//   await node.down(); await node.up()           nobody listens at the address (connection refused), then again
//   node.sockets                    WebSocket clients now;  node.connects: times of every try, also of refused ones
//   node.refuse = true | n          WebSocket tries answered with 503 (n of them)
//   node.cut()                      ends all WebSockets abruptly
//   node.silent = true              WebSockets stay open, nothing reaches the client any more
//   off = node.push(fn)             fn(message) for each notification to a client: the message, another, null (dropped) or an array
import { createServer, Agent, request } from "node:http";
import { need } from "../../deploy/run/npm.mjs";

const { WebSocketServer, WebSocket } = need("ws");
const { ethers } = need("ethers");

export class RpcError extends Error {
	constructor(code, message, data) {
		super(message);
		Object.assign(this, { code, data });
	}
}
export class Http {
	constructor(status, body = "", headers = {}) {
		Object.assign(this, { status, body, headers });
	}
}
export const CUT = Symbol("cut");
export const NEVER = Symbol("never");
const forever = new Promise(() => {});

const faults = {
	500: () => new Http(500, "internal error"),
	429: () => new Http(429, "slow down", { "retry-after": "1" }),
	html: () => new Http(200, "<!doctype html><html><body><h1>Bad gateway</h1></body></html>", { "content-type": "text/html" }),
	truncated: () => new Http(200, '{"jsonrpc":"2.0","id":1,"resu'),
	empty: () => new Http(200, ""),
	"wrong-id": ({ calls, body }) => {
		const all = calls.map((c) => ({ jsonrpc: "2.0", id: `not-${c.id}`, result: "0x1" }));
		return new Http(200, JSON.stringify(Array.isArray(body) ? all : all[0]));
	},
	silent: () => NEVER,
	cut: () => CUT,
};

// upstream: { http, ws } of a real chain, or null: then every method must be answered by node.on (else: method not found)
// iface: ethers' interface of the contract, for node.raws
export async function playNode(upstream, iface) {
	const agent = new Agent({ keepAlive: true });
	const middle = [];
	const wholes = [];
	const pushes = [];
	const open = new Set(); // TCP sockets of HTTP clients
	const node = { calls: [], raws: [], delay: 0, refuse: 0, silent: false, sockets: new Set(), connects: [], upstream };
	const remove = (list, x) => () => {
		const i = list.indexOf(x);
		if (i >= 0) list.splice(i, 1);
	};
	node.on = (method, fn) => {
		const entry = { method, fn };
		middle.unshift(entry);
		return remove(middle, entry);
	};
	node.whole = (fn) => {
		wholes.unshift(fn);
		return remove(wholes, fn);
	};
	node.push = (fn) => {
		pushes.push(fn);
		return remove(pushes, fn);
	};
	node.of = (method) => node.calls.filter((c) => c.method === method);
	node.forget = () => {
		node.calls.length = 0;
		node.raws.length = 0;
		node.connects.length = 0;
	};
	let unfault = () => {};
	node.well = () => unfault();
	node.fault = (kind) => {
		unfault();
		if (!faults[kind]) throw new Error(`no fault ${kind}: ${Object.keys(faults).join(" ")}`);
		unfault = node.whole(faults[kind]);
	};
	node.hold = (method) => {
		const list = [];
		let free = false;
		let dropped = false;
		const off = node.on(method, (call, next) => {
			if (free) return next();
			return new Promise((done, fail) => list.push({ call, go: () => done(next()), drop: () => fail(CUT) }));
		});
		const end = (how) => {
			off();
			for (const x of list.splice(0)) x[how]();
		};
		return { list, release: () => { free = true; end("go"); }, drop: () => { dropped = true; end("drop"); }, get dropped() { return dropped; } };
	};
	node.lose = (n) => {
		const off = node.on("eth_sendRawTransaction", (call, next) => {
			if (n-- <= 0) return next();
			if (n === 0) off();
			return ethers.keccak256(call.params[0]);
		});
		return off;
	};

	function record(call, via, conn, batch) {
		const entry = { at: Date.now(), via, conn, batch, method: call.method, params: call.params, id: call.id };
		node.calls.push(entry);
		if (call.method === "eth_sendRawTransaction") node.raws.push(describe(call.params?.[0], entry.at));
		return entry;
	}
	function describe(raw, at) {
		const r = { at, raw };
		try {
			const t = ethers.Transaction.from(raw);
			Object.assign(r, { hash: t.hash, from: t.from, to: t.to, nonce: t.nonce, type: t.type, value: t.value, data: t.data, gasLimit: t.gasLimit, maxFeePerGas: t.maxFeePerGas, maxPriorityFeePerGas: t.maxPriorityFeePerGas, gasPrice: t.gasPrice, chainId: t.chainId });
			const call = iface?.parseTransaction({ data: t.data, value: t.value });
			if (call) Object.assign(r, { name: call.name, args: call.args });
		} catch (e) {
			r.error = e;
		}
		return r;
	}

	function forward(text) {
		return new Promise((done, fail) => {
			const q = request(upstream.http, { method: "POST", agent, headers: { "content-type": "application/json", "content-length": Buffer.byteLength(text) } }, (answer) => {
				const parts = [];
				answer.on("data", (d) => parts.push(d));
				answer.on("end", () => done(Buffer.concat(parts).toString()));
				answer.on("error", fail);
			});
			q.on("error", fail);
			q.end(text);
		});
	}
	async function ask(call) {
		if (!upstream) throw new RpcError(-32601, `the method ${call.method} does not exist`);
		const { result, error } = JSON.parse(await forward(JSON.stringify({ jsonrpc: "2.0", id: 1, method: call.method, params: call.params ?? [] })));
		if (error) throw new RpcError(error.code, error.message, error.data);
		return result;
	}
	const touched = (call) => middle.some((m) => m.method === "*" || m.method === call.method);
	async function answer(call, last) {
		const through = middle.filter((m) => m.method === "*" || m.method === call.method);
		const step = (i) => (i < through.length ? Promise.resolve(through[i].fn(call, () => step(i + 1))) : last(call));
		try {
			const result = await step(0);
			if (result === CUT || result instanceof Http) throw result;
			return result === NEVER ? forever : { jsonrpc: "2.0", id: call.id, result: result ?? null };
		} catch (e) {
			if (e === CUT || e instanceof Http) throw e;
			if (e === NEVER) return forever;
			return { jsonrpc: "2.0", id: call.id, error: { code: e.code ?? -32603, message: e.message, ...(e.data === undefined ? {} : { data: e.data }) } };
		}
	}

	let conns = 0;
	const server = createServer((q, a) => {
		const parts = [];
		q.on("data", (d) => parts.push(d));
		q.on("end", () => serve(q, a, Buffer.concat(parts).toString()).catch((e) => (a.headersSent || a.destroyed ? q.socket.destroy() : give(q, a, e))));
	});
	server.keepAliveTimeout = 60000;
	server.on("connection", (s) => {
		s.number = ++conns;
		open.add(s);
		s.on("close", () => open.delete(s));
	});
	function give(q, a, how) {
		if (how === NEVER) return;
		if (how === CUT) return q.socket.destroy();
		if (how instanceof Http) {
			a.writeHead(how.status, { "content-type": "application/json", ...how.headers });
			return a.end(how.body);
		}
		a.writeHead(502);
		a.end(String(how?.message ?? how));
	}
	async function serve(q, a, text) {
		let body;
		try {
			body = JSON.parse(text);
		} catch {
			return give(q, a, new Http(400, "not JSON"));
		}
		const calls = Array.isArray(body) ? body : [body];
		const batch = Array.isArray(body) ? calls.length : 0;
		for (const c of calls) record(c, "http", q.socket.number, batch);
		if (node.delay) await new Promise((r) => setTimeout(r, node.delay));
		for (const fn of [...wholes]) {
			const how = await fn({ calls, body, text });
			if (how !== undefined) return give(q, a, how);
		}
		if (upstream && !calls.some(touched)) return give(q, a, new Http(200, await forward(text)));
		const answers = [];
		for (const c of calls) answers.push(await answer(c, ask)); // one after the other: raw transactions keep their order
		give(q, a, new Http(200, JSON.stringify(batch ? answers : answers[0])));
	}

	const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
	server.on("upgrade", (q, socket, head) => {
		node.connects.push(Date.now());
		if (node.refuse) {
			if (typeof node.refuse === "number") node.refuse--;
			return socket.end("HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
		}
		sockets.handleUpgrade(q, socket, head, (client) => connected(client, socket.number));
	});
	function connected(client, conn) {
		node.sockets.add(client);
		const waiting = [];
		const up = upstream ? new WebSocket(upstream.ws, { perMessageDeflate: false }) : null;
		const toClient = (m) => {
			if (!node.silent && client.readyState === WebSocket.OPEN) client.send(JSON.stringify(m));
		};
		const pending = new Map(); // our number on the upstream socket → settle
		let number = 0;
		const askSocket = (call) =>
			new Promise((done, fail) => {
				if (!up) return done(ask(call));
				const id = ++number;
				pending.set(id, { done, fail });
				const text = JSON.stringify({ jsonrpc: "2.0", id, method: call.method, params: call.params ?? [] });
				if (up.readyState === WebSocket.OPEN) up.send(text);
				else waiting.push(text);
			});
		client.say = toClient; // a test may push a notification of its own
		client.on("message", async (data) => {
			const body = JSON.parse(data.toString());
			const calls = Array.isArray(body) ? body : [body];
			for (const c of calls) record(c, "ws", conn, Array.isArray(body) ? calls.length : 0);
			const asks = !calls.some((c) => c.method === "eth_subscribe"); // what harms questions harms them here as well
			if (asks && node.delay) await new Promise((r) => setTimeout(r, node.delay));
			for (const fn of asks ? [...wholes] : []) {
				const how = await fn({ calls, body, text: data.toString() });
				if (how === NEVER) return;
				if (how === CUT) return client.terminate();
				if (!how) continue;
				const no = calls.map((c) => ({ jsonrpc: "2.0", id: c.id, error: { code: -32603, message: `${how.status} ${how.body}` } }));
				return toClient(Array.isArray(body) ? no : no[0]);
			}
			try {
				const answers = await Promise.all(calls.map((c) => answer(c, askSocket)));
				toClient(Array.isArray(body) ? answers : answers[0]);
			} catch {
				client.terminate();
			}
		});
		client.on("close", () => {
			node.sockets.delete(client);
			up?.terminate();
		});
		client.on("error", () => {});
		up?.on("open", () => waiting.splice(0).forEach((t) => up.send(t)));
		up?.on("error", () => client.terminate());
		up?.on("close", () => client.terminate());
		up?.on("message", (data) => {
			const m = JSON.parse(data.toString());
			const p = pending.get(m.id);
			if (p) {
				pending.delete(m.id);
				return m.error ? p.fail(new RpcError(m.error.code, m.error.message, m.error.data)) : p.done(m.result);
			}
			let list = [m];
			for (const fn of pushes) list = list.flatMap((x) => fn(x) ?? []);
			list.forEach(toClient);
		});
	}
	node.notify = (message) => node.sockets.forEach((c) => c.say(message));
	node.cut = () => node.sockets.forEach((c) => c.terminate());
	const listen = (port) =>
		new Promise((done, fail) => {
			server.once("error", fail);
			server.listen(port, "127.0.0.1", () => {
				server.off("error", fail);
				done(server.address().port);
			});
		});
	node.port = await listen(0);
	node.http = `http://127.0.0.1:${node.port}`;
	node.ws = `ws://127.0.0.1:${node.port}`;
	node.down = async () => {
		const closed = new Promise((done) => server.close(done));
		node.cut();
		open.forEach((s) => s.destroy());
		await closed;
	};
	node.up = () => listen(node.port);
	node.close = async () => {
		agent.destroy();
		if (server.listening) await node.down();
		sockets.close();
	};
	return node;
}
