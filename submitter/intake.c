#include "submitter/intake.h"

#include <stdio.h>
#include <stdlib.h>

/* ── the names of items, for the calls ── */

struct some_items {
	const struct intake_item *const *list;
	size_t n;
	const struct call_scope *outer;
};

static bool name_of_item(const struct intake_item *it, struct str name, struct str *value, struct err *e)
{
	const struct arg *a = args_get(&it->args, name);
	if (!a)
		return err_set(e, ERR_REJECTED, "the item keeps no %.*s", (int)name.n, name.p);
	if (!a->value.p)
		return err_set(e, ERR_REJECTED, "%.*s is null", (int)name.n, name.p);
	*value = a->value;
	return true;
}

static bool scope_name(void *arg, struct str name, struct str *value, struct err *e)
{
	const struct some_items *s = arg;
	return name_of_item(s->list[0], name, value, e);
}

static bool scope_item(void *arg, size_t i, struct str name, struct str *value, struct err *e)
{
	const struct some_items *s = arg;
	return name_of_item(s->list[i], name, value, e);
}

static const uint8_t *scope_address(void *arg, const struct signer_decl *signer)
{
	const struct some_items *s = arg;
	return s->outer->address(s->outer->arg, signer);
}

static struct call_scope scope_over(struct some_items *s)
{
	return (struct call_scope){
		.arg = s, .name = scope_name, .item = scope_item, .items = s->n, .address = scope_address};
}

static bool encode(
	struct arena *a, const struct call *c, struct some_items *s, struct str *data, struct err *e)
{
	struct buf raw = {0};
	struct call_scope scope = scope_over(s);
	bool ok = call_encode(a, c, &scope, &raw, e);
	if (ok) {
		char *text = arena_alloc(a, 2 * raw.n + 3);
		hex_to_0x(text, (const uint8_t *)raw.p, raw.n);
		*data = (struct str){text, 2 * raw.n + 2};
	}
	buf_fini(&raw);
	return ok;
}

size_t intake_alive(const struct intake_batch *b)
{
	size_t n = 0;
	for (size_t i = 0; i < b->n; i++)
		n += b->items[i].out == ITEM_GOES;
	return n;
}

struct intake_item *intake_item(struct intake_batch *b, size_t place)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->items[i].out == ITEM_GOES && place-- == 0)
			return &b->items[i];
	must(false);
	return NULL;
}

void intake_again(struct intake_batch *b)
{
	b->end = INTAKE_ASKING;
	b->stale = true;
	b->fits = false;
}

bool intake_compose(
	struct intake *in, const struct intake_batch *b, size_t lo, size_t hi, struct str *data, struct err *e)
{
	const struct intake_item **list = arena_alloc(in->a, (hi - lo) * sizeof *list);
	size_t place = 0, n = 0;
	for (size_t i = 0; i < b->n; i++) {
		if (b->items[i].out != ITEM_GOES)
			continue;
		if (place >= lo && place < hi)
			list[n++] = &b->items[i];
		place++;
	}
	must(n == hi - lo);
	struct some_items s = {list, n, in->names};
	return encode(in->a, &b->decl->send, &s, data, e);
}

/* The calldata of all that go. When the whole does not fit its types the items that don't fit alone are set
 * aside. */
static void compose(struct intake *in, struct intake_batch *b)
{
	struct err e = {0};
	for (int again = 0; again < 2; again++) {
		size_t n = intake_alive(b);
		if (n == 0) {
			b->end = INTAKE_EMPTY;
			return;
		}
		if (intake_compose(in, b, 0, n, &b->data, &e))
			return;
		for (size_t i = 0; i < b->n; i++) {
			const struct intake_item *one = &b->items[i];
			struct some_items s = {&one, 1, in->names};
			struct str data;
			struct err why = {0};
			if (one->out != ITEM_GOES || encode(in->a, &b->decl->send, &s, &data, &why))
				continue;
			b->items[i].out = ITEM_PARKED;
			b->items[i].why = arena_text(in->a, why.text);
		}
	}
	b->end = INTAKE_WAITS;
	snprintf(b->why, sizeof b->why, "the items can't be put into one call: %.200s", e.text);
}

/* ── shapes ── */

static struct shape *shape_of(struct intake *in, const struct intake_batch *b, size_t items)
{
	for (size_t i = 0; i < SHAPES; i++) {
		struct shape *s = &in->shapes->list[i];
		if (s->decl == b->decl && s->items == items && s->data == b->data.n)
			return s;
	}
	return NULL;
}

static void learn_shape(struct intake *in, const struct intake_batch *b)
{
	size_t items = intake_alive(b);
	struct shape *s = shape_of(in, b, items);
	if (!s) {
		s = &in->shapes->list[in->shapes->next];
		in->shapes->next = (in->shapes->next + 1) % SHAPES;
		*s = (struct shape){b->decl, items, b->data.n, 0};
	}
	if (b->gas > s->gas)
		s->gas = b->gas;
}

/* ── rounds ── */

void intake_init(struct intake *in)
{
	in->awaited = 0;
	in->by_shape = in->n >= SHAPE_GROUP;
	for (size_t i = 0; i < in->n; i++) {
		in->batches[i].end = INTAKE_ASKING;
		in->batches[i].stale = false;
		in->batches[i].data = (struct str){NULL, 0};
		compose(in, &in->batches[i]);
	}
}

