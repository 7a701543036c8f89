#include "submitter/explain.h"

#include "common/base/sentence.h"
#include "common/ledger/figures.h"
#include "common/ledger/lines.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { PREFIX_MIN = 8, KEYS_SHOWN = 10, TITLES = 8, TIME_COLUMNS = 14 };
enum head {
	H_BATCH,
	H_NAME,
	H_STATE,
	H_REASON,
	H_ITEMS,
	H_CUT,
	H_MINED,
	H_SIGNER,
	H_ADDRESS,
	H_NONCE,
	H_CLOSED,
	H_CLOSED_BLOCK,
	H_MAX,
	H_WAIT,
	H_KEY,
	H_ITEM_NAME,
	H_ITEM_STATE,
	H_ITEM_REASON,
	H_NOTE,
	H_MADE
};

static const char *text(const struct pg_reply *r, enum head h)
{
	return pg_get_text(r, BATCH_HEAD, 0, (int)h);
}

static int64_t number(const struct pg_reply *r, enum head h)
{
	return pg_get_int(r, BATCH_HEAD, 0, (int)h);
}

bool explain_of(struct explain *e, const char *of)
{
	uint64_t n;
	size_t digits = 0;
	e->of = of;
	if (strncmp(of, "0x", 2) == 0) {
		while (hex_digit(of[2 + digits]) >= 0)
			digits++;
		return of[2 + digits] == 0 && digits >= PREFIX_MIN && digits <= 64;
	}
	if (str_to_u64(str_of(of), &n))
		return n <= INT64_MAX && strlen(of) <= 18;
	return strchr(of, ':') > of && utf8_valid(str_of(of));
}

void explain_ask(const struct explain *e, struct pg_unit *u)
{
	batch_story_ask(u, e->of);
}

/* ── why it was sent: its events, by their kind ── */

struct cause {
	const char *title, *tx;
	int64_t n, first, last, at;
	struct buf keys;
};

static struct cause *cause_of(struct cause *all, size_t *n, const char *title)
{
	for (size_t i = 0; i < *n; i++)
		if (text_is(all[i].title, title))
			return &all[i];
	if (*n == TITLES)
		return &all[TITLES - 1];
	all[*n] = (struct cause){.title = title, .first = INT64_MAX, .at = INT64_MAX};
	return &all[(*n)++];
}

static void count_item(struct cause *c, const struct pg_reply *r, int row)
{
	int64_t block = pg_get_int(r, BATCH_ITEMS, row, 3), at = pg_get_int(r, BATCH_ITEMS, row, 4);
	c->tx = pg_get_text(r, BATCH_ITEMS, row, 2);
	c->first = block < c->first ? block : c->first;
	c->last = block > c->last ? block : c->last;
	c->at = at < c->at ? at : c->at;
	if (++c->n <= KEYS_SHOWN) {
		buf_text(&c->keys, c->n > 1 ? " " : "");
		buf_str(&c->keys, pg_get(r, BATCH_ITEMS, row, 0));
	}
}

static void tell_cause(struct lines *t, struct cause *c)
{
	const char *dot = strrchr(c->title, '.');
	reason_code(&t->reason, !*c->title            ? "caused_by_hand"
							: c->n == 1           ? "caused_one"
							: c->first == c->last ? "caused_block"
												  : "caused");
	if (c->n > KEYS_SHOWN)
		buf_printf(&c->keys, " and %" PRId64 " more", c->n - KEYS_SHOWN);
	reason_int(&t->reason, "n", c->n);
	reason_text(&t->reason, "event", dot ? dot + 1 : c->title);
	reason_int(&t->reason, "first", c->first);
	reason_int(&t->reason, "block", c->last);
	reason_text(&t->reason, "tx", c->tx);
	reason_text(&t->reason, "keys", c->keys.p);
	lines_add(t, c->at, false, false);
	buf_fini(&c->keys);
}

static void tell_causes(struct lines *t, const struct pg_reply *r)
{
	struct cause all[TITLES];
	size_t n = 0;
	for (int i = 0; i < pg_rows(r, BATCH_ITEMS); i++)
		count_item(cause_of(all, &n, pg_get_text(r, BATCH_ITEMS, i, 1)), r, i);
	for (size_t i = 0; i < n; i++)
		tell_cause(t, &all[i]);
}

