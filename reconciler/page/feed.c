#include "reconciler/page/feed.h"

#include "common/base/sentence.h"
#include "reconciler/page/life.h"
#include "reconciler/page/put.h"
#include "reconciler/page/signers.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { NEWEST = 14 };

/* ── what it is ── */

static const char *auth_admin(const struct config *c)
{
	for (size_t i = 0; i < c->serve.nauths; i++)
		if (text_is(c->serve.auths[i].name, "admin"))
			return c->serve.auths[i].name;
	return NULL;
}

static void put_app(struct buf *b, const struct seen *s)
{
	const struct config *c = s->config;
	const char *slash = strrchr(c->file, '/');
	char item[40], items[44], psql[260];
	const char *on = strstr(s->pg_server, " on "),
			   *base = s->pg_server + (text_starts(s->pg_server, "PostgreSQL ") ? 11 : 0);
	tell_item_name(c, item, sizeof item);
	snprintf(items, sizeof items, "%ss", item);
	snprintf(psql, sizeof psql, "psql%s%.*s %.*s", on ? " -h " : "", on ? (int)strcspn(on + 4, ":") : 0,
		on ? on + 4 : "", on ? (int)(on - base) : 0, base);
	put_open(b, "app", '{');
	put_text(b, "name", c->name);
	put_text(b, "profile", c->profile);
	put_text(b, "version", FAIRLEAD_VERSION);
	put_text(b, "file", slash ? slash + 1 : c->file);
	put_known(b, "file_at", s->figures.loaded ? s->figures.installed : -1);
	put_text(b, "item", item);
	put_text(b, "items", items);
	put_text(b, "key", c->nbatches ? c->batches[0].key : "");
	put_text(b, "psql", psql);
	put_text(b, "redis", "redis-cli");
	put_bool(b, "docs", true);
	put_bool(b, "admin", auth_admin(c) != NULL);
	put_close(b, '}');
}

static void put_verdict(struct buf *b, const struct telling *t)
{
	const struct tell_cause *v = &t->verdict;
	put_open(b, "verdict", '{');
	put_text(b, "tone", v->tone);
	put_text(b, "h1", v->h1);
	put_text(b, "short", v->brief);
	put_known(b, "since", v->since > 0 ? v->since : -1);
	put_text(b, "lead", v->lead ? v->lead : "");
	put_or_null(b, "you", v->you);
	put_or_null(b, "meanwhile", v->meanwhile);
	put_or_null(b, "seen", v->seen);
	put_open(b, "others", '[');
	for (size_t i = 0; i < t->nothers; i++) {
		struct buf text = {0};
		rich_escape(&text, str_of(t->others[i].h1));
		buf_printf(&text, " %s",
			t->others[i].you    ? t->others[i].you
			: t->others[i].lead ? t->others[i].lead
								: "");
		put_open(b, NULL, '{');
		put_text(b, "tone", t->others[i].tone);
		put_text(b, "text", text.p);
		put_close(b, '}');
		buf_fini(&text);
	}
	put_close(b, ']');
	put_close(b, '}');
}

static void put_day(struct buf *b, const struct seen *s, const struct telling *t)
{
	const struct figures *f = &s->figures;
	put_open(b, "day", '{');
	put_int(b, "from", f->day_from);
	put_int(b, "step", 900000);
	put_open(b, "lives", '[');
	for (size_t i = 0; i < FIGURES_DAY && f->slow_loaded && !t->first; i++)
		put_int(b, NULL, f->day[i]);
	put_close(b, ']');
	put_open(b, "marks", '[');
	for (size_t i = 0; i < f->nstuck; i++) {
		struct buf text = {0};
		sentence_say(&text, str_of(f->stuck[i].reason), SENTENCE_TEXT, s->now);
		put_open(b, NULL, '{');
		put_int(b, "at", f->stuck[i].at);
		put_int(b, "ms", f->stuck[i].ms);
		put_text(b, "tone", f->stuck[i].ms >= ALARM_MS * 3 ? "stop" : "wait");
		put_text(b, "text", text.p);
		put_close(b, '}');
		buf_fini(&text);
	}
	put_close(b, ']');
	put_int(b, "total", f->day_total);
	put_text(b, "text", t->day);
	put_close(b, '}');
}

