export const name = "health sockets of the four programs over TCP and unix, GET, HEAD and nothing else; /status is JSON, /metrics holds to the text format";

import { request } from "node:http";
import { programs } from "../lib/world.mjs";

const ask = (at, path, method = "GET", body) =>
	new Promise((done, fail) => {
		const q = request({ ...at, path, method, timeout: 5000 }, (a) => {
			let text = "";
			a.on("data", (d) => (text += d));
			a.on("end", () => done({ status: a.statusCode, headers: a.headers, text }));
		});
		q.on("timeout", () => q.destroy(new Error("no answer within 5 s")));
		q.on("error", fail);
		q.end(body);
	});

// What promtool checks of the text format 0.0.4: each family once, HELP and TYPE before its samples and these together, names, labels
// with escapes, numbers, no sample twice, totals that are counters.
function checkMetrics(assert, text) {
	assert.ok(text.endsWith("\n"));
	const families = new Map();
	const samples = new Set();
	let now;
	for (const line of text.slice(0, -1).split("\n")) {
		const meta = line.match(/^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*)$/);
		if (meta) {
			const [, kind, name, rest] = meta;
			if (name !== now) {
				assert.ok(!families.has(name), `${name} stands in two places`);
				families.set((now = name), { n: 0 });
			}
			const f = families.get(name);
			assert.equal(f.n, 0, `${kind} of ${name} behind its samples`);
			assert.equal(f[kind], undefined, `${kind} of ${name} twice`);
			f[kind] = rest;
			if (kind === "TYPE") assert.match(rest, /^(counter|gauge|histogram)$/);
			else assert.ok(rest.length > 3 && !/\\[^\\n]/.test(rest), `HELP of ${name}: ${rest}`);
			continue;
		}
		const s = line.match(/^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\]|\\[\\"n])*",?)*)\})? (NaN|[+-]Inf|[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/);
		assert.ok(s, `not a sample: ${line}`);
		const [, name, labels = "", value] = s;
		const f = families.get(now);
		const part = f.TYPE === "histogram" && name.match(/^(.*)_(bucket|sum|count)$/);
		assert.equal(part ? part[1] : name, now, `${name} stands outside of its family`);
		if (f.TYPE === "histogram") {
			assert.ok(part, `${name} is no part of a histogram`);
			const of = labels.replace(/,?le="[^"]*"$/, ""), le = labels.match(/le="([^"]*)"$/)?.[1];
			const h = ((f.of ??= new Map()).get(of) ?? f.of.set(of, { at: -Infinity, n: 0 }).get(of));
			if (part[2] === "bucket") {
				assert.ok((le === "+Inf" ? Infinity : Number(le)) > h.at && Number(value) >= h.n, `${line}: buckets ascend and add up`);
				Object.assign(h, { at: le === "+Inf" ? Infinity : Number(le), n: Number(value) });
			} else if (part[2] === "count") {
				assert.deepEqual([h.at, h.n], [Infinity, Number(value)], `${line}: the last bucket holds all`);
			}
		}
		f.n++;
		assert.ok(f.HELP && f.TYPE, `${name} has HELP and TYPE`);
		assert.equal(name.endsWith("_total"), f.TYPE === "counter", `${name} is a ${f.TYPE}`);
		if (f.TYPE === "counter") assert.ok(Number(value) >= 0);
		assert.ok(!samples.has(`${name}{${labels}}`), `${line} twice`);
		samples.add(`${name}{${labels}}`);
	}
	for (const [name, f] of families) assert.ok(f.n > 0, `${name} has no sample`);
	return families;
}

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "auto", env: { BATCH_TIMEOUT_MS: "50" } });
	await Promise.all(programs.map((p) => w.start(p, { args: ["--health", `unix:${w.dir}/sock/${p}.sock`, "--health", "127.0.0.1:0"] })));
	await w.batchReveal([1, 2]);
	await w.waitFor(() => w.codesSet([1, 2]), "two codes");
	let samples = 0;
	for (const program of programs) {
		const p = w.programs[program];
		const port = Number(w.lines(program, "health").find((l) => l.at === "127.0.0.1:0").port);
		assert.ok(port > 0);
		for (const at of [{ socketPath: p.socket }, { host: "127.0.0.1", port }]) {
			assert.deepEqual([(await ask(at, "/livez")).status, (await ask(at, "/livez")).text], [200, "alive\n"]);
			assert.deepEqual([(await ask(at, "/readyz")).status, (await ask(at, "/readyz")).text], [200, "ready\n"]);
			const status = await ask(at, "/status");
			assert.match(status.headers["content-type"], /^application\/json/);
			const s = JSON.parse(status.text);
			assert.deepEqual([s.program, s.pid, s.ready, s.reasons, s.phase, s.application, s.postgresql, s.redis], [program, p.pid, true, [], "running", "ktty", true, true]);
			const metrics = await ask(at, "/metrics");
			assert.equal(metrics.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
			samples += checkMetrics(assert, metrics.text).size;
			assert.match(metrics.text, /^process_start_time_seconds \d+/m);
			for (const path of ["/livez", "/readyz", "/status", "/metrics"]) {
				const head = await ask(at, path, "HEAD");
				assert.deepEqual([head.status, head.text, head.headers["cache-control"]], [200, "", "no-store"]);
				assert.ok(Number(head.headers["content-length"]) > 0);
				for (const method of ["POST", "PUT", "DELETE"]) {
					const no = await ask(at, path, method, "x=1");
					assert.deepEqual([no.status, no.headers.allow], [405, "GET, HEAD"]);
				}
			}
			const none = await ask(at, "/nothing");
			assert.equal(none.status, 404);
			assert.match(none.text, /\/livez \/readyz \/status \/metrics/);
		}
	}
	assert.ok((await w.metric("listener", "fairlead_events_total")) >= 1);
	assert.ok((await w.metric("batcher", "fairlead_batches_total")) >= 1);
	assert.ok((await w.metric("submitter", "fairlead_batches_sent_total")) >= 1);

	// one address for two programs: the second says so; a socket that a dead process left is taken over
	const twice = await w.start("batcher", { name: "twice", env: { FAIRLEAD_HEALTH: `unix:${w.programs.batcher.socket}` }, wait: false });
	await twice.exited;
	assert.equal(twice.code, 78);
	assert.match(twice.text(), /can't listen on unix:/);
	assert.equal((await w.health("batcher", "/livez")).status, 200);
	await w.kill9("batcher");
	await w.start("batcher");
	t.note(`${samples} families`);
}
