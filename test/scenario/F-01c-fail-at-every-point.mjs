export const name = "every fault point fails once; each token has one item and one write";
export const limit = 240;

import { walk } from "../lib/faults.mjs";

export default (t) => walk(t, "err");
