#include "reconciler/page/tell.h"

#include "common/base/sentence.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

const char *tell_text(struct telling *t, const char *fmt, ...)
{
	struct buf b = {0};
	va_list ap;
	va_start(ap, fmt);
	buf_vprintf(&b, fmt, ap);
	va_end(ap);
	const char *s = arena_textn(&t->mem, b.p, b.n);
	buf_fini(&b);
	return s;
}

const char *tell_rich(struct telling *t, const char *plain)
{
	struct buf b = {0};
	rich_escape(&b, str_of(plain));
	const char *s = arena_textn(&t->mem, b.p ? b.p : "", b.n);
	buf_fini(&b);
	return s;
}

const char *tell_sentence(struct telling *t, const char *reason, int part)
{
	struct buf b = {0};
	sentence_put(&b, str_of(reason), (enum sentence_part)part);
	const char *s = arena_textn(&t->mem, b.p ? b.p : "", b.n);
	buf_fini(&b);
	return s;
}

/* "4211 waits" begins a sentence: its first letter is a capital. */
static const char *capital(struct telling *t, const char *s)
{
	char *own = arena_text(&t->mem, s);
	if (own && *own >= 'a' && *own <= 'z')
		*own = (char)(*own - 32);
	return own;
}

void tell_item_name(const struct config *c, char *out, size_t size)
{
	snprintf(out, size, "%s", c->nbatches ? c->batches[0].key : "event");
	for (size_t i = 1; i < c->nbatches; i++)
		if (!text_is(c->batches[i].key, c->batches[0].key))
			snprintf(out, size, "item");
	size_t n = strlen(out);
	if (n > 2 && text_is(out + n - 2, "Id"))
		out[n - 2] = 0;
	else if (n > 3 && text_is(out + n - 3, "_id"))
		out[n - 3] = 0;
}

int tell_count(const struct seen *s, const char *program)
{
	int n = 0;
	for (size_t i = 0; i < s->nbeats; i++)
		n += s->beats[i].fresh && text_is(s->beats[i].program, program);
	return n;
}

/* The one that does something; else any. */
const struct seen_beat *tell_leader(const struct seen *s, const char *program)
{
	const struct seen_beat *any = NULL;
	for (size_t i = 0; i < s->nbeats; i++) {
		const struct seen_beat *b = &s->beats[i];
		if (!b->fresh || !text_is(b->program, program))
			continue;
		if (b->ndoing && !reason_is(str_of(b->doing[0]), "standby"))
			return b;
		any = b;
	}
	return any;
}

/* ── causes ── */

struct causes {
	struct telling *t;
	const struct seen *s;
	struct tell_cause list[TELL_OTHERS + 1];
	size_t n;
};

static const char *lasting(const struct seen *s, int64_t since)
{
	return since > 0 && s->now - since >= ALARM_MS ? "stop" : "wait";
}

static void add(struct causes *c, struct tell_cause cause)
{
	if (c->n < sizeof c->list / sizeof *c->list)
		c->list[c->n++] = cause;
}

static const char *age(struct causes *c, int64_t since)
{
	char text[24];
	say_duration(text, sizeof text, c->s->now - since < 100 ? 100 : c->s->now - since, "\xC2\xA0");
	return arena_text(&c->t->mem, text);
}

static const char *held_sentence(struct causes *c)
{
	const struct seen_beat *l = tell_leader(c->s, "listener"), *w = tell_leader(c->s, "submitter");
	const char *read =
		l && l->holds > 0
			? tell_text(c->t, "The listener knows of {#%" PRId64 "} %s that it can't write yet.", l->holds,
				  l->holds == 1 ? "block" : "blocks")
		: l ? "The listener's cursor stands; it reads on from there."
			: "No listener was heard.";
	const char *sent =
		!w ? ""
		: w->holds > 0
			? tell_text(c->t, " %" PRId64 " %s sent before may still be mined; no new one is signed.",
				  w->holds, w->holds == 1 ? "transaction" : "transactions")
			: " No transaction is signed.";
	return tell_text(c->t, "%s%s Readiness answers 503.", read, sent);
}