static void put_river(struct buf *b, const struct telling *t)
{
	put_open(b, "river", '{');
	put_open(b, "gaps", '[');
	for (int i = 0; i < TELL_RINGS; i++) {
		put_open(b, NULL, '{');
		put_int(b, "n", t->gaps[i].n);
		put_text(b, "text", t->gaps[i].text);
		put_text(b, "state", t->gaps[i].state);
		put_close(b, '}');
	}
	put_close(b, ']');
	put_open(b, "rings", '[');
	for (int i = 0; i < TELL_RINGS; i++) {
		const struct tell_ring *r = &t->rings[i];
		put_open(b, NULL, '{');
		put_text(b, "name", r->name);
		put_text(b, "sub", r->sub);
		put_open(b, "lines", '[');
		for (int k = 0; k < 2; k++)
			if (r->lines[k] && r->lines[k][0])
				put_text(b, NULL, r->lines[k]);
		put_close(b, ']');
		put_text(b, "say", r->say);
		put_text(b, "tone", r->tone);
		put_bool(b, "closed", r->closed);
		put_close(b, '}');
	}
	put_close(b, ']');
	put_open(b, "under", '[');
	for (int i = 0; i < 3; i++) {
		put_open(b, NULL, '{');
		put_text(b, "name", t->under[i].name);
		put_text(b, "sub", t->under[i].sub);
		put_text(b, "text", t->under[i].text);
		put_text(b, "tone", t->under[i].tone);
		put_close(b, '}');
	}
	put_close(b, ']');
	put_text(b, "note", t->note);
	put_close(b, '}');
}

static void put_parked(struct buf *b, const struct telling *t)
{
	put_open(b, "parked", '{');
	put_int(b, "n", t->parked);
	put_open(b, "groups", '[');
	for (size_t i = 0; i < t->ngroups; i++) {
		const struct tell_group *g = &t->groups[i];
		char of[60], life[24];
		snprintf(of, sizeof of, "%s%s", g->id[0] == 'g' ? "group:" : "", g->id);
		snprintf(life, sizeof life, "%" PRId64, g->newest);
		put_open(b, NULL, '{');
		put_text(b, "id", g->id);
		put_text(b, "tone", g->tone);
		put_text(b, "what", g->what);
		put_int(b, "n", g->n);
		put_text(b, "sub", g->sub);
		put_text(b, "cause", g->cause);
		put_text(b, "cure", g->cure);
		put_open(b, "acts", '[');
		if (g->retry)
			put_text(b, NULL, "retry");
		if (g->drop)
			put_text(b, NULL, "drop");
		put_close(b, ']');
		put_text(b, "of", of);
		put_text(b, "life", g->id[0] == 'g' ? life : g->id);
		put_close(b, '}');
	}
	put_close(b, ']');
	put_close(b, '}');
}

void feed_counts(struct buf *b, const struct seen *s)
{
	const struct figures *f = &s->figures;
	put_open(b, "counts", '{');
	put_int(b, "all", f->all);
	put_int(b, "flight", f->flight);
	put_int(b, "odd", f->odd);
	put_int(b, "parked", f->parked + f->dead);
	put_int(b, "taken", f->taken);
	put_close(b, '}');
}

static void put_lives(struct buf *b, const struct seen *s)
{
	put_open(b, "lives", '{');
	feed_counts(b, s);
	put_open(b, "rows", '[');
	for (size_t i = 0; i < s->figures.nlives && i < NEWEST; i++)
		life_put(b, NULL, &s->figures.lives[i], s);
	put_close(b, ']');
	put_close(b, '}');
}

/* ── chains ── */

enum { NEAR = 10 }; /* blocks behind that nobody has to be told of */

static int64_t behind(const struct fig_chain *c)
{
	return c->head > c->done && c->done >= 0 ? c->head - c->done : 0;
}

/* Up to ten blocks behind is well; from `healthy:` on it can wait for you; between them it moves. */
static const char *chain_tone(const struct config *config, const struct fig_chain *c)
{
	uint64_t most = 100;
	for (size_t i = 0; i < config->nchains; i++)
		if (text_is(config->chains[i].name, c->name))
			most = config->chains[i].healthy;
	if (c->halted[0])
		return "stop";
	if (!c->listening || (uint64_t)behind(c) >= most)
		return "wait";
	return behind(c) > NEAR ? "sea" : "well";
}

