#include "reconciler/page/story.h"

#include "common/base/sentence.h"
#include "common/ledger/lines.h"
#include "reconciler/page/put.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct story {
	const struct pg_reply *r;
	const struct seen *s;
	struct lines lines;
	struct life life;
};

/* ── lines ── */

static void tell_event(struct story *t)
{
	const struct life *l = &t->life;
	struct buf *w = &t->lines.reason;
	if (l->cause == 0) {
		reason_code(w, "posted");
		lines_add(&t->lines, l->made, true, false);
		return;
	}
	if (l->event[0]) {
		char tx[70];
		snprintf(tx, sizeof tx, "0x%s", l->event_tx);
		reason_code(w, "seen");
		const char *dot = strrchr(l->event, '.');
		reason_text(w, "event", dot ? dot + 1 : l->event);
		reason_int(w, "log", l->event_log);
		reason_text(w, "tx", tx);
		reason_int(w, "block", l->event_block);
		lines_add(&t->lines, l->event_at, false, false);
	}
	reason_code(w, "heard");
	if (l->event_at > 0 && l->made >= l->event_at && l->made - l->event_at < 86400000)
		reason_int(w, "lag", l->made - l->event_at);
	if (l->cause > 0)
		reason_int(w, "seq", l->cause);
	lines_add(&t->lines, l->made, true, false);
}

static void tell_batch(struct story *t)
{
	const struct pg_reply *r = t->r;
	if (pg_rows(r, STORY_BATCH) == 0)
		return;
	int64_t items = pg_get_int(r, STORY_BATCH, 0, 1), most = pg_get_int(r, STORY_BATCH, 0, 3);
	reason_code(&t->lines.reason, items == 1 ? "batched_one" : "batched");
	reason_int(&t->lines.reason, "nth", pg_get_int(r, STORY_BATCH, 0, 2));
	reason_int(&t->lines.reason, "of", items);
	reason_int(&t->lines.reason, "batch", t->life.batch);
	if (items == most)
		reason_int(&t->lines.reason, "full", 1);
	else
		reason_int(&t->lines.reason, "wait", pg_get_int(r, STORY_BATCH, 0, 4));
	lines_add(&t->lines, pg_get_int(r, STORY_BATCH, 0, 0), true, false);
}

static void tell_slot(struct story *t)
{
	bool final = life_state(&t->life) == STATE_FINAL && t->life.mined_block >= 0;
	struct lines_slot s = {.attempts = STORY_ATTEMPTS,
		.answers = STORY_REFUSED,
		.verdicts = STORY_VERDICTS,
		.signer = life_signer(t->s, t->life.signer),
		.final_block = final ? t->life.mined_block : -1,
		.final_at = t->life.mined + 1};
	lines_slot(&t->lines, t->r, &s);
}

static void tell_turns(struct story *t)
{
	for (int i = 0; i < pg_rows(t->r, STORY_TURNS); i++)
		lines_turn(&t->lines, t->r, STORY_TURNS, i, t->life.tries);
	if (life_state(&t->life) == STATE_TAKEN) {
		reason_code(&t->lines.reason, "rest_void");
		lines_add(&t->lines, -1, false, false);
	}
}

/* ── its title, what can be done ── */