static void hand_out(struct intake *in, struct intake_batch *b, const struct question *q,
	void (*fn)(void *arg, const struct question *q), void *arg)
{
	b->awaited++;
	in->awaited++;
	fn(arg, q);
}

/* Each item's skip: once, before the batch is composed for good. */
static void ask_skips(
	struct intake *in, size_t at, void (*fn)(void *arg, const struct question *q), void *arg)
{
	struct intake_batch *b = &in->batches[at];
	const struct call *c = &b->decl->skip.left;
	for (size_t i = 0; i < b->n; i++) {
		struct question q = {.kind = QUESTION_SKIP, .batch = at, .item = i};
		const struct intake_item *one = &b->items[i];
		struct some_items s = {&one, 1, in->names};
		struct err e = {0};
		if (one->out != ITEM_GOES)
			continue;
		if (!encode(in->a, c, &s, &q.data, &e)) {
			b->items[i].out = ITEM_PARKED;
			b->items[i].why = arena_text(in->a, e.text);
			b->stale = true;
			continue;
		}
		memcpy(q.to, c->contract->addresses[0], 20);
		hand_out(in, b, &q, fn, arg);
	}
}

static void ask_whole(
	struct intake *in, size_t at, bool may_fit, void (*fn)(void *arg, const struct question *q), void *arg)
{
	struct intake_batch *b = &in->batches[at];
	const struct shape *s = may_fit && in->by_shape ? shape_of(in, b, intake_alive(b)) : NULL;
	uint64_t known = s ? s->gas : 0;
	if (may_fit && in->fixed_gas)
		known = in->fixed_gas;
	struct question q = {.kind = known ? QUESTION_FITS : QUESTION_ESTIMATE, .batch = at, .data = b->data};
	q.gas = known;
	b->fits = known != 0;
	memcpy(q.to, b->decl->send.contract->addresses[0], 20);
	hand_out(in, b, &q, fn, arg);
}

bool intake_round(struct intake *in, void (*fn)(void *arg, const struct question *q), void *arg)
{
	must(in->awaited == 0);
	for (size_t i = 0; i < in->n; i++) {
		struct intake_batch *b = &in->batches[i];
		if (b->end != INTAKE_ASKING)
			continue;
		bool first = !b->begun;
		b->begun = true;
		if (b->stale) {
			b->stale = false;
			compose(in, b);
			if (b->end != INTAKE_ASKING)
				continue;
		}
		if (first && b->decl->has_skip)
			ask_skips(in, i, fn, arg);
		ask_whole(in, i, first || !b->fits, fn, arg);
	}
	return in->awaited > 0;
}

/* S7: a revert = not skipped; another failure = wait. */
static void told_skip(
	struct intake *in, struct intake_batch *b, const struct question *q, const struct reply *r)
{
	struct intake_item *it = &b->items[q->item];
	if (!r->ok && r->reverted)
		return;
	const struct intake_item *one = it;
	struct some_items s = {&one, 1, in->names};
	struct call_scope scope = scope_over(&s);
	struct err e = {0};
	bool holds = false;
	if (!r->ok) {
		b->end = INTAKE_WAITS;
		snprintf(b->why, sizeof b->why, "skip: was not answered: %.200s", r->error ? r->error : "");
	} else if (!check_holds(in->a, &b->decl->skip, r->ret, &scope, &holds, &e)) {
		b->end = INTAKE_WAITS;
		snprintf(b->why, sizeof b->why, "skip: can't be read: %.200s", e.text);
	} else if (holds) {
		it->out = ITEM_ALREADY;
		b->stale = true;
	}
}

static void told_whole(
	struct intake *in, struct intake_batch *b, const struct question *q, const struct reply *r)
{
	b->asked_ok = r->ok;
	if (r->ok) {
		b->gas = q->kind == QUESTION_FITS ? q->gas : r->gas;
		return;
	}
	b->failure = r->reverted ? PROBE_REVERTS : r->too_big ? PROBE_TOO_BIG : PROBE_LOST;
	b->revert =
		(struct bytes){arena_copy(in->a, r->ret.n ? r->ret.p : (const uint8_t *)"", r->ret.n), r->ret.n};
	snprintf(b->why, sizeof b->why, "%.250s", r->error ? r->error : "");
}

/* All questions of this round about b are answered. */
static void settle(struct intake *in, struct intake_batch *b)
{
	if (b->end != INTAKE_ASKING || b->stale)
		return; /* stale: the answer was about items that do not go: asked again without them */
	if (b->asked_ok) {
		b->end = INTAKE_GOES;
		if (!b->fits)
			learn_shape(in, b);
	} else if (b->failure == PROBE_LOST) {
		b->end = INTAKE_WAITS;
	} else if (!b->fits) {
		b->end = INTAKE_FAILS;
	} /* fits: what others took is not enough, or it reverts: its own estimate will tell */
}

void intake_told(struct intake *in, const struct question *q, const struct reply *r)
{
	struct intake_batch *b = &in->batches[q->batch];
	must(in->awaited > 0 && b->awaited > 0);
	if (q->kind == QUESTION_SKIP)
		told_skip(in, b, q, r);
	else
		told_whole(in, b, q, r);
	in->awaited--;
	if (--b->awaited == 0)
		settle(in, b);
}
