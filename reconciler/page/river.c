#include "reconciler/page/tell.h"

#include "common/base/sentence.h"

#include <inttypes.h>
#include <stdio.h>

static const char *plural(int64_t n, const char *one, const char *many)
{
	return n == 1 ? one : many;
}

/* "3 items collect", or what is said of nothing. */
static struct tell_gap gap(
	struct telling *t, int64_t n, const char *one, const char *many, const char *rest, const char *none)
{
	return (struct tell_gap){.n = n,
		.state = "flows",
		.text = n > 0 ? tell_text(t, "*{#%" PRId64 "} %s*%s", n, plural(n, one, many), rest) : none};
}

static void gaps(struct telling *t, const struct seen *s)
{
	const struct figures *f = &s->figures;
	char item[40], items[44];
	const struct fig_chain *c = f->nchains ? &f->chains[0] : NULL;
	const struct seen_beat *l = tell_leader(s, "listener");
	int64_t lag = 0, txs = f->sent_txs + f->ready, held = l && s->pg_away ? l->holds : 0;
	int64_t unread = held ? held : c && c->head > c->done ? c->head - c->done : 0;
	tell_item_name(s->config, item, sizeof item);
	snprintf(items, sizeof items, "%ss", item);
	for (size_t i = 0; i < f->nchains; i++)
		lag += f->chains[i].lag > 0 ? f->chains[i].lag : 0;
	t->gaps[0] = gap(t, unread, "block", "blocks", held ? " held" : " unread", "nothing unread");
	t->gaps[1] = gap(t, lag, "event", "events", " wait", "nothing waits");
	t->gaps[2] = gap(t, f->waiting, "item", "items", " collect", "nothing collects");
	t->gaps[3] = gap(t, f->sent_items, item, items,
		tell_text(t, " in %" PRId64 " %s", txs, plural(txs, "tx", "txs")), "none in flight");
	t->gaps[4] = gap(t, f->mined_items, item, items, " to final", "all final");
}

/* A closed ring lets nothing pass: what is before it is dammed, what is behind it dry. */
static void dam(struct telling *t)
{
	for (int i = 0; i < TELL_RINGS; i++) {
		if (t->rings[i].closed)
			t->gaps[i].state = "dry";
		if (i + 1 < TELL_RINGS && t->rings[i + 1].closed && t->gaps[i].n > 0 && !t->rings[i].closed)
			t->gaps[i].state = "dammed";
	}
}

static const char *rate(struct telling *t, double per_min, const char *what)
{
	return per_min < 0 ? tell_text(t, "counting %s", what)
					   : tell_text(t, "*%.*f* %s/min", per_min < 99.5 ? 1 : 0, per_min, what);
}

static double per_min(const struct seen *s, int which)
{
	if (s->nrates < 2)
		return -1;
	int64_t last = (int64_t)s->nrates - 1;
	double min = (double)(s->rates[last].at - s->rates[0].at) / 60000;
	int64_t n = which == 0   ? s->rates[last].done - s->rates[0].done
				: which == 1 ? s->rates[last].events - s->rates[0].events
							 : s->rates[last].batches - s->rates[0].batches;
	return min < 0.05 ? -1 : (double)n / min;
}

static const char *times(struct telling *t, const struct seen *s, const char *program)
{
	int n = tell_count(s, program);
	return n > 1 ? tell_text(t, "× %d", n) : n == 1 ? "" : s->redis_away || !s->redis_known ? "" : "none";
}

/* What the leader says it does; well: what stands there when all is well. */
static void of_program(
	struct telling *t, const struct seen *s, int ring, const char *program, const char *well)
{
	struct tell_ring *r = &t->rings[ring];
	const struct seen_beat *b = tell_leader(s, program);
	const char *doing = b && b->ndoing ? b->doing[0] : NULL,
			   *tone = doing ? sentence_tone(str_of(doing)) : "well";
	int64_t since = s->figures.unheld[ring - 1];
	r->sub = times(t, s, program);
	r->tone = "well";
	r->say = well;
	if (s->pg_away || text_is(tone, "wait") || text_is(tone, "stop")) {
		r->tone = "wait";
		r->closed = true;
		if (doing && !text_is(tone, "well") && !text_is(tone, "sea")) {
			char *said = arena_text(&t->mem, tell_sentence(t, doing, SENTENCE_TEXT));
			if (*said >= 'a' && *said <= 'z')
				*said = (char)(*said - 32);
			r->say = said;
		} else if (s->pg_away) {
			r->say = tell_text(t, "Waiting {@%" PRId64 "} for PostgreSQL", s->pg_away);
		}
	} else if (since >= 0 && s->figures.loaded && (ring != 3 || s->config->nbatches)) {
		r->tone = "wait";
		r->closed = true;
		r->say = since > 0 ? tell_text(t, "Nobody works for {@%" PRId64 "}", since) : "Nobody works";
	} else if (text_is(tone, "sea") && doing && !reason_is(str_of(doing), "watches")) {
		r->tone = "sea";
		r->say = tell_sentence(t, doing, SENTENCE_TEXT);
	}
}

