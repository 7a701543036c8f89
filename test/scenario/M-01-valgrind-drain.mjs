export const name = "each program under valgrind carries one batch and drains: no leak, no wrong access";
export const limit = 180;

import { programs } from "../lib/world.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: 0.5, env: { GRACEFUL_SHUTDOWN_TIMEOUT_MS: "60000" } });
	const under = { build: "valgrind" };
	for (const p of programs) await w.start(p, { ...under, wait: false });
	await Promise.all(programs.map((p) => w.waitFor(async () => {
		if (!w.programs[p].running) throw Object.assign(new Error(`${p} ended: ${w.log(p)}`), { final: true });
		return (await w.health(p)).status === 200;
	}, `${p} to be ready`, 90000)));
	const ids = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
	await w.revealEach(ids);
	await w.waitFor(async () => (await w.one("SELECT count(*) AS n FROM fairlead.item WHERE state = 'done'")).n === ids.length, "ten final items", 90000);
	assert.ok(await w.codesSet(ids));
	for (const p of w.all) p.signal9("SIGTERM");
	for (const p of w.all) {
		await w.waitFor(() => !p.running, `${p.name} to drain`, 90000);
		assert.equal(p.code, 0, `${p.name}: ${p.text()}`); // 99: valgrind found something
	}
}
