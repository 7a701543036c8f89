// The matrix of `make certify`: every fault point of the submitter × kill, stop, err × every mood of the node. A cell is named
// <point>:<action>:<mood>, as in send_after_commit:kill:lost.
import { readFileSync } from "node:fs";

const def = readFileSync(new URL("../../common/io/fault.def", import.meta.url), "utf8");
export const points = [...def.matchAll(/^FAULT_POINT\((\w+), "submitter"/gm)].map((m) => m[1]);

// kill: the process kills itself, another is started · stop: it freezes, its lease runs out, another takes over, then it wakes ·
// err: what stands behind the point fails
export const actions = ["kill", "stop", "err"];

// Points behind which nothing can fail: what they follow is done, and its outcome changes nothing.
const nothingToFail = new Set(["send_after_store", "order_after_commit", "lane_after_leave"]);

// pool: whose rules of a mempool
export const moods = {
	honest: { words: "the node does what it is told" },
	lost: { words: "it takes a transaction and cuts the line without an answer" },
	status: { words: "it takes a transaction and answers 500" },
	evicts: { words: "its mempool loses what it took" },
	lies: { words: "its counts of the account are too high, then too low" },
	blind: { words: "it has no receipt of what is mined, for a long while" },
	reorg: { words: "the blocks with our transactions leave the chain, its mempool gets them back" },
	forgets: { words: "the same, and its mempool does not get them back" },
	reverts: { words: "they are mined and revert, then these blocks leave the chain, and they go well" },
	besu: { words: "besu's rules and words; a first answer is lost", pool: "besu" },
	nethermind: { words: "nethermind's", pool: "nethermind" },
	reth: { words: "reth's", pool: "reth" },
	erigon: { words: "erigon's", pool: "erigon" },
};

// Points beside a transaction's own way, and the moods that they meet: those that harm a request. What a chain does to transactions,
// the points of that way see.
export const beside = /^(claim|topup|order|foreign)_/;
const harms = ["honest", "lost", "status", "blind"];
const moodsOf = (point) => (beside.test(point) ? harms : Object.keys(moods));

export const cells = points.flatMap((point) => actions.filter((action) => action !== "err" || !nothingToFail.has(point)).flatMap((action) => moodsOf(point).map((mood) => ({ point, action, mood, id: `${point}:${action}:${mood}` }))));

// "send_after_commit:kill:lost", or parts of it: "send_*:kill", "::besu"
export function chosen(text) {
	const patterns = text.split(/[\s,]+/).filter(Boolean).map((p) => p.split(":").map((x) => new RegExp(`^${(x || "*").replaceAll("*", ".*")}$`)));
	return cells.filter((c) => patterns.some(([p, a, m]) => p.test(c.point) && (!a || a.test(c.action)) && (!m || m.test(c.mood))));
}