static void rings(struct telling *t, const struct seen *s)
{
	const struct figures *f = &s->figures;
	const struct fig_chain *c = f->nchains ? &f->chains[0] : NULL;
	const struct seen_beat *l = tell_leader(s, "listener");
	char ms[24];
	memset(t->rings, 0, sizeof t->rings);
	for (int i = 0; i < TELL_RINGS; i++)
		t->rings[i] = (struct tell_ring){.sub = "", .lines = {"", ""}, .say = "", .tone = "well"};
	int64_t head = l && l->head > (c ? c->head : -1) ? l->head : c ? c->head : -1;
	double blocks = per_min(s, 0), events = per_min(s, 1), batches = per_min(s, 2);
	t->rings[0].name = t->rings[4].name = "Chain";
	t->rings[0].sub = c ? c->name : s->config->nchains ? s->config->chains[0].name : "";
	t->rings[4].sub = "mined";
	t->rings[0].lines[0] = head < 0 ? "no head yet"
						   : c && c->at >= 0
							   ? tell_text(t, "*{#%" PRId64 "}*, {@%" PRId64 "} ago", head, c->at)
							   : tell_text(t, "*{#%" PRId64 "}*", head);
	t->rings[0].lines[1] = rate(t, blocks, "blocks");
	t->rings[0].say = blocks > 0.5 ? (say_duration(ms, sizeof ms, (int64_t)(60000 / blocks), "\xC2\xA0"),
										 tell_text(t, "A block every %s", ms))
								   : "";
	if (c && !c->listening && !s->pg_away && f->unheld[0] < 0) {
		t->rings[0].tone = "wait";
		t->rings[0].say = "Not heard: no endpoint answers";
	}
	t->rings[1].name = "Listener";
	t->rings[2].name = "Batcher";
	t->rings[3].name = tell_count(s, "submitter") > 1 ? "Submitters" : "Submitter";
	t->rings[1].lines[0] = rate(t, events, "events");
	t->rings[1].lines[1] = !c               ? ""
						   : c->catching_up ? "catching up"
						   : c->head > c->done
							   ? tell_text(t, "*{#%" PRId64 "}* behind the head", c->head - c->done)
							   : "at the head";
	t->rings[2].lines[0] = tell_text(t, "*{#%" PRId64 "}* lives so far", f->all);
	t->rings[2].lines[1] = f->due > s->now ? (say_duration(ms, sizeof ms, f->due - s->now, "\xC2\xA0"),
												 tell_text(t, "goes in *%s*", ms))
						   : f->parked     ? tell_text(t, "{#%" PRId64 "} parked", f->parked)
										   : "";
	t->rings[3].lines[0] = rate(t, batches, "batches");
	t->rings[3].lines[1] = f->oldest_sent > 0
							   ? tell_text(t, "*{@%" PRId64 "}* the oldest unmined", f->oldest_sent)
							   : "nothing unmined";
	t->rings[4].lines[0] = tell_text(
		t, "*{#%" PRId64 "}* %s done", f->done_batches, plural(f->done_batches, "batch", "batches"));
	say_duration(ms, sizeof ms, f->median_ms, "\xC2\xA0");
	t->rings[4].lines[1] = f->median_ms >= 0 ? tell_text(t, "*%s* from event to mined", ms) : "";
	t->rings[4].say = s->pg_away          ? "Goes on without us"
					  : f->last_mined > 0 ? tell_text(t, "Last one {@%" PRId64 "} ago", f->last_mined)
										  : "";
	t->rings[4].tone = s->pg_away ? "still" : "well";
	of_program(t, s, 1, "listener", "Up to date");
	of_program(t, s, 2, "batcher", "Up to date");
	of_program(t, s, 3, "submitter",
		f->last_raised > 0 && s->now - f->last_raised < 3600000
			? tell_text(t, "One price raised {@%" PRId64 "} ago", f->last_raised)
			: "Ready");
}

static void under(struct telling *t, const struct seen *s)
{
	int64_t final = s->figures.nchains ? s->figures.chains[0].final : -1;
	const struct seen_beat *b = tell_leader(s, "reconciler");
	t->under[0] = (struct tell_under){"PostgreSQL", "the truth",
		s->pg_away     ? tell_text(t, "no answer for {@%" PRId64 "}; asked again every second", s->pg_away)
		: s->pg_ms < 0 ? "asked"
					   : tell_text(t, "answers in %.1f ms", s->pg_ms),
		s->pg_away ? s->now - s->pg_away >= ALARM_MS ? "stop" : "wait" : "well"};
	t->under[1] = (struct tell_under){"Redis", "the doorbell",
		s->redis_away
			? tell_text(t, "no answer for {@%" PRId64 "}; bells are late, nothing is lost", s->redis_away)
		: s->redis_ms < 0 ? "asked"
						  : tell_text(t, "answers in %.1f ms", s->redis_ms),
		s->redis_away ? "wait" : "well"};
	bool waits = b && b->ndoing && text_is(sentence_tone(str_of(b->doing[0])), "wait");
	t->under[2] = (struct tell_under){"Reconciler", times(t, s, "reconciler"),
		waits       ? tell_sentence(t, b->doing[0], SENTENCE_TEXT)
		: final < 0 ? "no final block yet"
					: tell_text(t, "final to {#%" PRId64 "}", final),
		waits ? "wait" : "well"};
}

void tell_river(struct telling *t, const struct seen *s)
{
	rings(t, s);
	gaps(t, s);
	dam(t);
	under(t, s);
}
