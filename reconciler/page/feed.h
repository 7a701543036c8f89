/* clang-format off */
/* feed: the figures of the live page as JSON, and the streams of those who look. This comment is the contract
 * of everything under /_fairlead/ with the page (index.html, page.js) and with scripts.
 *
 * FORMS  Every time is Unix time in ms, every duration ms, every count a number; gwei and ids of lives are
 *        strings. An absent fact is null. A member that the reader doesn't know is passed over.
 * TONE   "well" "sea" (moving now) "wait" (amber) "stop" (the cause) "gone" (taken back) "good" (a tick)
 *        "still" (old, dry) "ink" (a line of a story that is nothing special)
 * RICH   Texts marked rich: plain words in which `x` is code, *x* bold, {#26471921} a number whose digits are
 *        grouped by margin, {@1763694769000} how long ago that instant is ("12 s", "3 min": kept fresh by the
 *        reader), {:1763694769000} its clock, UTC; \ before ` * { } \ takes their meaning away. Inside `x`
 *        too only \ has a meaning. A reader makes text nodes of it, never HTML. Other texts are plain.
 *
 * GET /_fairlead/feed       server-sent events, `event: figures`, data one line of JSON: a PART of the document
 *   below; its members replace those of the same name; the first message has all. At once on a change, else
 *   once a second {"now","as_of"} alone, the sign of life.
 * GET /_fairlead/figures    the whole document, once:
 * {
 *  "now": ms of the server, "as_of": ms when PostgreSQL gave the figures (older than 3 s: grey, "as of …")
 *  "app": {"name","profile","version","file","file_at","item":"token","items":"tokens","key":"tokenId",
 *      "psql":"psql -h db-1 ktty","redis":"redis-cli -h redis-1","docs":bool,
 *      "admin":bool: there is a token that unlocks acts}
 *  "verdict": {"tone":"well"|"wait"|"stop"|"sea" (first start),"h1","short": for bar and title,"since":ms|null,
 *      "lead":rich,"you":rich|null,"meanwhile":rich|null,"seen":rich|null,
 *      "others":[{"tone","text":rich}]: further causes, worst first}
 *  "day": {"from","step":900000,"lives":[n…],"marks":[{"at","ms","tone","text"}],"total":n,"text":rich}
 *  "river": {"gaps":[5 of {"n","text":rich,"state":"flows"|"dammed"|"dry"}]: before ring 2 … behind ring 5,
 *      "rings":[5 of {"name","sub","lines":[rich],"say":rich,"tone","closed":bool}],
 *      "under":[PostgreSQL, Redis, Reconciler: {"name","sub","text":rich,"tone"}],
 *      "note":rich|null: why figures are grey}
 *  "parked": {"n","groups":[{"id","tone","what":rich,"n","sub":rich,"cause":rich,"cure":rich,
 *      "acts":["retry","drop"],"of": for an act,"life": id of its newest life}]}
 *  "lives": {"counts":{"all","flight","odd","parked","taken"},"rows":[≤ 14 LIFE, newest first]}
 *  "chains": [{"name","network":"1","text":rich,"head","final","tone","endpoints":[{"name","host","use",
 *      "behind":0|3|null,"ms","range":n|null,"learned":bool,"per_min":n|null,"tone","text":rich}]}]
 *  "signers": [{"name","address","tone","facts":[{"name","text":rich}],"acts":["freeze"|"thaw"],
 *      "cap":"100.00"|null (gwei),
 *      "base":[[at,"15.11"]…] base fee, an hour back,"paid":[[at,"16.20"]…] of what was mined,
 *      "raised":[[at,"16.10","18.11"]…] replacements,"open":[[at,"18.11"]…] unmined}]
 *  "routes": [{"route":"GET /health","per_min","p50","p99" (ms|null),"cache":0.81|null,"refused","failed"}]
 *  "fleet": [{"program","holder","since","at": of its beat,"text":rich,"tone","holds":n,"pg":bool,"redis":bool}]
 *  "first": null|{"make": a command, may have lines,"usual":[rich],"ready":[{"tone","text":rich}]}
 * }
 * LIFE = {"id":"1907","key":"4211","what":"token"|"event","state":"collecting"|"cut"|"sent"|"mined"|"final"|
 *   "parked"|"taken"|"skipped"|"dead","tone","event":{"name","block","log","at"}|null,"batch":n|null,
 *   "nonce":n|null,"signer","fees":["18.00","20.25"] gwei, oldest first,"due": ms when its batch is cut|null,
 *   "sent":ms|null,"mined":{"block","at"}|null,"depth":n|null,"of":n|null ("3 of 12"),"made":ms,
 *   "ms":{"wait","price","way","total"}|null: until the first attempt, between first and last, from the last to
 *   mined (or to now, then total is null),"text":rich|null: a sentence in place of the columns,
 *   "say": its whole sentence, for a screen reader}
 *
 * GET /_fairlead/lives?before=<id>|after=<id>|at=<ms>&kind=all|flight|odd|parked|taken&q=<words>
 *   {"as_of","kind","counts","of": n lives of this kind and q (null: not counted),"rows":[≤ 100 LIFE, newest
 *   first],"more":bool: older ones exist}. Cursors are ids, exclusive; at: the newest that began before it.
 *   q: a key, a hash, a block, "batch 41397", a state.
 * GET /_fairlead/strip?bars=<n ≤ 1000, default 240>
 *   {"from","to","bars":[[at,lives,parked,taken,"id of its newest life"|null]…]}: all time
 * GET /_fairlead/story/<id>
 *   {"id","title":rich,"you":rich|null,"lines":[{"at":ms|null (now),"exact":bool (ms are known),"verb",
 *   "text":rich,"tone","fill":bool}],"attempts":[{"at","fee","tip","outcome","tone"}],"nonce":n|null,
 *   "plot":null|{"from","to","base":[[at,gwei]…],"offers":[[from,to,gwei,tone]…],"paid":[at,gwei]|null},
 *   "numbers":[{"name","text":rich}],"elsewhere":[command…],"acts":[ACT…],"life":LIFE}; 404 when there is none
 * GET /_fairlead/act?act=…&of=…   ACT = {"act","of","label","effect": what it will do, in words,"may":bool,
 *   "why": why not|null}. Without act: {"admin":bool}, whether this Authorization unlocks.
 * POST /_fairlead/act  {"act","of"}, Authorization: Bearer <admin token>
 *   retry, drop: of a life's id, or "group:<id>" of a parked group · flush: of the name of a batch of the file ·
 *   cancel, resend: of the number of a batch · freeze, thaw: of a signer's name · replay: of "rule", "rule:block"
 *   200 {"done":bool (false: it stood already),"text"} · 401 no or wrong token · 404 no such thing · 409 {"title",
 *   "detail"} when it can't be done */
/* clang-format on */
#ifndef FAIRLEAD_RECONCILER_PAGE_FEED_H
#define FAIRLEAD_RECONCILER_PAGE_FEED_H

#include "reconciler/page/tell.h"
#include "reconciler/serve/door.h"

enum feed_part {
	FEED_APP,
	FEED_VERDICT,
	FEED_DAY,
	FEED_RIVER,
	FEED_PARKED,
	FEED_LIVES,
	FEED_CHAINS,
	FEED_SIGNERS,
	FEED_ROUTES,
	FEED_FLEET,
	FEED_FIRST,
	FEED_PARTS,
};
struct feed_route {
	const char *route;
	double per_min, p50, p99, cache; /* NAN: none */
	uint64_t refused, failed;
};
/* Appends one part as `"name":value,`. Pure. */
void feed_put(struct buf *b, enum feed_part part, const struct seen *s, const struct telling *t,
	const struct feed_route *routes, size_t nroutes);
void feed_counts(struct buf *b, const struct seen *s); /* "counts":{…}, */

/* page: serves all of it. Opened before the door listens; asks nothing while nobody looks. */
struct page;
struct page *page_open(struct member *m, struct door *d);
void page_close(struct page *p);

#endif
