// A server of the live page without a fleet: the page's own files, and documents as reconciler/page/feed.h says them, for each of its states.
//
//   s = await sample(t, { state: "well", lives: 100000 })    s.url; s.doc: the whole document; s.tell({…}): the next message of the feed
//   s.reveal("77")  one more life at the top    s.state("stuck")   s.stop(), s.start(): the same port
//   states: well (some parked), clear, copes, stuck, first
//
// Run by itself it serves one until it is ended: node test/lib/sample.mjs [state [lives [port]]]
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { root } from "../../deploy/run/npm.mjs";

const files = join(root, "reconciler/page");
const types = { html: "text/html; charset=utf-8", css: "text/css; charset=utf-8", js: "text/javascript; charset=utf-8" };
// As site.c says it.
export const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
export const token = "a-token-of-the-test";

// Lives, newest first: those of the sample, then plain ones in batches of up to ten, some unusual, back to the start of all time.
function many(doc, first, n) {
	const out = first.map((l) => ({ ...l }));
	let id = BigInt(out.at(-1).id) - 1n, block = 26471914, at = doc.now - 58000, batch = 41416, nonce = 41407, seed = 7;
	const any = (k) => Math.floor(((seed = (seed * 48271) % 2147483647) / 2147483647) * k);
	while (out.length < n) {
		const size = 1 + any(10), odd = any(24) === 0, turned = any(1400) === 0, gwei = (14 + any(400) / 100).toFixed(2), total = odd ? 24000 + any(36000) : 12000;
		for (let i = 0; i < size && out.length < n; i++, id--) {
			const key = String(1 + any(19998)), event = { name: "TokenRevealed", block, log: (i * 7) % 60, at };
			const l = { id: String(id), key, what: "token", state: "final", tone: "still", event, batch, nonce, signer: "owner", fees: odd ? [gwei, (Number(gwei) * 1.125).toFixed(2)] : [gwei], due: null, sent: at + 2900, mined: { block: block + Math.round(total / 12000), at: at + total }, depth: 26471921 - block, of: 12, made: at + 942, ms: { wait: 2000, price: odd ? total - 12000 : 0, way: 10000, total }, text: null, odd };
			if (turned && i === 0) Object.assign(l, { state: "taken", tone: "gone", batch: null, nonce: null, fees: [], mined: null, ms: null, odd: true, text: `*Taken back by the chain.* A reorg removed its event {@${at + 12000}} ago; nothing was set` });
			l.say = `Token ${key}, ${l.state === "taken" ? "taken back by the chain" : `final, batch ${batch}, ${Math.round(total / 1000)} s`}`;
			out.push(l);
		}
		block -= 1 + any(4);
		at -= Math.round(12000 * (1 + any(9)) * (1.5 + Math.sin(at / 13750987)));
		batch--;
		nonce--;
	}
	return out;
}

const of = {
	all: () => true,
	flight: (l) => ["collecting", "cut", "sent", "mined"].includes(l.state),
	odd: (l) => l.odd || l.fees.length > 1 || l.text !== null,
	parked: (l) => l.state === "parked" || l.state === "dead",
	taken: (l) => l.state === "taken",
};

export function documents(state, lives) {
	const given = JSON.parse(readFileSync(join(root, "test/page/sample.json")));
	const doc = given.figures, rows = many(doc, [...given.lives.rows], lives);
	if (state === "stuck") Object.assign(doc, given.stuck);
	if (state === "first") Object.assign(doc, given.first);
	if (state === "clear") {
		Object.assign(doc.verdict, { h1: "Nothing needs you.", short: "Nothing needs you", lead: "Everything flows. From event to mined takes *12 s*, one block; the slowest of the last hour took *60 s*. None lost, none twice." });
		doc.parked = { n: 0, groups: [] };
	}
	if (state === "copes") Object.assign(doc.verdict, { tone: "wait", h1: "The price is held at the cap.", short: "held at the cap", since: doc.now - 64000, lead: "The chain asks *112.40 gwei*, our cap is *100.00*. Seven tokens wait for a cheaper block; nothing is lost.", you: "Raise `max` of owner's gas in ktty.yaml:29 if they must go now. Otherwise do nothing.", meanwhile: "Events are read and batched on. The next block is asked for its price in 9 s.", seen: null, others: [{ tone: "wait", text: "*eth-3 is 3 blocks behind*, so its answers are not used." }] });
	if (state === "first") rows.length = 0;
	return { doc, rows, story: given.story };
}

