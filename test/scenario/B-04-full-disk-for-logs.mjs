export const name = "standard error is a full disk: the fleet works, counts the lines it lost, and drains";

import { existsSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { programs } from "../lib/world.mjs";

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: "auto", env: { BATCH_TIMEOUT_MS: "100", LOG_LEVEL: "debug" } });
	for (const p of programs) {
		const log = join(w.dir, `${p}.log`);
		assert.ok(!existsSync(log));
		symlinkSync("/dev/full", log); // every write there fails with ENOSPC
		await w.start(p, { wait: false });
		rmSync(log);
		writeFileSync(log, "");
	}
	await Promise.all(programs.map((p) => w.ready(w.programs[p])));
	const ids = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
	await w.revealEach(ids);
	await w.waitFor(() => w.codesSet(ids), "twelve codes");
	for (const p of programs) {
		const { json } = await w.health(p, "/status");
		assert.ok(json.log_lines_lost > 0, `${p} knows that lines were lost: ${JSON.stringify(json)}`);
		assert.equal(await w.stop(p), 0);
		assert.equal(w.log(p), "");
	}
}