static void put_title(struct buf *b, const struct story *t)
{
	const struct life *l = &t->life;
	struct buf title = {0};
	char ms[24];
	int fees = pg_rows(t->r, STORY_ATTEMPTS);
	rich_escape(&title, str_of(l->key));
	say_duration(ms, sizeof ms, l->mined >= 0 ? l->mined - l->made : 0, "\xC2\xA0");
	switch (life_state(l)) {
	case STATE_COLLECTING: buf_text(&title, " waits for its batch to be full or due"); break;
	case STATE_CUT: buf_text(&title, " stands in a batch that is to be signed"); break;
	case STATE_SENT: buf_text(&title, " is sent and not mined yet"); break;
	case STATE_MINED:
	case STATE_FINAL:
		buf_printf(
			&title, " is %s: %s from event to mined", life_state(l) == STATE_FINAL ? "done" : "mined", ms);
		if (fees > 1)
			buf_printf(&title, ", replaced %s", fees == 2 ? "once" : fees == 3 ? "twice" : "several times");
		break;
	case STATE_PARKED: buf_text(&title, " is parked"); break;
	case STATE_TAKEN: buf_text(&title, " was there, then the chain took it back"); break;
	case STATE_SKIPPED: buf_text(&title, " needed nothing"); break;
	case STATE_DEAD:
		buf_text(&title, reason_is(str_of(l->reason), "dropped") ? " was dropped" : " failed for good");
		break;
	}
	put_text(b, "title", title.p);
	buf_clear(&title);
	if (life_state(l) == STATE_PARKED)
		sentence_put(&title, str_of(l->reason), SENTENCE_CURE);
	put_or_null(b, "you", title.n ? title.p : NULL);
	buf_fini(&title);
}

static void put_lines(struct buf *b, const struct story *t)
{
	put_open(b, "lines", '[');
	for (size_t i = 0; i < t->lines.n; i++) {
		const struct line *l = &t->lines.list[i];
		struct buf verb = {0}, text = {0};
		sentence_put(&verb, str_of(l->reason), SENTENCE_VERB);
		sentence_put(&text, str_of(l->reason), SENTENCE_TEXT);
		if (text.n && *text.p >= 'a' && *text.p <= 'z' && strncmp(text.p, "0x", 2) != 0)
			*text.p = (char)(*text.p - 32);
		put_open(b, NULL, '{');
		put_known(b, "at", l->at);
		put_bool(b, "exact", l->exact);
		put_text(b, "verb", verb.p ? verb.p : "");
		put_text(b, "text", text.p ? text.p : "");
		put_text(b, "tone", sentence_tone(str_of(l->reason)));
		put_bool(b, "fill", l->fill);
		put_close(b, '}');
		buf_fini(&verb);
		buf_fini(&text);
	}
	put_close(b, ']');
}

static void put_attempts(struct buf *b, const struct story *t)
{
	const struct pg_reply *r = t->r;
	int rows = pg_rows(r, STORY_ATTEMPTS);
	put_open(b, "attempts", '[');
	for (int i = 0; i < rows; i++) {
		char fee[U256_DEC_MAX + 4], tip[U256_DEC_MAX + 4];
		bool mined = lines_won(r, STORY_ATTEMPTS, i, STORY_VERDICTS);
		say_gwei(fee, sizeof fee, pg_get_u256(r, STORY_ATTEMPTS, i, 2));
		say_gwei(tip, sizeof tip, pg_get_u256(r, STORY_ATTEMPTS, i, 3));
		put_open(b, NULL, '{');
		put_int(b, "at", pg_get_int(r, STORY_ATTEMPTS, i, 1));
		put_text(b, "fee", fee);
		put_text(b, "tip", tip);
		put_text(b, "outcome",
			mined                      ? "mined"
			: i + 1 < rows             ? "replaced"
			: t->life.mined_block >= 0 ? "never executed"
									   : "unmined");
		put_text(b, "tone", mined ? "good" : i + 1 < rows ? "still" : "sea");
		put_close(b, '}');
	}
	put_close(b, ']');
	put_known(b, "nonce", t->life.nonce);
}

