// Stands between a client and a node, as a process of its own: node proxy.mjs delay PORT, or node proxy.mjs count PORT.
// Prints "listening <its port>".
//
// delay  Every byte leaves 25 ms after it came, in either direction, and a connection costs one round trip more, as on a line of
//        50 ms. Neither the rate nor the number of connections is limited; the sender is held back only by what a receiver leaves
//        unread.
// count  HTTP. Passes everything on, and answers GET /counts with { calls: { method: n }, requests, logs: [bytes of each reply to
//        eth_getLogs] }, counted since the last time it was asked.
import { Agent, createServer as createHttp, request } from "node:http";
import { connect, createServer } from "node:net";

const [what, port] = [process.argv[2], Number(process.argv[3])];
const oneWayMs = 25, unread = 32 << 20;

// What `from` says reaches `to` later, in order; its end too. open: when the connection would stand on a line of this length.
function carry(from, to, open) {
	const queue = [];
	let timer;
	const drain = () => {
		timer = undefined;
		while (queue.length && queue[0].due <= performance.now()) {
			const { bytes } = queue.shift();
			if (!bytes) to.end();
			else if (!to.write(bytes) && to.writableLength > unread) from.pause();
		}
		if (queue.length) timer = setTimeout(drain, queue[0].due - performance.now());
	};
	const put = (bytes) => {
		const now = performance.now();
		queue.push({ bytes, due: Math.max(now, open) + oneWayMs });
		timer ??= setTimeout(drain, queue[0].due - now);
	};
	from.on("data", put);
	to.on("drain", () => from.resume());
	from.on("end", () => put(null));
	from.on("error", () => to.destroy());
	from.on("close", () => from.errored && to.destroy());
}

function delaying() {
	return createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
		const node = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
		carry(client, node, performance.now() + 2 * oneWayMs);
		carry(node, client, 0);
	});
}

const fresh = () => ({ calls: {}, requests: 0, logs: [] });
let counts = fresh();

function counting() {
	const agent = new Agent({ keepAlive: true });
	return createHttp((ask, answer) => {
		if (ask.url === "/counts") {
			answer.end(JSON.stringify(counts));
			counts = fresh();
			return;
		}
		const parts = [];
		ask.on("data", (d) => parts.push(d));
		ask.on("end", () => {
			const body = Buffer.concat(parts);
			const calls = [JSON.parse(body)].flat(), headers = { ...ask.headers, "content-length": body.length };
			delete headers["transfer-encoding"];
			counts.requests++;
			for (const c of calls) counts.calls[c.method] = (counts.calls[c.method] ?? 0) + 1;
			const on = request({ agent, port, host: "127.0.0.1", method: ask.method, path: ask.url, headers }, (a) => {
				let n = 0;
				a.on("data", (d) => (n += d.length));
				a.on("end", () => calls.some((c) => c.method === "eth_getLogs") && counts.logs.push(n));
				answer.writeHead(a.statusCode, a.headers);
				a.pipe(answer);
			});
			on.on("error", () => answer.destroy());
			answer.on("close", () => answer.writableFinished || on.destroy());
			on.end(body);
		});
	});
}

const server = { delay: delaying, count: counting }[what]();
server.listen(0, "127.0.0.1", () => console.log(`listening ${server.address().port}`));
