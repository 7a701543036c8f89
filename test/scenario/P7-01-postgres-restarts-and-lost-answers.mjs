export const name = "P7: under load PostgreSQL is restarted twenty times (immediate), thirty backends are ended, and the answers to twenty of the submitter's commits are cut off: nothing is lost, nothing is done twice";
export const limit = 180;

import { connect, createServer } from "node:net";
import { join } from "node:path";
import { judge, miner, prepare, settled } from "../certify/cell.mjs";
import { socketDir } from "../../deploy/run/servers.mjs";

// Stands between the submitter and PostgreSQL. While w.cuts > 0 a chunk of answers in which a transaction ended ("Z", idle) is thrown
// away with the connection: what was asked is done, and nobody was told.
async function knife(t, pg) {
	const dir = socketDir(t.dir, "knife"), ends = new Set(), k = { dir, cuts: 0, done: 0, answers: 0 };
	const server = createServer((client) => {
		const back = connect(join(pg.dir, ".s.PGSQL.5432"));
		ends.add(client).add(back);
		let asked = false;
		const end = () => {
			client.destroy();
			back.destroy();
			ends.delete(client);
			ends.delete(back);
		};
		client.on("data", (d) => {
			asked ||= d.includes("send_commit") || d.includes("verdicts_add") || d.includes("attempt_add") || d[0] === 0x42; // B: a prepared one
			back.write(d);
		});
		back.on("data", (d) => {
			if (asked && k.cuts > 0 && ++k.answers % 3 === 0 && d.includes(Buffer.from([0x5a, 0, 0, 0, 5, 0x49]))) {
				k.cuts--;
				k.done++;
				end();
			} else client.write(d);
		});
		for (const s of [client, back]) s.on("error", end).on("close", end);
	});
	await new Promise((done) => server.listen(join(dir, ".s.PGSQL.5432"), done));
	t.ends.push(async () => {
		for (const s of ends) s.destroy();
		await new Promise((done) => server.close(done));
		return { problems: [] };
	});
	return k;
}

export default async function (t) {
	const c = await prepare(t, undefined, undefined, { pg: "own" }), { w, n } = c;
	await w.sql("ALTER SYSTEM SET track_commit_timestamp = on");
	const k = await knife(t, w.pg);
	const restart = async () => {
		await w.pg.stop("immediate");
		await w.pg.start();
	};
	await restart();
	c.miner = miner(n);
	for (const p of ["listener", "batcher", "reconciler"]) await w.start(p, { wait: false });
	await w.start("submitter", { wait: false, env: { DATABASE_URL: w.databaseUrl.replace(encodeURIComponent(w.pg.dir), encodeURIComponent(k.dir)) } });
	const signed = async () => (await w.one("SELECT count(*) AS n FROM fairlead.attempt").catch(() => ({ n: 0 }))).n;
	const moves = async (harm) => {
		const before = await c.until(async () => ({ n: await signed() }), "PostgreSQL to answer");
		await c.wave(4);
		await harm();
		await c.until(async () => (await signed()) > before.n, "transactions to be signed behind it");
	};
	try {
		await moves(() => {});
		k.cuts = 20;
		while (k.cuts > 0) await moves(() => {});
		for (let i = 0; i < 30; i++) await moves(() => w.sql("SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1) x"));
		for (let i = 0; i < 20; i++) await moves(restart);
		await c.until(() => settled(c), () => `all to be final; now ${c.now}`, 60000);
		await judge(c);
	} finally {
		await c.miner.stop().catch(() => {});
	}
	t.note(`${c.waved} items, ${k.done} answers cut off`);
}