static void pg_away(struct causes *c)
{
	const struct seen *s = c->s;
	int64_t since = s->pg_away, tries = 0, without = 0, all = 0;
	const char *said = s->pg_error;
	for (size_t i = 0; i < s->nbeats; i++) {
		const struct seen_beat *b = &s->beats[i];
		if (!b->fresh)
			continue;
		all++;
		if (b->pg)
			continue;
		without++;
		if (b->pg_since > 0 && (!since || b->pg_since < since) && s->pg_away)
			since = b->pg_since;
		tries = b->pg_tries > tries ? b->pg_tries : tries;
		said = b->pg_error[0] ? b->pg_error : said;
	}
	if (!s->pg_away)
		return;
	const char *for_ = age(c, since);
	const char *host = strstr(s->pg_server, " on "), *where = host ? host + 4 : "its machine";
	bool socket = *where == '/' || strstr(where, "socket");
	add(c, (struct tell_cause){.tone = lasting(s, since),
			   .since = since,
			   .h1 = tell_text(c->t, "PostgreSQL has not answered for %s.", for_),
			   .brief = tell_text(c->t, "%s PostgreSQL", for_),
			   .lead = "Nothing is lost and nothing is sent twice. The fleet tries again every second and "
					   "goes on by itself when it answers.",
			   .you = socket ? tell_text(c->t, "*If you are restarting it, do nothing. If not, see whether "
											   "it runs:* `systemctl status postgresql`")
							 : tell_text(c->t,
								   "*If you are restarting it, do nothing. If not, look at %s:* `systemctl "
								   "status postgresql` there, or `pg_isready -h %.*s` from here.",
								   tell_rich(c->t, where), (int)strcspn(where, ":"), where),
			   .meanwhile = held_sentence(c),
			   .seen = tell_text(c->t,
				   "%s%s since {:%" PRId64 "}. %s; %" PRId64 " of %" PRId64 " programs wait for it.",
				   capital(c->t, tell_rich(c->t, said[0] ? said : "no answer")),
				   tries > 1 ? tell_text(c->t, ", %" PRId64 " times", tries) : "", since,
				   s->redis_away ? "Redis does not answer either" : "Redis is well", without, all)});
}

static void halted(struct causes *c)
{
	for (size_t i = 0; i < c->s->figures.nchains; i++) {
		const struct fig_chain *k = &c->s->figures.chains[i];
		if (k->halted[0])
			add(c, (struct tell_cause){.tone = "stop",
					   .h1 = tell_text(c->t, "Chain %s is halted.", k->name),
					   .brief = tell_text(c->t, "%s halted", k->name),
					   .lead = "Nothing is lost and nothing is destroyed; nothing is read or sent there "
							   "until a person has looked.",
					   .seen = capital(c->t, tell_rich(c->t, k->halted)),
					   .you = "Read what was seen. When the chain is right, start the listener again."});
	}
}

static void frozen(struct causes *c)
{
	for (size_t i = 0; i < c->s->figures.nfrozen; i++) {
		const struct fig_frozen *f = &c->s->figures.frozen[i];
		add(c,
			(struct tell_cause){.tone = "stop",
				.since = f->since,
				.h1 = tell_text(c->t, "Signer %s is frozen.", f->signer),
				.brief = tell_text(c->t, "%s frozen", f->signer),
				.lead = "Nothing is lost: batches wait. What was sent before may still be mined.",
				.seen = tell_text(c->t, "%s froze it {@%" PRId64 "} ago.", tell_rich(c->t, f->who), f->since),
				.you = tell_text(c->t,
					"*When it may sign again, thaw it* under Signers, or: `fairlead-submitter --thaw %s`",
					f->signer)});
	}
}

static const struct {
	const char *program, *meanwhile;
} stages[4] = {
	{"listener", "The chain keeps its history; it is read from the cursor on."},
	{"batcher", "Events wait in PostgreSQL."},
	{"submitter", "Batches wait in PostgreSQL; what was sent may be mined."},
	{"reconciler", "What is mined is not called final; lost bells ring late."},
};

