#include "common/ledger/lines.h"

#include "common/base/sentence.h"

#include <stdlib.h>

void lines_add(struct lines *t, int64_t at, bool exact, bool fill)
{
	if (t->n < LINES_MAX)
		t->list[t->n] = (struct line){.at = at,
			.order = (int64_t)t->n,
			.exact = exact,
			.fill = fill,
			.reason = arena_textn(&t->mem, t->reason.p, t->reason.n)};
	t->n += t->n < LINES_MAX;
}

static int by_time(const void *a, const void *b)
{
	const struct line *x = a, *y = b;
	int64_t at[2] = {x->at < 0 ? INT64_MAX : x->at, y->at < 0 ? INT64_MAX : y->at};
	if (at[0] != at[1])
		return at[0] < at[1] ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

void lines_sort(struct lines *t)
{
	qsort(t->list, t->n, sizeof *t->list, by_time);
}

void lines_fini(struct lines *t)
{
	arena_fini(&t->mem);
	buf_fini(&t->reason);
	t->n = 0;
}

/* ── attempts: n, at, fee, tip, kind, reason, hash, nonce ── */

static void put_attempt(struct lines *t, const struct pg_reply *r, const struct lines_slot *s, int row)
{
	struct buf *w = &t->reason;
	const char *kind = pg_get_text(r, s->attempts, row, 4), *reason = pg_get_text(r, s->attempts, row, 5);
	if (*reason) {
		buf_clear(w);
		buf_text(w, reason);
	} else {
		reason_code(w, text_is(kind, "cancel")       ? "noop"
					   : text_is(kind, "recomposed") ? "without"
					   : text_is(kind, "bump")       ? "unmined"
													 : "first");
	}
	reason_int(w, "n", pg_get_int(r, s->attempts, row, 0));
	reason_text(w, "fee", pg_get_text(r, s->attempts, row, 2));
	reason_text(w, "tip", pg_get_text(r, s->attempts, row, 3));
}

static void put_attempts(struct lines *t, const struct pg_reply *r, const struct lines_slot *s)
{
	for (int i = 0; i < pg_rows(r, s->attempts); i++) {
		int64_t at = pg_get_int(r, s->attempts, i, 1), n = pg_get_int(r, s->attempts, i, 0);
		if (n == 1) {
			reason_code(&t->reason, "signed");
			reason_text(&t->reason, "signer", s->signer);
			reason_int(&t->reason, "nonce", pg_get_int(r, s->attempts, i, 7));
			lines_add(t, at, true, false);
		}
		put_attempt(t, r, s, i);
		lines_add(t, at, true, n > 1);
	}
}

/* ── answers: at, n, endpoint, answer ("" : taken), how many times ── */

/* As answer.h names them. */
static const char *answer_code(const char *answer)
{
	if (!*answer)
		return "node_took";
	return text_is(answer, "known")     ? "node_had"
		   : text_is(answer, "unknown") ? "node_unsure"
										: "node_refused";
}

static void put_answers(struct lines *t, const struct pg_reply *r, const struct lines_slot *s)
{
	for (int i = 0; i < pg_rows(r, s->answers); i++) {
		const char *answer = pg_get_text(r, s->answers, i, 3);
		int64_t times = pg_get_int(r, s->answers, i, 4);
		reason_code(&t->reason, answer_code(answer));
		reason_text(&t->reason, "endpoint", pg_get_text(r, s->answers, i, 2));
		reason_int(&t->reason, "n", pg_get_int(r, s->answers, i, 1));
		reason_text(&t->reason, "text", answer);
		if (times > 1)
			reason_int(&t->reason, "times", times);
		lines_add(t, pg_get_int(r, s->answers, i, 0), true, false);
	}
}

/* ── verdicts: at, n, block, ok, gas, price, standing, final, nonce, what the chain below took ── */

static bool is_of(const struct pg_reply *r, int attempts, int row, int verdicts, int verdict)
{
	return pg_get_int(r, attempts, row, 0) == pg_get_int(r, verdicts, verdict, 1) &&
		   pg_get_int(r, attempts, row, 7) == pg_get_int(r, verdicts, verdict, 8);
}

static const char *verdict_code(const struct pg_reply *r, const struct lines_slot *s, int row)
{
	for (int i = 0; i < pg_rows(r, s->attempts); i++)
		if (is_of(r, s->attempts, i, s->verdicts, row) &&
			text_is(pg_get_text(r, s->attempts, i, 4), "cancel"))
			return "mined_noop";
	return pg_get_bool(r, s->verdicts, row, 3) ? "mined" : "mined_reverted";
}

/* Attempts on its nonce that can't execute any more. */
static int others_of(const struct pg_reply *r, const struct lines_slot *s, int row)
{
	int n = -1;
	for (int i = 0; i < pg_rows(r, s->attempts); i++)
		n += pg_get_int(r, s->attempts, i, 7) == pg_get_int(r, s->verdicts, row, 8);
	return n;
}

static void put_verdict(struct lines *t, const struct pg_reply *r, const struct lines_slot *s, int row)
{
	bool gone = text_is(pg_get_text(r, s->verdicts, row, 6), "taken back");
	int64_t at = pg_get_int(r, s->verdicts, row, 0), gas = pg_get_int(r, s->verdicts, row, 4);
	int others = others_of(r, s, row);
	struct u256 price = pg_get_u256(r, s->verdicts, row, 5), cost = u256_of(0);
	reason_code(&t->reason, verdict_code(r, s, row));
	reason_int(&t->reason, "n", pg_get_int(r, s->verdicts, row, 1));
	reason_int(&t->reason, "block", pg_get_int(r, s->verdicts, row, 2));
	reason_int(&t->reason, "gas", gas);
	reason_u256(&t->reason, "price", price);
	if (u256_mul(&cost, price, u256_of((uint64_t)gas)) &&
		u256_add(&cost, cost, pg_get_u256(r, s->verdicts, row, 9)))
		reason_u256(&t->reason, "cost", cost);
	if (others > 0 && !gone)
		reason_int(&t->reason, "others", others);
	lines_add(t, at, true, true);
	if (gone) {
		reason_code(&t->reason, "block_gone");
		reason_int(&t->reason, "block", pg_get_int(r, s->verdicts, row, 2));
		lines_add(t, at + 1, false, true);
	}
}

void lines_slot(struct lines *t, const struct pg_reply *r, const struct lines_slot *s)
{
	put_attempts(t, r, s);
	put_answers(t, r, s);
	for (int i = 0; i < pg_rows(r, s->verdicts); i++)
		put_verdict(t, r, s, i);
	if (s->final_block < 0)
		return;
	reason_code(&t->reason, "final");
	reason_int(&t->reason, "block", s->final_block);
	lines_add(t, s->final_at, false, false);
}

bool lines_won(const struct pg_reply *r, int attempts, int row, int verdicts)
{
	for (int i = 0; i < pg_rows(r, verdicts); i++)
		if (is_of(r, attempts, row, verdicts, i) && !text_is(pg_get_text(r, verdicts, i, 6), "taken back"))
			return true;
	return false;
}

/* ── turns: at, state, was, reason, batch, by whom, what, text ── */

static void put_act(struct lines *t, const struct pg_reply *r, int stmt, int row)
{
	static const char *const acts[][2] = {{"retry", "Retried"}, {"drop", "Dropped"}, {"flush", "Flushed"},
		{"replay", "Replayed"}, {"cancel", "Cancel"}, {"resend", "Resend"}, {"freeze", "Frozen"},
		{"thaw", "Thawed"}};
	const char *verb = "Changed";
	for (size_t k = 0; k < sizeof acts / sizeof *acts; k++)
		verb = text_is(pg_get_text(r, stmt, row, 6), acts[k][0]) ? acts[k][1] : verb;
	reason_code(&t->reason, "done_by");
	reason_text(&t->reason, "what", verb);
	reason_text(&t->reason, "who", pg_get_text(r, stmt, row, 5));
	reason_text(&t->reason, "text", pg_get_text(r, stmt, row, 7));
}

void lines_turn(struct lines *t, const struct pg_reply *r, int stmt, int row, int64_t tries)
{
	const char *state = pg_get_text(r, stmt, row, 1), *reason = pg_get_text(r, stmt, row, 3);
	int64_t at = pg_get_int(r, stmt, row, 0);
	buf_clear(&t->reason);
	if (text_is(state, "act")) {
		put_act(t, r, stmt, row);
	} else if (text_is(state, "taken")) {
		reason_code(&t->reason, "event_gone");
	} else if (text_is(state, "dead") && !reason_is(str_of(reason), "dropped")) {
		reason_code(&t->reason, "dead");
		reason_int(&t->reason, "tries", tries);
	} else if (text_is(state, "raised") || (text_is(state, "waiting") && !*reason)) {
		return;
	} else if (reason_known(str_of(reason)).n) {
		buf_text(&t->reason, reason);
	} else {
		reason_code(&t->reason, text_is(state, "already")  ? "already"
								: text_is(state, "parked") ? "refused"
														   : "given_back");
		reason_text(&t->reason, "text", reason);
	}
	lines_add(t, at, true, text_is(state, "parked") || text_is(state, "dead") || text_is(state, "taken"));
}