static void chain_words(struct buf *b, const struct fig_chain *c)
{
	if (behind(c) > NEAR)
		buf_printf(b, "*{#%" PRId64 "} blocks behind.* ", behind(c));
	if (c->done >= 0)
		buf_printf(b, "Read to *{#%" PRId64 "}*", c->done);
	else
		buf_text(b, "Nothing is read yet");
	if (c->final >= 0)
		buf_printf(b, ", final to *{#%" PRId64 "}*", c->final);
	buf_text(b, ".");
	if (text_is(c->level, "receipts"))
		buf_text(b, " Every block since the start is *proved by its receipts root*.");
	else if (text_is(c->level, "sources"))
		buf_text(b, " What is read was *said alike by several endpoints*.");
	else if (text_is(c->level, "bloom"))
		buf_text(b, " What is read fits the *bloom filters* of its blocks.");
	if (c->reorg_at > 0)
		buf_printf(b, " Last reorg {@%" PRId64 "} ago, %" PRId64 " %s taken back.", c->reorg_at,
			c->reorg_events, c->reorg_events == 1 ? "event" : "events");
	if (c->halted[0]) {
		buf_text(b, " *Halted:* ");
		rich_escape(b, str_of(c->halted));
		buf_char(b, '.');
	}
}

static void put_endpoint(struct buf *b, const struct fig_endpoint *e, int place)
{
	struct buf text = {0};
	char name[24];
	bool well = text_is(e->state, "well");
	snprintf(name, sizeof name, "#%d", place);
	if (well && e->lag > 0)
		buf_printf(&text, "*%" PRId64 " %s behind* the best.", e->lag, e->lag == 1 ? "block" : "blocks");
	else if (well)
		buf_text(&text, "Well.");
	else
		buf_text(&text, text_is(e->state, "resting")    ? "*Rests* and is asked again soon."
						: text_is(e->state, "excluded") ? "*Left out*: it contradicted the others."
														: "Not asked yet.");
	if (!well && e->error[0]) {
		buf_text(&text, " It said: ");
		rich_escape(&text, str_of(e->error));
	}
	put_open(b, NULL, '{');
	put_text(b, "name", name);
	put_text(b, "host", e->name);
	put_text(b, "use", e->role);
	put_known(b, "behind", e->lag);
	put_real(b, "ms", e->latency_us < 0 ? -1 : (double)e->latency_us / 1000);
	put_known(b, "range", e->range);
	put_bool(b, "learned", e->range > 0);
	put_text(b, "per_min", NULL);
	put_text(b, "tone", well && e->lag <= 0 ? "well" : "wait");
	put_text(b, "text", text.p);
	put_close(b, '}');
	buf_fini(&text);
}

static void put_chains(struct buf *b, const struct seen *s)
{
	const struct figures *f = &s->figures;
	put_open(b, "chains", '[');
	for (size_t i = 0; i < f->nchains; i++) {
		const struct fig_chain *c = &f->chains[i];
		struct buf text = {0};
		int place = 0;
		chain_words(&text, c);
		put_open(b, NULL, '{');
		put_text(b, "name", c->name);
		put_text(b, "network", c->network);
		put_text(b, "text", text.p);
		put_known(b, "head", c->head);
		put_known(b, "final", c->final);
		put_text(b, "tone", chain_tone(s->config, c));
		put_open(b, "endpoints", '[');
		for (size_t k = 0; k < f->nendpoints; k++)
			if (text_is(f->endpoints[k].chain, c->name))
				put_endpoint(b, &f->endpoints[k], ++place);
		put_close(b, ']');
		put_close(b, '}');
		buf_fini(&text);
	}
	put_close(b, ']');
}

/* ── routes, programs, first start ── */

static void put_routes(struct buf *b, const struct feed_route *r, size_t n)
{
	put_open(b, "routes", '[');
	for (size_t i = 0; i < n; i++) {
		put_open(b, NULL, '{');
		put_text(b, "route", r[i].route);
		put_real(b, "per_min", r[i].per_min);
		put_real(b, "p50", r[i].p50);
		put_real(b, "p99", r[i].p99);
		put_real(b, "cache", r[i].cache);
		put_int(b, "refused", (int64_t)r[i].refused);
		put_int(b, "failed", (int64_t)r[i].failed);
		put_close(b, '}');
	}
	put_close(b, ']');
}