static void absent(struct causes *c)
{
	const struct seen *s = c->s;
	for (int i = 0; i < 4 && s->figures.loaded && !s->pg_away; i++) {
		int64_t since = s->figures.unheld[i];
		bool wanted = i != 2 || s->config->nbatches > 0; /* a lane that an earlier file had */
		if (since < 0 || !wanted)
			continue;
		const char *name = stages[i].program, *for_ = since > 0 ? age(c, since) : NULL;
		add(c,
			(struct tell_cause){.tone = since > 0 ? lasting(s, since) : "wait",
				.since = since,
				.h1 = for_ ? tell_text(c->t, "No %s has worked for %s.", name, for_)
						   : tell_text(c->t, "No %s works.", name),
				.brief = tell_text(c->t, "no %s", name),
				.lead = "Nothing is lost.",
				.you = tell_text(c->t, "Start `fairlead-%s`, or read its log: it says why it ended.", name),
				.meanwhile = stages[i].meanwhile});
	}
}

/* What stands in a beat that is not of the ordinary: reasons with tone wait or stop. */
static void waits(struct causes *c)
{
	const struct seen *s = c->s;
	for (size_t i = 0; i < s->nbeats; i++)
		for (size_t k = 0; s->beats[i].fresh && !s->pg_away && k < s->beats[i].ndoing; k++) {
			struct str why = str_of(s->beats[i].doing[k]);
			const char *tone = sentence_tone(why);
			if (!(text_is(tone, "wait") || text_is(tone, "stop")) || reason_is(why, "draining") ||
				text_starts(why.p, "wait_pg") || (s->figures.nfrozen && reason_is(why, "hold_frozen")))
				continue;
			struct buf h1 = {0};
			sentence_say(&h1, why, SENTENCE_TEXT, s->now);
			buf_char(&h1, '.');
			const char *cure = tell_sentence(c->t, why.p, SENTENCE_CURE), *what = capital(c->t, h1.p);
			add(c, (struct tell_cause){.tone = tone,
					   .h1 = what,
					   .brief = tell_text(c->t, "%s waits", s->beats[i].program),
					   .lead = "Nothing is lost; it goes on by itself when the reason is gone.",
					   .you = cure[0] ? cure : NULL});
			buf_fini(&h1);
		}
}

static void redis_away(struct causes *c)
{
	if (c->s->redis_away)
		add(c, (struct tell_cause){.tone = "wait",
				   .since = c->s->redis_away,
				   .h1 = "Redis does not answer.",
				   .brief = "no Redis",
				   .lead = "Nothing is lost; PostgreSQL is read once a second instead, so things are a "
						   "little later.",
				   .you = "If you are restarting it, do nothing."});
}

static void deaf(struct causes *c)
{
	const struct seen *s = c->s;
	for (size_t i = 0; i < s->figures.nchains && !s->pg_away && s->figures.unheld[0] < 0; i++)
		if (!s->figures.chains[i].listening && !s->figures.chains[i].halted[0] && c->n == 0)
			add(c, (struct tell_cause){.tone = "wait",
					   .h1 = tell_text(c->t, "Listener does not hear chain %s.", s->figures.chains[i].name),
					   .brief = tell_text(c->t, "%s silent", s->figures.chains[i].name),
					   .lead = "It asks again with growing gaps; nothing is missed, history is read when a "
							   "node answers."});
}

/* ── well ── */

static const char *parked_words(struct telling *t)
{
	if (t->parked == 0)
		return "";
	if (t->parked == 1)
		return " *1 life is parked*, with its cure.";
	return tell_text(t, " *{#%" PRId64 "} lives are parked*, each with its cure.", t->parked);
}

static void well(struct telling *t, const struct seen *s)
{
	const struct figures *f = &s->figures;
	char half[24], slow[24];
	const char *flow = "Everything flows.";
	say_duration(half, sizeof half, f->median_ms, "\xC2\xA0");
	say_duration(slow, sizeof slow, f->slowest_ms, "\xC2\xA0");
	if (f->median_ms >= 0)
		flow = tell_text(t,
			"Everything flows. From event to mined takes *%s*; the slowest of the last hour took *%s*. None "
			"lost, none twice.",
			half, slow);
	t->verdict = (struct tell_cause){.tone = "well",
		.h1 = t->parked ? "Nothing needs you now." : "Nothing needs you.",
		.brief = t->parked ? "Nothing needs you now" : "Nothing needs you",
		.lead = tell_text(t, "%s%s", flow, parked_words(t))};
}

