/* The headers that a guess is made of before the first range is asked. */
#include "listener/density.h"

#include <inttypes.h>
#include <stdlib.h>

struct density {
	struct loop *loop;
	struct providers *ps;
	struct provider *p;
	const struct filter *filter;
	struct rpc_request *asking;
	void (*done)(void *arg);
	void *arg;
};

static void tell_all(const struct density *d, const struct block_header *h, size_t n)
{
	uint64_t logs, bytes;
	density_guess(d->filter, h, n, &logs, &bytes);
	for (size_t i = 0; i < providers_count(d->ps); i++)
		learner_hint(provider_learner(providers_at(d->ps, i)), logs, bytes, (int64_t)n);
}

static void on_headers(void *arg, const struct rpc_reply *q)
{
	struct density *d = arg;
	struct block_header h[DENSITY_BLOCKS];
	struct arena mem = {0};
	size_t n = 0;
	for (int i = 0; q->ok && i < q->calls; i++) {
		struct err e;
		bool found = false;
		if (q->answers[i].ok && header_parse(&mem, q->answers[i].result, &h[n], &found, &e) && found)
			n++;
	}
	arena_fini(&mem);
	if (q->ok)
		provider_answered(d->p, q->bytes, q->first_us);
	else
		provider_dropped(d->p); /* the question itself will find out what is wrong */
	if (n > 0)
		tell_all(d, h, n);
	void (*done)(void *) = d->done;
	void *done_arg = d->arg;
	free(d);
	done(done_arg);
}

struct density *density_ask(struct loop *l, struct providers *ps, struct provider *p, const struct filter *f,
	int64_t from, int64_t to, void (*done)(void *arg), void *arg)
{
	struct density *d = mem_alloc(sizeof *d);
	*d = (struct density){.loop = l, .ps = ps, .p = p, .filter = f, .done = done, .arg = arg};
	d->asking = rpc_request(provider_rpc(p));
	int64_t most = learner_calls(provider_learner(p), DENSITY_BLOCKS);
	for (int64_t i = 0; i < most; i++)
		rpc_call(d->asking, "eth_getBlockByNumber", "[\"0x%" PRIx64 "\",false]",
			(uint64_t)(from + (to - from) * (2 * i + 1) / (2 * most)));
	rpc_send(d->asking, on_headers, d);
	return d;
}

void density_cancel(struct density *d)
{
	if (!d)
		return;
	rpc_cancel(d->asking);
	provider_dropped(d->p);
	free(d);
}