static void put_plot(struct buf *b, const struct story *t)
{
	const struct pg_reply *r = t->r;
	int rows = pg_rows(r, STORY_ATTEMPTS);
	int64_t from = rows ? pg_get_int(r, STORY_ATTEMPTS, 0, 1) - 15000 : 0,
			to = (t->life.mined >= 0 ? t->life.mined : t->s->now) + 15000;
	bool any = false;
	for (size_t i = 0; i < t->s->nfees; i++)
		any |= t->s->fees[i].at >= from && t->s->fees[i].at <= to;
	if (!rows || !any) {
		put_text(b, "plot", NULL);
		return;
	}
	put_open(b, "plot", '{');
	put_int(b, "from", from);
	put_int(b, "to", to);
	put_open(b, "base", '[');
	for (size_t i = 0; i < t->s->nfees; i++)
		if (t->s->fees[i].at >= from - 60000 && t->s->fees[i].at <= to) {
			put_open(b, NULL, '[');
			put_int(b, NULL, t->s->fees[i].at);
			put_text(b, NULL, t->s->fees[i].gwei);
			put_close(b, ']');
		}
	put_close(b, ']');
	put_open(b, "offers", '[');
	for (int i = 0; i < rows; i++) {
		char fee[U256_DEC_MAX + 4];
		say_gwei(fee, sizeof fee, pg_get_u256(r, STORY_ATTEMPTS, i, 2));
		put_open(b, NULL, '[');
		put_int(b, NULL, pg_get_int(r, STORY_ATTEMPTS, i, 1));
		put_int(b, NULL,
			i + 1 < rows         ? pg_get_int(r, STORY_ATTEMPTS, i + 1, 1)
			: t->life.mined >= 0 ? t->life.mined
								 : t->s->now);
		put_text(b, NULL, fee);
		put_text(b, NULL, i + 1 < rows ? "wait" : "sea");
		put_close(b, ']');
	}
	put_close(b, ']');
	if (pg_rows(r, STORY_VERDICTS) && t->life.mined >= 0) {
		char paid[U256_DEC_MAX + 4];
		say_gwei(paid, sizeof paid, pg_get_u256(r, STORY_VERDICTS, pg_rows(r, STORY_VERDICTS) - 1, 5));
		put_open(b, "paid", '[');
		put_int(b, NULL, t->life.mined);
		put_text(b, NULL, paid);
		put_close(b, ']');
	} else {
		put_text(b, "paid", NULL);
	}
	put_close(b, '}');
}