/* ── the other lines ── */

static void tell_cut(struct lines *t, const struct pg_reply *r)
{
	int64_t items = number(r, H_ITEMS);
	if (items == 0)
		items = pg_rows(r, BATCH_ITEMS);
	reason_code(&t->reason, "cut");
	reason_int(&t->reason, "of", items);
	if (items == number(r, H_MAX))
		reason_int(&t->reason, "full", 1);
	else
		reason_int(&t->reason, "wait", number(r, H_WAIT));
	lines_add(t, number(r, H_CUT), true, false);
}

/* Its receipt stands and is final. */
static int64_t final_block(const struct pg_reply *r)
{
	bool done = text_is(text(r, H_CLOSED), "done");
	return done ? number(r, H_CLOSED_BLOCK) : -1;
}

static void tell_slot(struct lines *t, const struct pg_reply *r)
{
	char signer[160];
	const char *address = text(r, H_ADDRESS);
	snprintf(signer, sizeof signer, "%.60s%s%.6s…%.4s", text(r, H_SIGNER), *text(r, H_SIGNER) ? " " : "",
		address, strlen(address) > 4 ? address + strlen(address) - 4 : "");
	struct lines_slot s = {.attempts = BATCH_ATTEMPTS,
		.answers = BATCH_ANSWERS,
		.verdicts = BATCH_VERDICTS,
		.signer = signer,
		.final_block = final_block(r),
		.final_at = -1};
	lines_slot(t, r, &s);
}

static void tell_end(struct lines *t, const struct pg_reply *r)
{
	const char *note = text(r, H_NOTE), *reason = text(r, H_REASON);
	if (*note) {
		buf_clear(&t->reason);
		buf_text(&t->reason, note);
		lines_add(t, -1, false, true);
	}
	if (*reason && !text_is(text(r, H_STATE), "bound")) {
		buf_clear(&t->reason);
		buf_text(&t->reason, reason);
		lines_add(t, -1, false, true);
	}
}

/* ── on paper ── */

static void put_time(char *out, size_t size, const struct line *l, int64_t *day)
{
	time_t s = (time_t)(l->at / 1000);
	struct tm tm;
	char clock[32];
	*out = 0;
	if (l->at < 0)
		return;
	gmtime_r(&s, &tm);
	strftime(clock, sizeof clock, l->at / 86400000 == *day ? "%H:%M:%S" : "%Y-%m-%d %H:%M:%S", &tm);
	if (l->exact)
		snprintf(out, size, "%s.%03d", clock, (int)(l->at % 1000));
	else
		snprintf(out, size, "%s", clock);
	*day = l->at / 86400000;
}

static void put_line(struct paper *p, const struct line *l, int64_t *day)
{
	struct buf verb = {0}, rich = {0}, plain = {0};
	char at[48];
	put_time(at, sizeof at, l, day);
	sentence_put(&verb, str_of(l->reason), SENTENCE_VERB);
	sentence_put(&rich, str_of(l->reason), SENTENCE_TEXT);
	if (rich.n && *rich.p >= 'a' && *rich.p <= 'z' && strncmp(rich.p, "0x", 2) != 0)
		*rich.p = (char)(*rich.p - 32);
	sentence_plain(&plain, (struct str){verb.p, verb.n}, p->now_ms, "");
	if (strlen(at) > TIME_COLUMNS) { /* another day: its date stands once, above */
		paper_put(p, (at[10] = 0, at), "", "", (struct str){"", 0}, 0);
		memmove(at, at + 11, strlen(at + 11) + 1);
	}
	paper_put(p, *at ? at : " ", sentence_tone(str_of(l->reason)), plain.p ? plain.p : "",
		(struct str){rich.p, rich.n}, TIME_COLUMNS);
	buf_fini(&verb);
	buf_fini(&rich);
	buf_fini(&plain);
}

