export const name = "each program kills itself once at every fault point and is restarted; each token has one item and one write";
export const limit = 240;

import { walk } from "../lib/faults.mjs";

export default (t) => walk(t, "kill");
