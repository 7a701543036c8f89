// The closing page of `make run ONCE=1`: one line a token for grep, then the verdict (plain digits, no colour, no braces).
const short = (hash) => `${hash.slice(0, 6)}…${hash.slice(-4)}`;
const cell = (v, width) => String(v ?? "-").padStart(width);

// rows: Map id → { batch, state } from PostgreSQL (may lack what never became an item)
export function ledger(watch, ids, rows) {
	const lines = [" token  event  batch  tx             nonce  mined  status  ms event to mined"];
	for (const id of ids) {
		const e = watch.events.get(id), t = watch.tokens.get(id), r = rows.get(id);
		const status = r?.state === "done" ? "final" : t ? "mined" : (r?.state ?? "no row");
		lines.push(`${cell(id, 6)}${cell(e?.block, 7)}${cell(r?.batch, 7)}  ${t ? short(t.hash) : "-".padEnd(11)}${cell(t?.nonce, 9)}${cell(t?.block, 7)}  ${status.padEnd(5)}${cell(watch.ms(id), 8)}`.trimEnd());
	}
	return lines;
}

const plural = (n, one, many = `${one}s`) => `${n} ${n === 1 ? one : many}`;

// What is wrong, worst first; nothing wrong: an empty list.
export function faults(watch, ids, rows, codes, back, attempts) {
	const list = [];
	for (const id of ids) {
		const b = back.tokens.find((t) => t.id === id);
		const item = rows.get(id);
		const story = `${item ? `its item is ${item.state}${item.reason ? ` (${item.reason})` : ""}` : "it never became an item"}; logs: .run/log`;
		if (!watch.events.has(id)) list.push(`token ${id} has no event on the chain`);
		else if (b.code === "") list.push(`token ${id} has no code on the chain; ${story}`);
		else if (b.code !== codes[id]) list.push(`token ${id} has another code on the chain than in tokenMapping.json`);
		else if (b.writes !== 1) list.push(`token ${id} was set ${b.writes} times; logs: .run/log`);
		else if (rows.get(id)?.state !== "done") list.push(`token ${id} has its code, but ${story}`);
	}
	if (attempts.stray) list.push(`${plural(attempts.stray, "transaction")} of the owner on the chain stand in no row of fairlead.attempt`);
	return list;
}

export function verdict(watch, ids, rows, codes, back, attempts, usage) {
	const good = back.tokens.filter((t) => t.code !== "" && t.code === codes[t.id]).length;
	const revealed = ids.filter((id) => watch.events.has(id)).length;
	const sent = watch.transactions.filter((t) => t.ids.some((id) => ids.includes(id)));
	const failed = sent.filter((t) => !t.ok).length;
	const sizes = sent.filter((t) => t.ok).map((t) => t.ids.length);
	const batches = new Set(ids.map((id) => rows.get(id)?.batch).filter((b) => b !== null && b !== undefined)).size;
	const ms = ids.map((id) => watch.ms(id)).filter((m) => m !== undefined).sort((a, b) => a - b);
	const once = back.tokens.every((t) => t.writes === 1);
	return [
		` ${plural(revealed, "token")} revealed; ${good === ids.length ? `${good} codes on the chain equal tokenMapping.json` : `${good} of ${ids.length} codes on the chain equal tokenMapping.json`}, read back at block ${back.block}`,
		` ${plural(batches, "batch", "batches")}${sizes.length ? ` of ${sizes.join(", ")}` : ""} in ${plural(sent.length, "transaction")}; ${attempts.replaced ? attempts.replaced : "none"} replaced, ${failed ? failed : "none"} failed; ${once ? "each token set once" : "not each token set once"}`,
		ms.length ? ` half mined within ${ms[Math.floor((ms.length - 1) / 2)]} ms, the slowest ${ms.at(-1)} ms; the fleet used ${usage.cpu.toFixed(2)} s CPU and ${usage.mib.toFixed(1)} MiB` : ` nothing was mined; the fleet used ${usage.cpu.toFixed(2)} s CPU and ${usage.mib.toFixed(1)} MiB`,
	];
}
