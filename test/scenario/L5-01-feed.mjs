export const name = "the feed tells a reveal at once, its story, what is parked with its cure, and PostgreSQL's absence with the beats of all";
export const limit = 240;

// One stream of server-sent events: the document as it stands, and every message.
function watch(url) {
	const feed = { doc: {}, messages: [], ended: false };
	const stop = new AbortController();
	feed.close = () => stop.abort();
	feed.done = (async () => {
		const r = await fetch(url, { signal: stop.signal, headers: { accept: "text/event-stream" } });
		feed.status = r.status;
		feed.type = r.headers.get("content-type");
		const utf8 = new TextDecoder();
		let text = "";
		for await (const chunk of r.body) {
			text += utf8.decode(chunk, { stream: true });
			for (let at; (at = text.indexOf("\n\n")) >= 0; text = text.slice(at + 2)) {
				const data = /^data: (.*)$/m.exec(text.slice(0, at))?.[1];
				if (!data) continue;
				const part = JSON.parse(data);
				feed.messages.push(Object.keys(part));
				Object.assign(feed.doc, part);
			}
		}
	})().catch(() => {}).finally(() => (feed.ended = true));
	return feed;
}

export default async function (t) {
	const { assert } = t;
	const w = await t.world({ mining: 1, fleet: "all", pg: "own", mapping: { 1: "one", 2: "two", 3: "three" },
		env: { BATCH_TIMEOUT_MS: "200", ADMIN_TOKEN: "a-token-of-the-test" } });
	const get = async (path) => (await w.http(path)).json;
	const feed = watch(`${w.door("reconciler")}/_fairlead/feed`);

	// nothing yet
	const members = ["now", "as_of", "app", "verdict", "day", "river", "parked", "lives", "chains", "signers", "routes", "fleet", "first"];
	await w.waitFor(() => feed.doc.verdict?.tone === "sea", "the first document");
	assert.deepEqual(members.filter((m) => !(m in feed.doc)), []);
	assert.match(feed.type, /^text\/event-stream/);
	assert.equal(feed.doc.verdict.h1, "Listening. No event yet.");
	assert.ok(feed.doc.first.ready.length >= 4);
	await w.waitFor(() => feed.doc.fleet.length === 4, "four beats");
	assert.deepEqual(feed.doc.fleet.map((p) => p.program), ["listener", "batcher", "submitter", "reconciler"]);

	// a reveal
	await w.reveal([1]);
	await w.waitFor(() => feed.doc.lives.rows.some((l) => l.key === "1"), "the reveal's line");
	await w.waitFor(() => feed.doc.lives.rows.find((l) => l.key === "1")?.mined, "its receipt");
	const life = feed.doc.lives.rows.find((l) => l.key === "1");
	assert.deepEqual([life.what, life.event.name.replace(/.*\./, ""), life.batch > 0, life.nonce, life.fees.length], ["token", "TokenRevealed", true, life.nonce, 1]);
	assert.match(life.say, /^Token 1, /);
	assert.match(feed.doc.verdict.h1, /^Nothing needs you/);
	assert.equal(feed.doc.first, null);
	const one = await w.http("/_fairlead/figures");
	assert.deepEqual(members.filter((m) => !(m in one.json)), []);
	assert.equal(one.json.lives.counts.all, 1);

	// its story
	const story = await get(`/_fairlead/story/${life.id}`);
	const verbs = story.lines.map((l) => l.verb);
	assert.deepEqual(verbs.filter((v) => v !== "Final."), ["Seen.", "Heard.", "Batched.", "Signed.", "Attempt 1 sent.", "Mined."]);
	assert.match(story.lines.find((l) => l.verb === "Attempt 1 sent.").text, /^Pays up to \d+\.\d\d gwei, .*Base fee was/);
	assert.equal(story.attempts.length, 1);
	assert.equal((await w.http("/_fairlead/story/99999")).status, 404);

	// the same in a terminal
	const top = await w.run("reconciler", ["--top", "--once"]);
	assert.equal(top.code, 0, top.text);
	assert.match(top.out, /Nothing needs you/);
	assert.match(top.out, /Chain main +Listener +Batcher +Submitter +Chain mined/);
	assert.match(top.out, /\n [◐◉✓] +1 +/);

	// one is parked, with its cure; a group; a page of its kind
	await w.reveal([4217]);
	await w.waitFor(() => feed.doc.parked.n === 1, "the parked one");
	const [group] = feed.doc.parked.groups;
	assert.equal(group.what, "4217");
	assert.match(group.cause, /tokenMapping\.json has no code for 4217/);
	assert.match(group.cure, /The file is watched/);
	const page = await get("/_fairlead/lives?kind=parked");
	assert.deepEqual(page.rows.map((l) => [l.key, l.state]), [["4217", "parked"]]);
	assert.deepEqual((await get("/_fairlead/lives?q=1")).rows.map((l) => l.key), ["1"]);
	assert.deepEqual((await get(`/_fairlead/lives?before=${page.rows[0].id}`)).rows.map((l) => l.key), ["1"]);
	assert.deepEqual((await get(`/_fairlead/lives?after=${life.id}`)).rows.map((l) => l.key), ["4217"]);
	assert.equal((await get("/_fairlead/strip?bars=10")).bars.reduce((n, b) => n + b[1], 0), 2);

	// by hand: nobody without the token; said before; recorded after
	const act = { act: "drop", of: group.of };
	assert.match((await get(`/_fairlead/act?act=drop&of=${group.of}`)).effect, /^Drop 4217: it will never be sent/);
	assert.equal((await w.http("/_fairlead/act", { method: "POST", json: act })).status, 401);
	assert.equal((await w.http("/_fairlead/act", { method: "POST", json: act, headers: { authorization: "Bearer no" } })).status, 401);
	const headers = { authorization: "Bearer a-token-of-the-test" };
	assert.equal((await w.http("/_fairlead/act", { method: "POST", json: { act: "drop", of: life.id }, headers })).status, 409);
	assert.deepEqual((await w.http("/_fairlead/act", { method: "POST", json: act, headers })).status, 200);
	await w.waitFor(() => feed.doc.parked.n === 0, "nothing parked");
	const dropped = await get(`/_fairlead/story/${page.rows[0].id}`);
	assert.ok(dropped.lines.some((l) => l.verb === "Dropped." && /admin/.test(l.text)), JSON.stringify(dropped.lines));
	// and back
	assert.equal((await w.http("/_fairlead/act", { method: "POST", json: { act: "retry", of: page.rows[0].id }, headers })).status, 200);
	w.writeMapping({ ...w.codes, 4217: "late" });
	await w.waitFor(() => w.codesSet([4217]), "its code after all");

	// PostgreSQL is stopped: the verdict says so, the beats say what each program does
	await w.pg.stop();
	await w.waitFor(() => /^PostgreSQL has not answered for/.test(feed.doc.verdict.h1), "the verdict");
	await w.waitFor(() => feed.doc.fleet.filter((p) => !p.pg).length === 4, "four programs say so");
	assert.match(feed.doc.fleet.find((p) => p.program === "submitter").text, /signs nothing/);
	assert.deepEqual(feed.doc.river.rings.map((r) => r.closed), [false, true, true, true, false]);
	assert.match(feed.doc.river.note, /^Grey figures are from/);
	assert.ok(feed.doc.lives.rows.length === 2, "the last figures stand");
	assert.ok(feed.doc.as_of < feed.doc.now);
	assert.equal((await w.http("/_fairlead/lives")).status, 503);
	const away = await w.run("reconciler", ["--top", "--once"]);
	assert.equal(away.code, 75);
	assert.match(away.out, /PostgreSQL has not answered for[^]*Nothing is lost and nothing is sent twice[^]*You +\S/);
	await w.waitFor(() => feed.doc.verdict.tone === "stop", "red once it lasts");
	await w.pg.start();
	await w.waitFor(() => feed.doc.verdict.tone === "well", "well again", 60000);
	assert.equal(feed.ended, false);
	feed.close();
	t.note(`${feed.messages.length} messages, ${feed.messages.filter((m) => m.length > 2).length} with changes`);
}
