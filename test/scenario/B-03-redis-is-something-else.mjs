export const name = "what listens at REDIS_URL is no Redis: it is said in plain words, nothing crashes, every token still gets its code";

import { createServer } from "node:net";
import { join } from "node:path";
import { programs } from "../lib/world.mjs";

const strangers = {
	web: (s) => s.once("data", () => s.end("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")),
	noise: (s) => s.once("data", () => s.write(Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 167) % 256)))),
	mute: () => {},
	slammer: (s) => s.destroy(),
	liar: (s) => s.on("data", () => s.write("$2147483647\r\n")),
};

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "auto", yaml: (text) => text.replace(/^ *skip:.*\n/m, ""), env: { BATCH_TIMEOUT_MS: "100", POLLING_INTERVAL_MS: "200" } });
	const path = join(w.dir, "x.sock");
	let behave;
	const open = new Set();
	const server = createServer((s) => {
		open.add(s);
		s.on("error", () => {});
		s.on("close", () => open.delete(s));
		behave(s);
	});
	behave = strangers.web;
	await new Promise((done) => server.listen(path, done));
	t.ends.push(async () => {
		server.close();
		open.forEach((s) => s.destroy());
		return { problems: [] };
	});
	for (const p of programs) await w.start(p, { env: { REDIS_URL: `unix:${path}` }, wait: "alive" });
	const ids = [];
	for (const kind of Object.keys(strangers)) {
		behave = strangers[kind];
		open.forEach((s) => s.destroy());
		const at = ids.length + 1;
		ids.push(at, at + 1);
		await w.revealEach([at, at + 1]);
		await w.waitFor(() => w.codesSet(ids), `codes, while Redis is ${kind}`);
		for (const p of programs) await w.waitFor(async () => {
			const a = await w.health(p);
			return a.status === 503 && /Redis/.test(a.body);
		}, `${p} to say that Redis does not answer, while it is ${kind}`);
	}
	for (const p of programs) assert.ok(w.programs[p].running && w.lines(p, (l) => l.level === "odd" && /Redis/.test(l.text)).length > 0, `${p} runs, and has said it`);
	for (const id of ids) assert.equal(await w.writes(id), 1);
}