static void put_fleet(struct buf *b, const struct seen *s)
{
	put_open(b, "fleet", '[');
	for (size_t i = 0; i < s->nbeats; i++) {
		const struct seen_beat *p = &s->beats[i];
		struct buf text = {0};
		const char *tone = p->fresh ? "well" : "still";
		for (size_t k = 0; k < p->ndoing; k++) {
			if (k)
				buf_text(&text, "; ");
			sentence_put(&text, str_of(p->doing[k]), SENTENCE_TEXT);
			const char *one = sentence_tone(str_of(p->doing[k]));
			if (p->fresh && (text_is(one, "wait") || text_is(one, "stop")))
				tone = one;
		}
		if (!p->fresh) {
			buf_clear(&text);
			buf_printf(&text, "not heard for {@%" PRId64 "}", p->at);
		}
		put_open(b, NULL, '{');
		put_text(b, "program", p->program);
		put_text(b, "holder", p->holder);
		put_int(b, "since", p->since);
		put_int(b, "at", p->at / 10000 * 10000); /* its beat, to ten seconds: a beat is no change */
		put_text(b, "text", text.p ? text.p : "");
		put_text(b, "tone", tone);
		put_int(b, "holds", p->holds);
		put_bool(b, "pg", p->pg);
		put_bool(b, "redis", true);
		put_close(b, '}');
		buf_fini(&text);
	}
	put_close(b, ']');
}

static void put_ready(struct buf *b, const char *tone, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void put_ready(struct buf *b, const char *tone, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	put_vsaid(b, "tone", tone, fmt, ap);
	va_end(ap);
}

static void put_usual(struct buf *b, const struct seen *s)
{
	const struct config *c = s->config;
	struct buf text = {0};
	put_open(b, "usual", '[');
	put_text(
		b, NULL, "Older than where `start:` of the contract is? Read them: `fairlead-listener --from start`");
	for (size_t i = 0; i < c->ncontracts && i < 3; i++)
		if (c->contracts[i].naddresses) {
			char address[43];
			hex_to_0x(address, c->contracts[i].addresses[0], 20);
			buf_printf(&text, "%s%s at `%.6s…%.4s`", text.n ? ", " : "Another address? We listen to ",
				c->contracts[i].name, address, address + 38);
		}
	if (text.n)
		put_text(b, NULL, text.p);
	put_text(b, NULL,
		"Another signature? The topic of an event is made of its name and types, as the file has them.");
	put_close(b, ']');
	buf_fini(&text);
}

static void put_first(struct buf *b, const struct seen *s, const struct telling *t)
{
	const struct config *c = s->config;
	if (!t->first) {
		put_text(b, "first", NULL);
		return;
	}
	const char *slash = strrchr(c->file, '/');
	struct buf make = {0};
	if (c->ncontracts && c->contracts[0].naddresses) {
		char address[43];
		hex_to_0x(address, c->contracts[0].addresses[0], 20);
		buf_printf(&make,
			"# whatever makes %s emit %s, for example\ncast send %s \\\n  \"…\" --private-key $KEY",
			c->contracts[0].name, c->nevents ? c->events[0].entry->as : "it", address);
	}
	put_open(b, "first", '{');
	put_text(b, "make", make.p ? make.p : "");
	put_usual(b, s);
	put_open(b, "ready", '[');
	put_ready(b, "good", "*%s* is read, %zu %s, %zu %s, %zu %s", slash ? slash + 1 : c->file, c->nevents,
		c->nevents == 1 ? "event" : "events", c->nbatches, c->nbatches == 1 ? "batch" : "batches", c->nroutes,
		c->nroutes == 1 ? "route" : "routes");
	put_ready(b, "good", "*PostgreSQL %s*, schema fairlead %s", s->figures.version, s->figures.schema);
	put_ready(
		b, s->redis_away ? "wait" : "good", s->redis_away ? "*Redis* does not answer" : "*Redis* answers");
	for (size_t i = 0; i < s->figures.nchains; i++)
		put_ready(b, s->figures.chains[i].listening ? "good" : "wait", "*Chain %s*, id %s",
			s->figures.chains[i].name,
			s->figures.chains[i].network[0] ? s->figures.chains[i].network : "not known yet");
	put_ready(b, "wait", "*The first event*");
	put_close(b, ']');
	put_close(b, '}');
	buf_fini(&make);
}

void feed_put(struct buf *b, enum feed_part part, const struct seen *s, const struct telling *t,
	const struct feed_route *routes, size_t nroutes)
{
	switch (part) {
	case FEED_APP: put_app(b, s); break;
	case FEED_VERDICT: put_verdict(b, t); break;
	case FEED_DAY: put_day(b, s, t); break;
	case FEED_RIVER: put_river(b, t); break;
	case FEED_PARKED: put_parked(b, t); break;
	case FEED_LIVES: put_lives(b, s); break;
	case FEED_CHAINS: put_chains(b, s); break;
	case FEED_SIGNERS: signers_put(b, s); break;
	case FEED_ROUTES: put_routes(b, routes, nroutes); break;
	case FEED_FLEET: put_fleet(b, s); break;
	case FEED_FIRST: put_first(b, s, t); break;
	case FEED_PARTS: break;
	}
}
