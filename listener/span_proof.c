/* The headers of a range, and a range whose blocks are proved before its rows are made (R6). */
#include "listener/span_in.h"

#include <inttypes.h>

static bool wants(const struct span *s)
{
	return s->world->want != PROOF_NONE;
}

int span_headers(const struct span *s)
{
	if (wants(s))
		return (int)(s->seg->to - s->seg->from + 1);
	return s->seg->from == s->seg->to ? 1 : 2;
}

int64_t span_header_at(const struct span *s, int k)
{
	if (wants(s))
		return s->seg->from + k;
	return k == 0 && s->seg->from != s->seg->to ? s->seg->from : s->seg->to;
}

/* Below the window a chain does not move while it is asked about. */
static bool links(struct span *s, int k)
{
	if (k == 0 || memcmp(s->headers[k].parent, s->headers[k - 1].hash, 32) == 0)
		return true;
	s->outcome = SPAN_LIED;
	err_put(&s->why, ERR_MALFORMED, "block %" PRId64 " is not the child of the block before it",
		span_header_at(s, k));
	return false;
}

bool span_take_header(struct span *s, const struct rpc_answer *a, int k)
{
	int64_t number = span_header_at(s, k);
	struct block_header *end = number == s->seg->to ? &s->last : &s->first;
	if (!wants(s))
		return span_take_end(s, a, number, end);
	if (!span_take_end(s, a, number, &s->headers[k]) || !links(s, k))
		return false;
	if (s->world->filter->n == 0) /* nothing is wanted of these blocks, so nothing is missing */
		s->blocks[k].level = s->world->want;
	if (k == 0)
		s->first = s->headers[k];
	if (number == s->seg->to)
		s->last = s->headers[k];
	return true;
}

static bool may_hold_ours(const struct span *s, const struct block_header *h)
{
	return filter_bloom(s->world->filter, h->bloom) && !proof_bloom_is_full(h->bloom);
}

/* R2: nothing at all, where a bloom says that there may be something, is nobody's word yet. */
bool span_doubtful(const struct span *s)
{
	if (s->doubted || s->plan.n == 0 || s->world->want > PROOF_BLOOM)
		return false;
	if (!wants(s))
		return s->logs == 0 && (may_hold_ours(s, &s->first) || may_hold_ours(s, &s->last));
	for (int k = 0; k < span_headers(s); k++) {
		size_t i = 0;
		while (i < s->ngathered && (int64_t)s->gathered[i].block != span_header_at(s, k))
			i++;
		if (i == s->ngathered && may_hold_ours(s, &s->headers[k]))
			return true;
	}
	return false;
}

/* ── the proof ── */

bool span_wants_proof(const struct span *s)
{
	return wants(s) && s->world->filter->n > 0 && !s->proved && s->ended && s->mode != SPAN_RECEIPTS;
}

static bool may_hold(void *arg, const uint8_t bloom[256])
{
	const struct span *s = arg;
	return filter_bloom(s->world->filter, bloom);
}

static bool is_ours(void *arg, const struct log *log)
{
	const struct span *s = arg;
	return filter_match(s->world->filter, log) != NULL;
}

struct proof_filter span_filter(struct span *s)
{
	return (struct proof_filter){.bloom = may_hold, .wanted = is_ours, .arg = s};
}

struct proof_given *span_given(struct span *s, const struct proof_filter *f)
{
	size_t n = (size_t)span_headers(s), at = 0;
	struct proof_given *g = arena_alloc(&s->mem, n * sizeof *g);
	logs_sort(s->gathered, s->ngathered);
	s->ngathered = logs_once(s->gathered, s->ngathered);
	for (size_t k = 0; k < n; k++) {
		size_t from = at;
		while (at < s->ngathered && s->gathered[at].block == s->headers[k].number)
			at++;
		g[k] = proof_given(&s->mem, f, s->gathered + from, at - from);
	}
	return g;
}

static bool same_log(const struct log *a, const struct log *b)
{
	return a->log_index == b->log_index && a->tx_index == b->tx_index && a->ntopics == b->ntopics &&
		   a->data.n == b->data.n && memcmp(a->address, b->address, 20) == 0 &&
		   memcmp(a->topics, b->topics, 32 * (size_t)a->ntopics) == 0 &&
		   (a->data.n == 0 || memcmp(a->data.p, b->data.p, a->data.n) == 0);
}

/* Were children learned from a log that the proof does not know? */
static bool taught_falsely(const struct span *s, const struct proof_block *blocks)
{
	const struct filter *f = s->world->filter;
	for (size_t i = 0; i < s->ngathered; i++) {
		const struct log *l = &s->gathered[i];
		const struct filter_event *ev = filter_match(f, l);
		const struct proof_block *b = &blocks[(int64_t)l->block - s->seg->from];
		size_t k = 0;
		if (!ev || !filter_teaches(f, ev->decl))
			continue;
		while (k < b->nlogs && !same_log(&b->logs[k], l))
			k++;
		if (k == b->nlogs)
			return true;
	}
	return false;
}

bool span_proved(struct span *s, const struct proof_block *blocks)
{
	size_t n = 0, all = (size_t)span_headers(s);
	for (size_t k = 0; k < all; k++)
		n += blocks[k].nlogs;
	if (s->world->filter->has_factories && taught_falsely(s, blocks))
		filter_trial_undo(s->world->filter, &s->trial); /* what is true is learned anew, and asked for */
	struct log *logs = arena_alloc(&s->mem, n * sizeof *logs);
	n = 0;
	for (size_t k = 0; k < all; k++) {
		s->blocks[k].level = blocks[k].level;
		if (blocks[k].nlogs > 0)
			memcpy(logs + n, blocks[k].logs, blocks[k].nlogs * sizeof *logs);
		n += blocks[k].nlogs;
	}
	s->gathered = logs;
	s->ngathered = s->gathered_cap = n;
	s->proved = true;
	if (s->world->filter->has_factories)
		return true; /* it ripens on: they may hold creations that the answer had left out */
	if (!span_settle(s))
		return false;
	must(span_times_known(s)); /* of the headers that the logs were held against */
	return true;
}
