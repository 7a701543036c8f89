#include "listener/twice.h"

#include "common/io/log.h"
#include "listener/reader.h"

#include <inttypes.h>
#include <stdio.h>

bool twice_holds(const struct twice *t, const struct log *l)
{
	size_t n = t->n < TWICE_MOST ? t->n : TWICE_MOST;
	for (size_t i = 0; i < n; i++)
		if (memcmp(t->logs[i].id, l->id, 32) == 0 && memcmp(t->logs[i].block_hash, l->block_hash, 32) == 0)
			return true;
	return false;
}

size_t twice_leave_out(const struct twice *t, struct log *logs, size_t n)
{
	size_t kept = 0;
	for (size_t i = 0; i < n; i++)
		if (!twice_holds(t, &logs[i]))
			logs[kept++] = logs[i];
	return kept;
}

static void leave_out(struct twice *t, const struct log *l)
{
	struct twice_log *x = &t->logs[t->n++ % TWICE_MOST];
	memcpy(x->block_hash, l->block_hash, 32);
	memcpy(x->id, l->id, 32);
}

/* ── what stands elsewhere ── */

struct found {
	const struct log *first; /* of the step, that stands elsewhere; NULL: none */
	int64_t other;           /* the lowest block where one stands; in the step itself: that one's */
	bool stored;             /* other is stored */
	size_t n;
};

static void note(struct found *f, const struct log *l, int64_t other, bool stored)
{
	if (!f->first || other < f->other) {
		f->first = f->first ? f->first : l;
		f->other = other;
		f->stored = stored;
	}
	f->n++;
}

/* In the step itself: logs are sorted, so the later one of two is met behind the other. */
static void find_within(struct reader *r, struct found *f, bool drop)
{
	for (size_t i = 0; i < r->nlogs; i++)
		for (size_t k = 0; k < i; k++)
			if (memcmp(r->logs[i].id, r->logs[k].id, 32) == 0 && r->logs[i].block != r->logs[k].block) {
				note(f, &r->logs[i], (int64_t)r->logs[k].block, false);
				if (drop)
					leave_out(&r->twice, &r->logs[i]);
				break;
			}
}

static const struct log *of_kind(const struct reader *r, size_t kind, int64_t place)
{
	const struct filter_event *ev;
	for (size_t i = 0; i < r->nlogs; i++)
		if ((ev = filter_match(&r->filter, &r->logs[i])) && ev->index == kind && place-- == 0)
			return &r->logs[i];
	return NULL;
}

static void find_stored(struct reader *r, const struct pg_reply *q, struct found *f, bool drop)
{
	for (int stmt = 1; stmt < q->statements; stmt++)
		for (int row = 0; row < pg_rows(q, stmt); row++) {
			const struct log *l = of_kind(r, (size_t)stmt - 1, pg_get_int(q, stmt, row, 0));
			if (!l)
				continue;
			note(f, l, pg_get_int(q, stmt, row, 1), true);
			if (drop)
				leave_out(&r->twice, l);
		}
}

/* ── who errs ── */

static void say(struct twice *t, const struct found *f)
{
	char tx[67];
	hex_to_0x(tx, f->first->tx_hash, 32);
	snprintf(t->why, sizeof t->why,
		"a log of transaction %s stands in block %" PRId64 " and in block %" PRIu64
		": one transaction can't be in two blocks",
		tx, f->other, f->first->block);
}

static void on_told(void *arg, const struct pg_reply *q)
{
	struct reader *r = arg;
	if (reader_back(r) && reader_stored(r, q))
		reader_again(r);
}

static void give_in(struct reader *r, const struct found *f)
{
	log_odd("log.twice", "One log is told of two blocks, again and again; it is kept where it stands first",
		F_STR("chain", r->chain->name), F_HEX("tx", f->first->tx_hash, 32), F_INT("block", f->other),
		F_UINT("left_out", f->first->block), F_UINT("logs", f->n));
	struct pg_unit *u = pg_unit(r->m->pg);
	lane_fence(u, lease_lane(r->lease));
	chain_add_odd(u, "twice", r->twice.why);
	r->in_flight = true;
	pg_unit_run(u, 0, on_told, r);
}

static void on_found(void *arg, const struct pg_reply *q)
{
	struct reader *r = arg;
	struct twice *t = &r->twice;
	struct found f = {0};
	struct err e = {0};
	if (!reader_back(r) || !reader_stored(r, q))
		return;
	find_stored(r, q, &f, false);
	if (!f.first)
		find_within(r, &f, false);
	if (!f.first) {
		reader_retry(r, t->why);
		return;
	}
	t->met = memcmp(t->block, f.first->block_hash, 32) == 0 ? t->met + 1 : 1;
	memcpy(t->block, f.first->block_hash, 32);
	say(t, &f);
	if (t->met == 1) {
		err_put(&e, ERR_MALFORMED, "%s", t->why);
		provider_doubted(r->p);
		reader_provider_error(r, &e);
	} else if (t->met == 2 && f.stored && f.other > r->floor) {
		log_odd("log.doubted", "What is stored of a block contradicts another block; it is read again",
			F_STR("chain", r->chain->name), F_INT("block", f.other), F_STR("reason", t->why));
		store_retract(r, f.other - 1);
	} else {
		f.n = 0;
		find_stored(r, q, &f, true);
		if (f.n == 0)
			find_within(r, &f, true);
		give_in(r, &f);
	}
}

bool twice_met(struct reader *r, const struct pg_reply *q)
{
	if (q->outcome != PG_REFUSED || strcmp(q->sqlstate, "23505") != 0 || r->nlogs == 0)
		return false;
	snprintf(r->twice.why, sizeof r->twice.why, "%.*s", (int)sizeof r->twice.why - 1, q->err.text);
	struct pg_unit *u = pg_unit(r->m->pg);
	struct event_row *rows = arena_alloc(&r->mem, r->nlogs * sizeof *rows);
	lane_fence(u, lease_lane(r->lease));
	for (size_t kind = 0; kind < r->filter.n; kind++) {
		size_t n = 0;
		const struct filter_event *ev;
		for (size_t i = 0; i < r->nlogs; i++)
			if ((ev = filter_match(&r->filter, &r->logs[i])) && ev->index == kind)
				rows[n++] = (struct event_row){.log = &r->logs[i]};
		chain_find_elsewhere(u, &r->mem, r->filter.events[kind].decl, rows, n);
	}
	r->in_flight = true;
	pg_unit_run(u, 0, on_found, r);
	return true;
}
