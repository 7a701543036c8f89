// What our prices would have paid on the committed series of blocks (series.csv, made by series.mjs from seed 1), beside two common
// policies, and on other seeds, so that the policy is not made for one. Alone: node test/bench/price.mjs [SEEDS…]; `make bench-send` runs it too.
//
//   figure fee_regret 0.0840     paid / best in hindsight − 1, over all transactions that were in time; the two others are told above it
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { root } from "../../deploy/run/npm.mjs";
import { series } from "./series.mjs";

const bin = join(process.env.FAIRLEAD_BIN ?? join(root, process.env.BUILD ?? "build/release", "bin"), "fairlead-submitter");

// { fairlead: { paid, best, missed, of, regret }, "2 x base + tip": …, "fixed cap": … } and the table as it is printed
export function replay(file) {
	const r = spawnSync(bin, ["--price-replay", file], { encoding: "utf8", env: { ...process.env, NO_COLOR: "1" } });
	if (r.status !== 0) throw new Error(`--price-replay ${file}: exit ${r.status}\n${r.stderr}`);
	const sums = {};
	for (const m of r.stdout.matchAll(/^ (\S.*?) +paid (\d+) wei, best (\d+) wei, above it .*?, missed (\d+) of (\d+)$/gm)) {
		const [paid, best] = [BigInt(m[2]), BigInt(m[3])];
		sums[m[1]] = { paid, best, missed: Number(m[4]), of: Number(m[5]), regret: Number((paid - best) * 1000000n / best) / 1e6 };
	}
	return { sums, text: r.stdout };
}

const line = ({ regret, missed, of }) => `${regret.toFixed(4)} (missed ${missed} of ${of})`;

// The figures, [[name, value]]; say: where lines for people go.
export function price({ say = console.log, seeds = [7, 8], table = false } = {}) {
	const committed = join(root, "test/bench/series.csv");
	if (readFileSync(committed, "utf8") !== series(1)) throw new Error("test/bench/series.csv is not what series.mjs makes of seed 1: node test/bench/series.mjs > test/bench/series.csv");
	const { sums, text } = replay(committed);
	if (table) console.log(text);
	const dir = join(root, ".run/bench");
	mkdirSync(dir, { recursive: true });
	const told = (all) => Object.entries(all).map(([name, s]) => `${name} ${line(s)}`).join(", ");
	say(`what prices would have cost above the best in hindsight: ${told(sums)}`);
	for (const seed of seeds) {
		const file = join(dir, `series-${seed}.csv`);
		writeFileSync(file, series(seed));
		say(`the same on seed ${seed}: ${told(replay(file).sums)}`);
	}
	return [["fee_regret", sums.fairlead.regret.toFixed(4)]];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	const seeds = process.argv.length > 2 ? process.argv.slice(2).map(Number) : undefined;
	for (const [name, value] of price({ seeds, table: true })) console.log(`figure ${name} ${value}`);
}
