// `make certify-mutants`: breaks the code in six ways, each in a copy of the tree under .run/mutants, and runs the cells that should see
// it. A mutant that no cell sees, or whose text is not found in the code any more, fails. MUTANT=<name> runs one, CELLS others of them.
//
// Nothing of the tree itself is changed. What the cells saw stands in README.md.
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../deploy/run/npm.mjs";
import { run } from "../../deploy/run/proc.mjs";
import { chosen } from "./cells.mjs";

process.env.CERTIFY_DIR = ".run/mutants/cells";
const { makeTemplate, withServers, Workers } = await import("./run.mjs");

// name, what it breaks, the cells that run, and edits: [file, text that stands there once, what stands there instead]
export const mutants = [
	{
		name: "send-before-commit",
		breaks: "INV-5, P2: signed bytes leave while their commit is still to come",
		cells: "send_before_commit:kill:*s*,send_before_commit:err:honest,send_before_commit:err:lost",
		edits: [
			["submitter/sign.c", "static void on_signed(void *arg, bool ok, const struct err *e)\n{", "static void nobody_hears(void *arg, const struct rpc_reply *r)\n{\n\t(void)arg, (void)r;\n}\n\nstatic void on_signed(void *arg, bool ok, const struct err *e)\n{"],
			["submitter/sign.c", "lease_held(s->lease) || fault_hit(FAULT_send_before_commit)) {\n\t\tdrop_signed(g);\n\t\treturn;\n\t}\n", "lease_held(s->lease) || fault_hit(FAULT_send_before_commit)) {\n\t\tdrop_signed(g);\n\t\treturn;\n\t}\n\tif (g->nsigned) {\n\t\tstruct rpc_request *q = rpc_request(s->rpc);\n\t\tfor (size_t i = 0; i < g->nsigned; i++) {\n\t\t\tstruct buf hex = {0};\n\t\t\tbuf_hex(&hex, g->signing[i].raw, g->signing[i].nraw);\n\t\t\trpc_call(q, \"eth_sendRawTransaction\", \"[\\\"0x%s\\\"]\", hex.p);\n\t\t\tbuf_fini(&hex);\n\t\t}\n\t\trpc_send(q, nobody_hears, NULL);\n\t}\n"],
		],
	},
	{
		name: "no-epoch-check",
		breaks: "INV-8, P5: a write of a worker that lost its lane goes through",
		cells: "mark_before_commit:stop:honest,send_before_commit:stop:honest,change_before_commit:stop:honest,verdict_before_commit:stop:honest",
		edits: [["sql/001_lanes.sql", " WHERE name = p_lane AND epoch = p_epoch\n\tRETURNING at INTO v_at;", " WHERE name = p_lane\n\tRETURNING at INTO v_at;"]],
	},
	{
		name: "free-before-final",
		breaks: "S1: what a reverted transaction held is free as soon as it is mined",
		cells: "send_after_commit::reverts,send_after_answer:err:reverts,verdict_after_commit::reverts",
		edits: [
			["sql/007_sending.sql", "AND NOT v.final AND NOT v.gone AND v.block <= v_chain.final\n\t\t ORDER BY v.block LIMIT p_limit", "AND NOT v.final AND NOT v.gone AND v.block <= v_chain.done\n\t\t ORDER BY v.block LIMIT p_limit"],
			["common/ledger/clock.c", '"v.block <= c.final)"', '"v.block <= c.done)"'],
			["sql/006_slots.sql", "(b.chain, b.number, b.hash) = (n.chain, n.closed_block, n.closed_hash) AND b.number <= c.final", "(b.chain, b.number, b.hash) = (n.chain, n.closed_block, n.closed_hash) AND b.number <= c.done"],
		],
	},
	{
		name: "free-on-null-receipt",
		breaks: "S2, INV-6: no receipt is taken for the proof that nothing of ours executed",
		cells: "send_after_commit::blind,verdict_before_commit::blind,send_after_answer::blind,watch_after_commit::blind",
		edits: [
			["submitter/inquest.c", "case TRACE_OURS: ask_block_receipts(q); break;", "case TRACE_OURS:\n\t\tq->trace.consumer = (struct consumer){.kind = CONSUMER_UNKNOWN};\n\t\tclose_slot(q);\n\t\tbreak;"],
		],
	},
	{
		name: "bump-with-a-fresh-nonce",
		breaks: "S3, P3: a replacement is signed with the lane's next nonce",
		cells: "change_before_commit:kill,change_after_commit:err,send_after_answer:kill:evicts",
		edits: [["submitter/change.c", "\t\t.nitems = old->nitems};\n\tsign_attempt(c);", "\t\t.nitems = old->nitems};\n\tc->sign.tx.nonce = (uint64_t)lease_lane(c->s->lease)->at;\n\tsign_attempt(c);"]],
	},
	{
		name: "ack-before-commit",
		breaks: "INV-1: a bell is acknowledged when it is heard",
		cells: "send_before_commit:kill:*s*,send_before_commit:stop:honest",
		edits: [["submitter/lane.c", "\ts->bell_owed = true;\n\ts->rung_since = true;\n\ts->plan.bell = true;\n", "\ts->plan.bell = true;\n\tear_ready(s->ear, INT64_MAX);\n"]],
	},
];