static void put_pair(struct buf *b, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void put_pair(struct buf *b, const char *name, const char *fmt, ...)
{
	struct buf text = {0};
	va_list ap;
	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	if (name)
		put_open(b, NULL, '{');
	if (name)
		put_text(b, "name", name);
	put_text(b, name ? "text" : NULL, text.p);
	if (name)
		put_close(b, '}');
	buf_fini(&text);
}

static void put_numbers(struct buf *b, const struct story *t)
{
	const struct pg_reply *r = t->r;
	const struct life *l = &t->life;
	bool event = pg_rows(r, STORY_EVENT) > 0;
	const char *tx = event ? pg_get_text(r, STORY_EVENT, 0, 0) : "",
			   *proof = event ? pg_get_text(r, STORY_EVENT, 0, 4) : "";
	put_open(b, "numbers", '[');
	if (event)
		put_pair(b, "event", "%" PRId64 ", `%.6s…%.4s` log %" PRId64, pg_get_int(r, STORY_EVENT, 0, 1), tx,
			tx + 62, l->event_log);
	if (event && *proof)
		put_pair(b, "proof",
			text_is(proof, "receipts")  ? "receipts root of block {#%" PRId64 "}"
			: text_is(proof, "sources") ? "several endpoints said the same of block {#%" PRId64 "}"
										: "block {#%" PRId64 "}",
			l->event_block);
	put_pair(b, "item", "%" PRId64 " of %s", l->id, l->batch_of);
	if (l->batch >= 0 && pg_rows(r, STORY_BATCH))
		put_pair(b, "batch", "%" PRId64 ", %" PRId64 " %s", l->batch, pg_get_int(r, STORY_BATCH, 0, 1),
			pg_get_int(r, STORY_BATCH, 0, 1) == 1 ? "item" : "items");
	if (l->signer[0])
		put_pair(b, "signer", "%s `0x%.4s…%.4s`", life_signer(t->s, l->signer), l->signer, l->signer + 36);
	put_close(b, ']');
	put_open(b, "elsewhere", '[');
	if (event)
		put_pair(b, NULL, "redis-cli XRANGE %s:events:%s %" PRId64 "-0 %" PRId64 "-0", t->s->config->name,
			pg_get_text(r, STORY_EVENT, 0, 3), pg_get_int(r, STORY_EVENT, 0, 1),
			pg_get_int(r, STORY_EVENT, 0, 1));
	put_pair(b, NULL, "SELECT * FROM fairlead.lives WHERE id = %" PRId64, l->id);
	put_close(b, ']');
}

/* ── acts ── */

void act_words(struct act_words *w, const char *act, const char *what, const char *state, int64_t n)
{
	bool stopped = text_is(state, "parked") || text_is(state, "dead") || text_is(state, "letter");
	char many[80] = "";
	w->why = NULL;
	if (n > 1)
		snprintf(many, sizeof many, " and %" PRId64 " more of its cause", n - 1);
	if (text_is(act, "retry")) {
		w->label = "Retry";
		snprintf(w->effect, sizeof w->effect,
			"Retry %s%s: it waits for the next batch. Nothing can be sent twice.", what, many);
		w->why = text_is(state, "letter") ? "an event that failed is read again by its rule only, not by hand"
				 : stopped                ? NULL
										  : "it is neither parked nor dead";
	} else if (text_is(act, "drop")) {
		w->label = "Drop";
		snprintf(w->effect, sizeof w->effect, "Drop %s%s: it will never be sent. Its key stays spent.", what,
			many);
		w->why = stopped || text_is(state, "waiting") ? NULL : "it is on its way, or done";
	} else if (text_is(act, "flush")) {
		w->label = "Flush";
		snprintf(w->effect, sizeof w->effect,
			"Flush %s: what collects leaves at once instead of when it is full or due.", what);
	} else {
		w->label = "";
		w->effect[0] = 0;
		w->why = "there is no such act";
	}
}

void act_put(struct buf *b, const char *name, const char *act, const char *of, const struct act_words *w)
{
	put_open(b, name, '{');
	put_text(b, "act", act);
	put_text(b, "of", of);
	put_text(b, "label", w->label);
	put_text(b, "effect", w->effect);
	put_bool(b, "may", !w->why);
	put_text(b, "why", w->why);
	put_close(b, '}');
}

/* Of the batch that it is on its way in. What they would do PostgreSQL says when somebody asks. */
static void put_batch_acts(struct buf *b, const struct life *l)
{
	static const char *const acts[] = {"cancel", "resend"};
	enum life_state state = life_state(l);
	char of[24];
	snprintf(of, sizeof of, "%" PRId64, l->batch);
	for (int i = 0; i < 2; i++)
		if (state == STATE_SENT || (state == STATE_CUT && i == 0)) {
			struct act_words w = {.label = i ? "Resend" : "Cancel"};
			snprintf(w.effect, sizeof w.effect, "%s batch %s.", w.label, of);
			act_put(b, NULL, acts[i], of, &w);
		}
}

static void put_acts(struct buf *b, const struct story *t)
{
	static const char *const acts[] = {"retry", "drop"};
	char of[24], what[100];
	snprintf(of, sizeof of, "%" PRId64, t->life.id);
	snprintf(what, sizeof what, "%.80s", t->life.key);
	put_open(b, "acts", '[');
	put_batch_acts(b, &t->life);
	for (int i = 0; i < 2; i++) {
		struct act_words w;
		act_words(&w, acts[i], what, t->life.state, 1);
		if (!w.why)
			act_put(b, NULL, acts[i], of, &w);
	}
	if (life_state(&t->life) == STATE_COLLECTING && t->life.batch_of[0]) {
		struct act_words w;
		act_words(&w, "flush", t->life.batch_of, "", 1);
		act_put(b, NULL, "flush", t->life.batch_of, &w);
	}
	put_close(b, ']');
}

bool story_put(struct buf *b, const struct pg_reply *r, const struct seen *s)
{
	struct story *t = mem_alloc(sizeof *t);
	char id[24];
	bool there = pg_rows(r, STORY_LIFE) > 0;
	t->r = r;
	t->s = s;
	if (there) {
		life_take(&t->life, &t->lines.mem, r, STORY_LIFE, 0);
		tell_event(t);
		tell_batch(t);
		tell_slot(t);
		tell_turns(t);
		lines_sort(&t->lines);
		snprintf(id, sizeof id, "%" PRId64, t->life.id);
		put_open(b, NULL, '{');
		put_text(b, "id", id);
		put_title(b, t);
		put_lines(b, t);
		put_attempts(b, t);
		put_plot(b, t);
		put_numbers(b, t);
		put_acts(b, t);
		life_put(b, "life", &t->life, s);
		put_close(b, '}');
		put_end(b);
	}
	lines_fini(&t->lines);
	free(t);
	return there;
}

static void put_letter_line(struct buf *b, int64_t at, const char *verb, const char *text, bool last)
{
	put_open(b, NULL, '{');
	put_int(b, "at", at);
	put_bool(b, "exact", true);
	put_text(b, "verb", verb);
	put_text(b, "text", text);
	put_text(b, "tone", last ? "stop" : "wait");
	put_bool(b, "fill", last);
	put_close(b, '}');
}

static void put_letter_lines(struct buf *b, const struct pg_reply *r)
{
	struct buf text = {0};
	int64_t at = pg_get_int(r, 0, 0, 0), tries = pg_get_int(r, 0, 0, 5);
	rich_escape(&text, pg_get(r, 0, 0, 2));
	buf_printf(&text, ": %" PRId64 " %s, alone. It said: ", tries, tries == 1 ? "time" : "times");
	rich_escape(&text, pg_get(r, 0, 0, 3));
	put_open(b, "lines", '[');
	put_letter_line(b, at, "Tried.", text.p, false);
	put_letter_line(b, at, "Dead.", "It stands in fairlead.dead. The events after it went on.", true);
	put_close(b, ']');
	buf_fini(&text);
}

bool letter_put(struct buf *b, const struct pg_reply *r, int64_t letter, const struct seen *s)
{
	char id[24], of[40];
	struct act_words w;
	(void)s;
	if (pg_rows(r, 0) == 0)
		return false;
	const char *who = pg_get_text(r, 0, 0, 7);
	snprintf(id, sizeof id, "d%" PRId64, letter);
	snprintf(of, sizeof of, "dead letter %" PRId64, letter);
	act_words(&w, "drop", of, *who ? "done" : "letter", 1);
	put_open(b, NULL, '{');
	put_text(b, "id", id);
	put_text(b, "title", *who ? "It could not be applied, and was dropped" : "It could not be applied");
	put_text(b, "you",
		*who ? NULL
			 : "read its transaction. If its sender erred, drop it; if the rule is wrong, mend the rule and "
			   "read that block again.");
	put_letter_lines(b, r);
	put_open(b, "attempts", '[');
	put_close(b, ']');
	put_text(b, "nonce", NULL);
	put_text(b, "plot", NULL);
	put_open(b, "numbers", '[');
	put_pair(b, "lane", "%s", pg_get_text(r, 0, 0, 1));
	if (pg_get_int(r, 0, 0, 6) >= 0)
		put_pair(b, "event", "%" PRId64, pg_get_int(r, 0, 0, 6));
	put_close(b, ']');
	put_open(b, "elsewhere", '[');
	put_pair(b, NULL, "SELECT * FROM fairlead.dead_letter WHERE id = %" PRId64, letter);
	put_close(b, ']');
	put_open(b, "acts", '[');
	if (!w.why)
		act_put(b, NULL, "drop", id, &w);
	put_close(b, ']');
	put_text(b, "life", NULL);
	put_close(b, '}');
	put_end(b);
	return true;
}
