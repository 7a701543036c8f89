// npm packages live in .run/npm (deploy/setup puts them there), not beside the sources: need("ethers") finds them. What the benches measure beside us
// lives in .run/npm-bench: bench("bullmq").
import { createRequire } from "node:module";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
export const npm = resolve(root, ".run/npm");
export const need = createRequire(resolve(npm, "package.json"));
export const bench = createRequire(resolve(root, ".run/npm-bench/package.json"));
