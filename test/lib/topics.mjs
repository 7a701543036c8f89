// Listening to topics, by the npm client of WebSocket and by plain HTTP.
//
//   s = await socket(w, "/ws", { name: "reconciler" })   open; s.said: every frame so far, parsed; s.messages: those with a seq
//   s.say({ subscribe: "revoked" })   await s.next((f) => f.subscribed, "…")   the first frame, from the last next on, that fits
//   s.close()   await s.closed → { code, reason }
//   e = await stream(w, "/ws?topics=a", { lastId })      server-sent events: e.status e.type e.events [{ id, event, data }] e.text() e.close()
import { need } from "../../deploy/run/npm.mjs";

const { WebSocket } = need("ws");

export async function socket(w, path = "/ws", { name, headers } = {}) {
	const line = new WebSocket(w.door(name).replace("http", "ws") + path, { headers });
	const s = { line, said: [], read: 0, say: (o) => line.send(typeof o === "string" ? o : JSON.stringify(o)), close: () => line.close() };
	Object.defineProperty(s, "messages", { get: () => s.said.filter((f) => f.seq !== undefined && f.type !== undefined) });
	line.on("message", (data) => s.said.push(JSON.parse(data)));
	s.closed = new Promise((done) => line.on("close", (code, reason) => done({ code, reason: String(reason) })));
	s.next = (fits, what) => w.waitFor(() => {
		for (let i = s.read; i < s.said.length; i++) {
			if (!fits(s.said[i])) continue;
			s.read = i + 1;
			return s.said[i];
		}
		return undefined;
	}, what);
	w.t.ends.push(async () => {
		line.terminate();
		return { problems: [] };
	});
	await new Promise((done, fail) => {
		line.on("open", done);
		line.on("error", fail);
		line.on("unexpected-response", (_, r) => fail(new Error(`status ${r.statusCode}`)));
	});
	return s;
}

export async function stream(w, path, { name, lastId, headers = {} } = {}) {
	const end = new AbortController();
	const r = await fetch(w.door(name) + path, { headers: { accept: "text/event-stream", ...(lastId ? { "last-event-id": String(lastId) } : {}), ...headers }, signal: end.signal });
	const e = { status: r.status, type: r.headers.get("content-type"), all: "", close: () => end.abort() };
	Object.defineProperty(e, "events", { get: () => e.all.split("\n\n").slice(0, -1).map((block) => Object.fromEntries(block.split("\n").filter((l) => !l.startsWith(":")).map((l) => [l.slice(0, l.indexOf(":")), l.slice(l.indexOf(":") + 2)]))).filter((x) => x.data).map((x) => ({ ...x, data: JSON.parse(x.data) })) });
	e.over = (async () => {
		try {
			for await (const part of r.body) e.all += Buffer.from(part).toString();
		} catch {
			// closed by us, or cut
		}
	})();
	w.t.ends.push(async () => {
		end.abort();
		return { problems: [] };
	});
	return e;
}