export async function sample(t, { state = "well", lives = 300, port = 0 } = {}) {
	let { doc, rows, story } = documents(state, lives), began = Date.now(), first = doc.now, lag = doc.now - (doc.as_of ?? doc.now), server, watchers = new Set();
	const s = { asked: [], acts: [] };
	const clock = () => first + Date.now() - began;
	const recount = () => {
		const counts = Object.fromEntries(Object.keys(of).map((k) => [k, rows.filter(of[k]).length]));
		doc.lives = { counts, rows: rows.slice(0, 14) };
	};
	recount();
	const stamp = () => ({ now: clock(), as_of: state === "stuck" ? first - lag : clock() - 300 });
	const send = (part) => watchers.forEach((w) => w.write(`event: figures\ndata: ${JSON.stringify({ ...stamp(), ...part })}\n\n`));
	s.tell = (part) => {
		Object.assign(doc, part);
		send(part);
	};
	s.state = (to) => {
		({ doc, rows, story } = documents((state = to), lives));
		s.doc = doc;
		began = Date.now();
		lag = doc.now - (doc.as_of ?? doc.now);
		recount();
		send(doc);
	};
	s.reveal = (key) => {
		const at = clock(), top = rows[0] ?? { id: "0", event: { block: 26471921 } };
		rows.unshift({ id: String(BigInt(top.id) + 1n), key, what: "token", state: "collecting", tone: "sea", event: { name: "TokenRevealed", block: (top.event?.block ?? 0) + 1, log: 1, at }, batch: null, nonce: null, signer: "owner", fees: [], due: at + 2000, sent: null, mined: null, depth: null, of: null, made: at, ms: { wait: 0, price: 0, way: 0, total: null }, text: null, say: `Token ${key}, collecting` });
		recount();
		s.tell({ lives: doc.lives, ...(doc.first ? { first: null } : {}) });
		return rows[0];
	};

	const json = (res, status, body) => res.writeHead(status, { "Content-Type": "application/json", "Cache-Control": "no-store" }).end(JSON.stringify(body));
	const words = (l, q) => l.key === q || String(l.batch) === q.replace(/^batch /, "") || String(l.event?.block) === q || l.state === q;
	const api = {
		feed(req, res) {
			res.writeHead(200, { "Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-store" });
			res.write("retry: 300\n\n");
			watchers.add(res);
			res.on("close", () => watchers.delete(res));
			res.write(`event: figures\ndata: ${JSON.stringify({ ...doc, ...stamp() })}\n\n`);
		},
		figures: (req, res) => json(res, 200, { ...doc, ...stamp() }),
		lives(req, res, p) {
			if (state === "stuck") return json(res, 503, { title: "Service Unavailable", status: 503 });
			const kind = p.get("kind") ?? "all", q = p.get("q") ?? "", before = p.get("before"), after = p.get("after");
			const list = kind === "all" && !q ? rows : rows.filter((l) => of[kind](l) && (!q || words(l, q)));
			// ids fall along the list
			const split = (id) => {
				let a = 0, b = list.length;
				while (a < b) {
					const m = (a + b) >> 1;
					if (BigInt(list[m].id) > BigInt(id)) a = m + 1;
					else b = m;
				}
				return a;
			};
			let from = 0, to = 100;
			if (before !== null) to = (from = split(before) + (list[split(before)]?.id === before ? 1 : 0)) + 100;
			if (after !== null) from = Math.max(0, (to = split(after)) - 100);
			json(res, 200, { as_of: clock(), kind, counts: doc.lives.counts, of: q ? null : list.length, rows: list.slice(from, to), more: after !== null || to < list.length });
		},
		strip(req, res, p) {
			const n = Number(p.get("bars") ?? 240), from = rows.at(-1)?.made ?? first, to = clock(), step = (to - from) / n;
			const bars = Array.from({ length: rows.length ? n : 0 }, (_, i) => [Math.round(from + i * step), 0, 0, 0, null]);
			for (const l of rows) {
				const b = bars[Math.min(n - 1, Math.floor((l.made - from) / step))];
				b[1]++;
				if (of.parked(l)) b[2]++;
				if (of.taken(l)) b[3]++;
				b[4] ??= l.id;
			}
			json(res, 200, { from, to, bars });
		},
		story(req, res, p, id) {
			const life = rows.find((l) => l.id === id) ?? story.life;
			const title = life.text ? `${life.key} is ${life.state}` : story.title.replaceAll("4211", life.key);
			const parked = life.state === "parked", sent = life.state === "sent";
			json(res, 200, { ...story, id, life, title, acts: sent ? story.acts.map((a) => ({ ...a, of: String(life.batch) })) : [], you: parked ? `Add \`"${life.key}": "<code>"\` to tokenMapping.json. The file is watched: the token leaves with the next batch, no restart.` : null, ...(parked ? { lines: story.lines.slice(0, 2).concat({ at: life.made, exact: true, verb: "Parked.", text: `The other tokens of this block went on without it: nothing waits behind ${life.key}.`, tone: "wait", fill: true }), attempts: [], plot: null, nonce: null, acts: [{ act: "retry", of: id, label: "Retry", may: true, why: null, effect: "" }] } : {}) });
		},
		act(req, res, p) {
			const admin = req.headers.authorization === `Bearer ${token}`;
			if (req.method === "GET" && !p.get("act")) return json(res, 200, { admin });
			const [act, named] = [p.get("act"), p.get("of")];
			const [label, effect] = { drop: ["Drop", "Drop it: nothing can be sent twice."], cancel: ["Cancel it", `Cancel batch ${named}: nonce 41388 is used up by a transaction that does nothing, unless the batch is mined first.`], resend: ["Resend it", `Resend batch ${named}: the signed bytes of attempt 3 leave again now, and a higher price is considered at once. The same nonce: it can't be done twice.`], freeze: ["Freeze it", `Freeze ${named}: nothing new is signed in its name until it is thawed. What is sent already stays on its way, and can be cancelled.`], thaw: ["Thaw it", `Thaw ${named}: it signs again, and what waits leaves.`] }[act] ?? ["Retry", "Retry it: nothing can be sent twice."];
			if (req.method === "GET") return json(res, 200, { act, of: named, label, effect, may: true, why: null });
			if (!admin) return json(res, 401, { title: "Unauthorized", status: 401 });
			let body = "";
			req.on("data", (d) => (body += d)).on("end", () => {
				const { act, of: named } = JSON.parse(body), froze = act === "freeze";
				s.acts.push({ act, of: named });
				if (act !== "freeze" && act !== "thaw") return void json(res, 200, { done: true, text: "1 waits for the next batch." });
				// its figures come behind the answer, or before it
				const answer = () => json(res, 200, { done: true, text: froze ? `Signer ${named} is frozen.` : `Signer ${named} signs again.` });
				const figures = () => s.tell({ signers: doc.signers.map((x) => (x.name === named ? { ...x, tone: froze ? "stop" : "well", acts: [froze ? "thaw" : "freeze"], facts: (froze ? [{ name: "frozen", text: `*{@${clock()}}* ago, by admin: it signs nothing new` }] : []).concat(x.facts.filter((f) => f.name !== "frozen")) } : x)) });
				const [first, second] = froze ? [answer, figures] : [figures, answer];
				first();
				setTimeout(second, 200);
			});
		},
	};
	function serve(req, res) {
		const url = new URL(req.url, "http://x"), [, base, name, id] = url.pathname.split("/");
		s.asked.push(req.url);
		try {
			const file = url.pathname === "/" ? "index.html" : base === "_fairlead" && /^[a-z]+\.(css|js)$/.test(name) ? name : null;
			if (file) return void res.writeHead(200, { "Content-Type": types[file.split(".")[1]], "Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff" }).end(readFileSync(join(files, file)));
			if (base === "_fairlead" && api[name]) return void api[name](req, res, url.searchParams, id);
		} catch (e) {
			s.failed = e;
			return void json(res, 500, { title: e.message });
		}
		json(res, 404, { title: "Not Found", status: 404 });
	}
	s.start = async () => {
		server = createServer(serve);
		await new Promise((done) => server.listen(port, "127.0.0.1", done));
		port = server.address().port;
		s.url = `http://127.0.0.1:${port}/`;
	};
	s.stop = () => new Promise((done) => {
		server.close(done);
		server.closeAllConnections();
	});
	const beat = setInterval(() => send({}), 1000);
	s.end = async () => {
		clearInterval(beat);
		await s.stop();
		return { problems: s.failed ? [s.failed.stack] : [] };
	};
	s.next = (id) => rows[rows.findIndex((l) => l.id === id) + 1]?.id; // the older neighbour
	s.doc = doc;
	await s.start();
	t?.ends.push(s.end);
	return s;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	const s = await sample(null, { state: process.argv[2], lives: Number(process.argv[3] ?? 100000), port: Number(process.argv[4] ?? 0) });
	console.log(s.url);
}
