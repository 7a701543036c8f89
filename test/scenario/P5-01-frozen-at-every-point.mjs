export const name = "P5: frozen past its lease at each fault point of the submitter (F-01b has the others), another takes over, then it wakes: its first write is refused, and what it still sends is harmless";
export const limit = 120;

import { runSome } from "../certify/cell.mjs";
import { points } from "../certify/cells.mjs";
import { walked } from "../lib/faults.mjs";

export default async function (t) {
	const rest = points.filter((id) => !walked(id));
	await runSome(t, rest.map((id) => `${id}:stop:honest`));
	t.note(`${rest.length} points`);
}