static void first_start(struct telling *t, const struct seen *s)
{
	const struct config *c = s->config;
	const char *first = c->nevents ? c->events[0].entry->as : NULL,
			   *second = c->nevents > 1 ? c->events[1].entry->as : NULL;
	t->first = true;
	t->verdict = (struct tell_cause){.tone = "sea",
		.h1 = "Listening. No event yet.",
		.brief = "No event yet",
		.lead = !first ? "All is ready. No event is declared."
					   : tell_text(t,
							 "All is ready. The next *%s*%s%s%s of %s becomes the first line on this page, "
							 "within a second of its block.",
							 tell_rich(t, first), second ? " or *" : "", second ? tell_rich(t, second) : "",
							 second ? "*" : "", tell_rich(t, c->events[0].contract->name))};
}

static int worse(const void *a, const void *b)
{
	const struct tell_cause *x = a, *y = b;
	return (text_is(y->tone, "stop") ? 1 : 0) - (text_is(x->tone, "stop") ? 1 : 0);
}

static void verdict(struct telling *t, const struct seen *s)
{
	struct causes c = {.t = t, .s = s};
	const struct figures *f = &s->figures;
	int64_t events = 0;
	for (size_t i = 0; i < f->nchains; i++)
		events += f->chains[i].events;
	pg_away(&c);
	halted(&c);
	frozen(&c);
	absent(&c);
	waits(&c);
	redis_away(&c);
	deaf(&c);
	for (size_t i = 1; i < c.n; i++) /* stable: few */
		for (size_t k = i; k > 0 && worse(&c.list[k - 1], &c.list[k]) > 0; k--) {
			struct tell_cause x = c.list[k];
			c.list[k] = c.list[k - 1];
			c.list[k - 1] = x;
		}
	t->nothers = 0;
	for (size_t i = 1; i < c.n && t->nothers < TELL_OTHERS; i++)
		t->others[t->nothers++] = c.list[i];
	if (c.n)
		t->verdict = c.list[0];
	else if (!f->loaded)
		t->verdict = (struct tell_cause){
			.tone = "well", .h1 = "Reading the figures of the fleet.", .brief = "reading", .lead = ""};
	else if (events == 0 && f->all == 0)
		first_start(t, s);
	else
		well(t, s);
}

static void day(struct telling *t, const struct seen *s)
{
	const struct figures *f = &s->figures;
	const struct fig_stuck *worst = NULL;
	for (size_t i = 0; i < f->nstuck; i++)
		if (!worst || f->stuck[i].ms > worst->ms)
			worst = &f->stuck[i];
	char ms[24], at[16];
	const char *slow = " No slow moment.";
	if (worst) {
		struct buf why = {0}, clock = {0};
		say_duration(ms, sizeof ms, worst->ms, "\xC2\xA0");
		sentence_put(&why, str_of(worst->reason), SENTENCE_TEXT);
		buf_printf(&clock, "{:%" PRId64 "}", worst->at);
		slow = tell_text(t, " %s: %s, for %s at %s.",
			f->nstuck == 1 ? "One slow moment" : "The slowest moment", why.p, ms, clock.p);
		buf_fini(&why);
		buf_fini(&clock);
	}
	(void)at;
	t->day = t->first ? "A day of lives will stand here, with the moments when something was stuck."
					  : tell_text(t, "*{#%" PRId64 "} lives in a day.*%s", f->day_total, slow);
}

void tell(struct telling *t, const struct seen *s)
{
	arena_reset(&t->mem);
	t->first = false;
	tell_parked(t, s);
	verdict(t, s);
	tell_river(t, s);
	day(t, s);
	t->note = s->pg_away && s->figures.loaded
				  ? tell_text(t, "Grey figures are from {:%" PRId64 "}, when PostgreSQL last answered.",
						s->figures.at)
				  : NULL;
}

void tell_fini(struct telling *t)
{
	arena_fini(&t->mem);
}
