export const name = "200 random worlds: chains, reorgs, moods of endpoints, crashes; the tables and items of each are those of its final chain";
// test/worlds/run.mjs. Another number: WORLDS=1000 make test ONLY=X-01
export const limit = 600;

import { spawn } from "node:child_process";
import { join } from "node:path";
import { root } from "../../deploy/run/npm.mjs";

export default async function (t) {
	const child = spawn(process.execPath, [join(root, "test/worlds/run.mjs")], { env: { ...process.env, SEED: "", SEEDS: process.env.WORLDS ?? "200", WORLDS_DIR: join(t.dir, "worlds") }, stdio: ["ignore", "pipe", "pipe"] });
	let text = "";
	for (const stream of [child.stdout, child.stderr]) stream.on("data", (d) => (text += d));
	const code = await new Promise((done) => child.once("close", done));
	if (code !== 0) throw new Error(text);
	t.note(text.trim().split("\n").at(-1));
}
