/* Times of blocks whose logs came without (R6: each header once). */
#include "listener/span_in.h"

#include <inttypes.h>
#include <stdlib.h>

enum { TIMES_AT_ONCE = 100 };

static const struct span_time *time_of(const struct span *s, int64_t block)
{
	size_t lo = 0, hi = s->ntimes;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (s->times[mid].block < block)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < s->ntimes && s->times[lo].block == block ? &s->times[lo] : NULL;
}

static void patch_times(struct span *s)
{
	for (size_t e = 0; e < s->world->filter->n; e++)
		for (size_t i = 0; i < s->runs[e].n; i++) {
			char *tuple = rows_tuple(&s->runs[e], i);
			const struct span_time *t = time_of(s, encode_get_block(tuple));
			if (t)
				encode_set_time(tuple, t->time);
		}
	s->ntimes = s->time_asked = 0;
}

static void on_times(void *arg, const struct rpc_reply *q)
{
	struct span *s = arg;
	s->aside = NULL;
	s->bytes += q->bytes;
	for (int i = 0; i < q->calls; i++) {
		struct span_time *t = &s->times[s->time_asked];
		struct block_header h;
		struct err e = {0};
		bool found = false;
		if ((!q->ok || !q->answers[i].ok) && span_too_often(s, q, i)) {
			span_ask_times(s);
			return;
		}
		if (!q->ok || !q->answers[i].ok) {
			span_refuse(s, q, i, -1, -1);
			return;
		}
		if (!header_parse(&s->mem, q->answers[i].result, &h, &found, &e) || !found) {
			span_unknown_block(s, "a block whose logs were given is not known by its hash");
			return;
		}
		if (memcmp(h.hash, t->hash, 32) != 0 || (int64_t)h.number != t->block) {
			err_put(&s->why, ERR_MALFORMED,
				"asked for a block by its hash, got block %" PRIu64 " of another hash", h.number);
			span_done(s, SPAN_LIED);
			return;
		}
		t->time = h.time;
		s->time_asked++;
	}
	span_went_on(s);
	span_timed(s);
}

void span_ask_times(struct span *s)
{
	struct rpc_request *q = rpc_request(provider_rpc(s->p));
	int64_t most = learner_calls(provider_learner(s->p), TIMES_AT_ONCE);
	for (size_t i = s->time_asked; i < s->ntimes && rpc_calls(q) < most; i++) {
		char hash[67];
		hex_to_0x(hash, s->times[i].hash, 32);
		rpc_call(q, "eth_getBlockByHash", "[\"%s\",false]", hash);
	}
	uint64_t now = loop_now_ms(s->world->loop);
	uint64_t ms = learner_book(provider_learner(s->p), now, (uint32_t)rpc_calls(q));
	rpc_after(q, ms);
	s->aside_ms = now + ms;
	s->aside = q;
	rpc_send(q, on_times, s);
}

/* The ends of the range are known by their headers, or all of its blocks. */
static void known_times(struct span *s)
{
	for (size_t i = s->time_asked; i < s->ntimes && s->ended; i++)
		for (size_t k = 0; k < 2; k++) {
			const struct block_header *h = s->headers ? &s->headers[s->times[i].block - s->seg->from]
										   : k        ? &s->last
													  : &s->first;
			if (memcmp(h->hash, s->times[i].hash, 32) == 0) {
				s->times[i].time = h->time;
				struct span_time t = s->times[s->time_asked]; /* the known ones stand in front */
				s->times[s->time_asked++] = s->times[i];
				s->times[i] = t;
				break;
			}
		}
}

static int by_block(const void *a, const void *b)
{
	const struct span_time *x = a, *y = b;
	return x->block < y->block ? -1 : x->block > y->block;
}

bool span_times_known(struct span *s)
{
	if (s->ntimes == 0)
		return true;
	known_times(s);
	if (s->time_asked < s->ntimes)
		return false;
	qsort(s->times, s->ntimes, sizeof *s->times, by_block);
	patch_times(s);
	return true;
}