const work = join(root, ".run/mutants");

// The tree as git knows it, with its times, so that only what is broken is compiled anew.
function copyOfTree(dir) {
	rmSync(dir, { recursive: true, force: true });
	mkdirSync(dir, { recursive: true });
	const files = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], { cwd: root, maxBuffer: 1 << 26 });
	execFileSync("xargs", ["-0", "cp", "-p", "--parents", "-t", dir], { cwd: root, input: Buffer.from(files.toString().split("\0").filter((f) => f && existsSync(join(root, f))).join("\0")) });
	cpSync(join(root, "build/release"), join(dir, "build/release"), { recursive: true, preserveTimestamps: true });
}

export function breakIt(dir, edits) {
	for (const [file, from, to] of edits) {
		const text = readFileSync(join(dir, file), "utf8");
		const found = text.split(from).length - 1;
		if (found !== 1) throw new Error(`${file} has ${found} times what is to be broken, it must be once:\n${from}`);
		writeFileSync(join(dir, file), text.replace(from, () => to));
	}
}

async function see(m) {
	const dir = join(work, m.name), from = Date.now();
	copyOfTree(dir);
	breakIt(dir, m.edits);
	const built = await run("make", ["-s", "--no-print-directory", "-j2", "all", "node"], { cwd: dir, env: { MAKEFLAGS: "" } });
	if (built.code) throw new Error(`it does not compile:\n${built.text.split("\n").slice(-20).join("\n")}`);
	process.env.FAIRLEAD_BIN = join(dir, "build/release/bin");
	const list = chosen(process.env.CELLS || m.cells), saw = [];
	await withServers(async (shared) => {
		const template = await makeTemplate(shared);
		await new Workers(Number(process.env.JOBS || 4), shared, template).run(list, (cell, r) => r.problems.length && saw.push({ cell, why: r.problems[0] }));
	});
	rmSync(dir, { recursive: true, force: true });
	return { list, saw, s: (Date.now() - from) / 1000 };
}

let failed = 0;
for (const m of mutants.filter((m) => !process.env.MUTANT || process.env.MUTANT.split(/[\s,]+/).includes(m.name))) {
	try {
		const { list, saw, s } = await see(m);
		failed += saw.length === 0;
		console.log(`${saw.length ? "seen    " : "NOT SEEN"} ${m.name.padEnd(24)} by ${saw.length} of ${list.length} cells, ${s.toFixed(0)} s   ${m.breaks}`);
		if (saw.length) console.log(`         ${saw[0].cell.id}: ${saw[0].why.split("\n").find((l) => l.trim()).replace(/^\w*Error[^:]*: /, "")}`);
	} catch (e) {
		failed++;
		console.log(`FAILED   ${m.name}: ${e.message}`);
	}
}
console.log(`figure certify_mutants_unseen ${failed}`);
process.exit(failed ? 1 : 0);
