export const name = "two serve: a killed leader, a lost Redis, a restarted PostgreSQL and a restarted server cost a listener nothing but time";

import { socket, stream } from "../lib/topics.mjs";
import { publishes } from "./T-01-topics.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ app: "vcel", mining: "auto", pg: "own", fleet: ["listener", "batcher", "reconciler"], yaml: publishes });
	await w.start("reconciler", { name: "other" });
	let count = 0;
	const heard = [];
	const listen = async (name) => {
		const s = await socket(w, "/ws", { name });
		s.say({ subscribe: "revoked", from: 0 });
		await s.next((f) => f.subscribed, `${name} to confirm`);
		heard.push(s);
		return s;
	};
	const revoke = async (n = 3) => {
		await w.revokeMany(7, n);
		count += n;
	};
	const all = (s) => w.waitFor(() => s.messages.length >= count, `${count} messages`);
	const a = await listen("reconciler"), b = await listen("other");
	await revoke();
	await Promise.all([all(a), all(b)]);

	// the one that numbers is killed
	await w.kill9("reconciler");
	assert.equal((await a.closed).code, 1006);
	await revoke();
	await all(b);

	// no bell rings
	await w.redisServer.stop("SIGKILL");
	await revoke();
	await all(b);

	// PostgreSQL restarts: the line stays
	await w.pg.stop("fast");
	await w.pg.start();
	await revoke();
	await all(b);
	assert.equal(b.line.readyState, 1);

	// who was cut off goes on where it was, at another replica
	await w.start("reconciler", { name: "third", wait: "alive" });
	const c = await w.waitFor(() => socket(w, "/ws", { name: "third" }), "the third to serve");
	c.say({ subscribe: "revoked", from: a.messages.at(-1).seq });
	await w.waitFor(() => a.messages.length + c.messages.length >= count, "the rest of it");
	const seqs = [...a.messages, ...c.messages].map((f) => f.seq);
	assert.deepEqual(seqs, b.messages.map((f) => f.seq));
	assert.equal(new Set(seqs).size, count);
	const e = await stream(w, "/ws?topics=revoked&from=0", { name: "other" });
	await w.waitFor(() => e.events.length === count, "all of it as events");
	assert.deepEqual(e.events.map((x) => Number(x.id)), seqs);
}
