export const name = "each program freezes once at every fault point, another takes over, then it wakes; each token has one item and one write";
// INV-8
export const limit = 240;

import { walk } from "../lib/faults.mjs";

export default (t) => walk(t, "stop");
