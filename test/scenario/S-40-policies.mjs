export const name = "policies of a signer: a freeze while busy, a limit over two submitters and a restart, a window that passes, what a transaction may cost; refused is told, what is allowed goes on, and the trail of it all verifies";
export const limit = 180;

export default async function (t) {
	const { assert } = t;
	const signer = (words) => (y) => y.replace(/^( *)(owner: *\{|owner:\n)/m, (all, indent, head) => (head.endsWith("{") ? `${indent}owner: { ${words}, ` : `${all}${indent}  ${words.replace(/, (?=[a-z_]+:)/g, `\n${indent}  `)}\n`));
	const w = await t.world({ fleet: ["listener", "batcher"], env: { BATCH_TIMEOUT_MS: "50", MAX_BATCH_SIZE: "1" }, yaml: signer("limit: 3/h") });
	const sends = async () => (await w.one("SELECT count(*) AS n FROM fairlead.attempt WHERE n = 1")).n;
	const refusals = (code) => w.sql("SELECT batch, nonce, kind, reason FROM fairlead.refusal WHERE reason LIKE $1 ORDER BY seq", [`policy_${code}%`]);
	const metric = (p, code) => w.metric(p, "fairlead_policy_refusals_total", `policy="${code}"`);
	const verify = async () => {
		const r = await w.run("reconciler", ["--verify"]);
		assert.equal(r.code, 0, r.text);
		return r.out;
	};
	await w.start("submitter");

	// freeze: while a transaction is unmined and more is asked for
	await w.reveal([1]);
	await w.waitFor(async () => (await sends()) === 1, "the first transaction");
	assert.equal((await w.one("SELECT fairlead.freeze('a person', 'owner') AS n")).n, true);
	assert.equal((await w.one("SELECT fairlead.freeze('a person', 'owner') AS n")).n, false, "twice is once");
	await w.reveal([2]);
	await w.waitFor(async () => (await w.sql("SELECT FROM fairlead.batch WHERE state = 'ready'")).length === 1, "the second batch");
	await w.waitFor(() => w.codesSet([1]), "what was committed to be mined");
	await w.waitFor(async () => /frozen/.test((await w.health("submitter")).body), "/readyz to say it");
	await w.never(async () => (await sends()) > 1, "a signature under a freeze", (() => { let from; return async () => { const { done } = await w.one("SELECT done FROM fairlead.chains"); from ??= done; return done > from + 3; }; })());
	assert.equal((await w.one("SELECT fairlead.thaw('a person', 'owner') AS n")).n, true);
	await w.waitFor(async () => (await sends()) === 2, "the second transaction behind the thaw");

	// the limit: three in an hour, whichever submitter
	await w.reveal([3, 4, 5]);
	await w.waitFor(async () => (await sends()) === 3, "the third");
	await w.waitFor(async () => (await refusals("limit")).length > 0, "the row of the refusal");
	assert.match((await refusals("limit"))[0].reason, /used="3" most="3" per="3600000" room="0" until="\d+"|used="2" most="3" per="3600000" room="1" until="\d+"/);
	await w.waitFor(() => w.lines("submitter", "policy.refused").some((l) => l.level === "odd" && l.policy === "policy_limit"), "the line");
	assert.ok((await metric("submitter", "limit")) > 0, "the metric");
	await w.waitFor(async () => (await w.health("submitter")).status === 200 || /3 transactions/.test((await w.health("submitter")).body), "/readyz");
	const rows = (await refusals("limit")).length;
	await w.start("submitter", { name: "second", wait: "alive" });
	await w.kill9("submitter");
	await w.waitFor(async () => (await refusals("limit")).length > rows, "the other submitter to be refused as well");
	assert.equal(await sends(), 3);
	// an hour later
	await w.sql("UPDATE fairlead.used SET till = till - interval '2 hours'");
	await w.stop("second");
	await w.start("submitter");
	await w.waitFor(() => w.codesSet([1, 2, 3, 4, 5]), "the rest when there is room");
	for (const id of [1, 2, 3, 4, 5]) assert.equal(await w.writes(id), 1);
	for (const r of w.node.raws) assert.equal(r.to.toLowerCase(), w.address.toLowerCase(), "nothing but what send: names");
	assert.match(await verify(), /owner 0x\w+ on \w+: \d+ rows are as they were written; the newest link is 0x[0-9a-f]{64}\nwhat people did: 2 rows/);
}
