export const name = "twelve cells of the matrix of make certify: a fault point of the submitter, killed, frozen past its lease or failed, on a node in a mood; one effect an item, no gap, committed before it left, the ledger is the chain";
// P2, P3, P4, P5, P12
export const limit = 120;

import { runSome } from "../certify/cell.mjs";

const dozen = [
	"send_before_commit:kill:lost",
	"send_after_commit:stop:honest",
	"send_before_broadcast:kill:forgets",
	"send_after_broadcast:stop:besu",
	"send_after_answer:err:status",
	"lane_after_take:kill:lies",
	"load_after_read:stop:nethermind",
	"change_before_commit:stop:reth",
	"change_after_commit:kill:evicts",
	"verdict_before_commit:kill:reorg",
	"verdict_after_commit:stop:reverts",
	"lane_before_leave:err:erigon",
];

export default async function (t) {
	await runSome(t, dozen);
	t.note(`${dozen.length} cells`);
}