static const char *state_word(const struct pg_reply *r, const char **tone)
{
	const char *state = text(r, H_STATE), *closed = text(r, H_CLOSED);
	bool mined = false;
	for (int i = 0; i < pg_rows(r, BATCH_VERDICTS); i++)
		mined |= !text_is(pg_get_text(r, BATCH_VERDICTS, i, 6), "taken back");
	*tone = "wait";
	if (text_is(closed, "done"))
		return *tone = "good", "final";
	if (*closed)
		return text_is(closed, "cancelled")  ? "cancelled"
			   : text_is(closed, "reverted") ? "reverted"
											 : "overtaken: its nonce was used by something else";
	if (text_is(state, "dropped"))
		return "never sent";
	*tone = "sea";
	if (text_is(state, "ready"))
		return "not signed yet";
	return mined ? "mined, not final yet" : "sent, not mined yet";
}

static void put_head(struct paper *p, const struct pg_reply *r)
{
	struct buf head = {0}, rest = {0};
	char ms[24];
	const char *tone;
	int64_t mined = number(r, H_MINED), made = number(r, H_MADE), items = number(r, H_ITEMS);
	int bumps = pg_rows(r, BATCH_ATTEMPTS) - 1;
	const char *state = state_word(r, &tone);
	if (number(r, H_BATCH) < 0)
		buf_printf(&head, "Nonce %" PRId64 ", %s:", number(r, H_NONCE), state);
	else
		buf_printf(&head, "Batch %" PRId64 " of %s, %s:", number(r, H_BATCH), text(r, H_NAME), state);
	if (items == 0)
		items = pg_rows(r, BATCH_ITEMS);
	if (number(r, H_BATCH) < 0) /* a top-up */
		buf_text(&rest, "no items");
	else
		buf_printf(&rest, "%" PRId64 " %s", items, items == 1 ? "item" : "items");
	if (mined > 0 && made > 0) {
		say_duration(ms, sizeof ms, mined - made, " ");
		buf_printf(&rest, ", %s from event to mined", ms);
	}
	if (bumps > 0)
		buf_printf(&rest, ", %d %s signed", bumps + 1, "attempts");
	buf_char(&rest, '.');
	paper_put(p, "", tone, head.p, (struct str){rest.p, rest.n}, 0);
	buf_fini(&head);
	buf_fini(&rest);
}

/* An item that no batch holds. */
static void put_item(struct paper *p, const struct pg_reply *r)
{
	struct buf head = {0}, rich = {0};
	buf_printf(&head, "%s %s, %s:", text(r, H_ITEM_NAME), text(r, H_KEY), text(r, H_ITEM_STATE));
	if (*text(r, H_ITEM_REASON))
		sentence_put(&rich, str_of(text(r, H_ITEM_REASON)), SENTENCE_TEXT);
	else
		buf_text(&rich, "no batch holds it");
	buf_char(&rich, '.');
	paper_put(p, "", "wait", head.p, (struct str){rich.p, rich.n}, 0);
	buf_fini(&head);
	buf_fini(&rich);
}

bool explain_put(const struct explain *e, const struct pg_reply *r, struct paper *p)
{
	struct lines t = {0};
	int64_t day = p->now_ms / 86400000;
	if (pg_rows(r, BATCH_HEAD) == 0)
		return false;
	if (pg_rows(r, BATCH_HEAD) > 1) {
		buf_printf(p->out, "More than one transaction begins with %s: give more of its digits.\n", e->of);
		return true;
	}
	if (number(r, H_BATCH) < 0 && *text(r, H_KEY)) {
		put_item(p, r);
		return true;
	}
	if (number(r, H_BATCH) >= 0) {
		tell_causes(&t, r);
		tell_cut(&t, r);
	}
	if (number(r, H_NONCE) >= 0)
		tell_slot(&t, r);
	for (int i = 0; i < pg_rows(r, BATCH_TURNS); i++)
		lines_turn(&t, r, BATCH_TURNS, i, 0);
	tell_end(&t, r);
	lines_sort(&t);
	put_head(p, r);
	for (size_t i = 0; i < t.n; i++)
		put_line(p, &t.list[i], &day);
	lines_fini(&t);
	return true;
}
