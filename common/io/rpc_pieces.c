/* A request in pieces: an endpoint that takes few calls at once is asked one piece after the other. The
 * pieces are requests of their own; the one whose handle the owner has is never sent itself. */
#include "common/io/rpc_in.h"

#include <stdlib.h>

struct rpc_pieces {
	int most, done;                   /* calls a piece · answered so far */
	struct rpc_request *first, *last; /* not sent yet */
	struct rpc_request *out;          /* on its way, or NULL */
	uint64_t (*pace)(void *arg, uint32_t calls);
	void *pace_arg;
	uint64_t waited_ms; /* for it */
	struct arena mem;   /* the answers and what they say */
	struct rpc_answer *answers;
	uint64_t first_us, bytes;
};

void rpc_pieces(struct rpc_request *q, int most)
{
	must(q->calls == 0 && !q->pieces && most > 0);
	q->pieces = mem_alloc(sizeof *q->pieces);
	q->pieces->most = most;
}

void rpc_paced(struct rpc_request *q, uint64_t (*pace)(void *arg, uint32_t calls), void *arg)
{
	must(q->pieces);
	q->pieces->pace = pace;
	q->pieces->pace_arg = arg;
}

struct rpc_request *rpc_piece(struct rpc_request *q)
{
	struct rpc_pieces *p = q->pieces;
	if (q->calls++ % p->most == 0) {
		struct rpc_request *more = rpc_request(q->rpc);
		*(p->last ? &p->last->next : &p->first) = more;
		p->last = more;
	}
	return p->last;
}

void rpc_pieces_free(struct rpc_pieces *p)
{
	if (!p)
		return;
	for (struct rpc_request *q; (q = p->first);) {
		p->first = q->next;
		rpc_request_free(q);
	}
	arena_fini(&p->mem);
	free(p);
}

static void end(struct rpc_request *q, const struct rpc_reply *last)
{
	struct rpc_pieces *p = q->pieces;
	struct rpc_reply rep = *last;
	rep.calls = q->calls;
	rep.answers = rep.ok ? p->answers : NULL;
	rep.took_us = clock_mono_us() - q->sent_us;
	rep.took_us -= rep.took_us < p->waited_ms * 1000 ? rep.took_us : p->waited_ms * 1000;
	rep.first_us = p->first_us;
	rep.bytes = p->bytes;
	q->fn(q->arg, &rep);
	rpc_request_free(q);
}

static struct str keep(struct arena *a, struct str s)
{
	return s.p ? (struct str){arena_textn(a, s.p, s.n), s.n} : s;
}

/* false: one of them failed, and what stands behind it is not asked any more: it has failed alike. */
static bool take(struct rpc_request *q, const struct rpc_reply *rep)
{
	struct rpc_pieces *p = q->pieces;
	const struct rpc_answer *bad = NULL;
	for (int i = 0; i < rep->calls; i++) {
		struct rpc_answer *a = &p->answers[p->done++];
		*a = rep->answers[i];
		a->result = keep(&p->mem, a->result);
		a->message = keep(&p->mem, a->message);
		a->data = keep(&p->mem, a->data);
		if (!a->ok && !bad)
			bad = a;
	}
	while (bad && p->done < q->calls)
		p->answers[p->done++] = *bad;
	return !bad;
}

static void send_next(struct rpc_request *q);

static void on_piece(void *arg, const struct rpc_reply *rep)
{
	struct rpc_request *q = arg;
	struct rpc_pieces *p = q->pieces;
	p->out = NULL;
	p->bytes += rep->bytes;
	if (!p->first_us)
		p->first_us = rep->first_us;
	if (rep->ok && take(q, rep) && p->first)
		send_next(q);
	else
		end(q, rep);
}

static void send_next(struct rpc_request *q)
{
	struct rpc_pieces *p = q->pieces;
	p->out = p->first;
	p->first = p->out->next;
	p->out->next = NULL;
	uint64_t ms = p->done == 0 ? q->after_ms
				  : p->pace    ? p->pace(p->pace_arg, (uint32_t)rpc_calls(p->out))
							   : 0;
	rpc_after(p->out, ms);
	p->waited_ms += p->done > 0 ? ms : 0;
	rpc_send(p->out, on_piece, q);
}

void rpc_pieces_send(struct rpc_request *q)
{
	struct rpc_pieces *p = q->pieces;
	p->answers = arena_alloc(&p->mem, (size_t)q->calls * sizeof *p->answers);
	send_next(q);
}

void rpc_pieces_cancel(struct rpc_request *q)
{
	must(q->pieces->out);
	rpc_cancel(q->pieces->out);
	rpc_request_free(q);
}
