#include "test/node/net.h"
#include "test/node/rng.h"

#include <stdlib.h>

/* Subscriptions: newHeads and logs, and what a reorg takes back. */

bool eth_subscribe(struct ask *a)
{
	const cJSON *kind = ask_param(a, 0);
	struct err e;
	if (!a->conn || !a->conn->ws)
		return ask_fail(a, -32601, "notifications not supported");
	bool heads = cJSON_IsString(kind) && text_is(kind->valuestring, "newHeads");
	if (!heads && !(cJSON_IsString(kind) && text_is(kind->valuestring, "logs")))
		return ask_fail(a, -32602, "no \"%s\" subscription in eth namespace",
			cJSON_IsString(kind) ? kind->valuestring : "");
	struct sub *s = mem_alloc(sizeof *s);
	if (!heads && !filter_read(&s->arena, ask_param(a, 1), &s->filter, &e)) {
		arena_fini(&s->arena);
		free(s);
		return ask_fail(a, -32602, "%s", e.text);
	}
	s->heads = heads;
	s->id = rng_mix(a->ep->world->chain.seed, ++a->ep->world->serial);
	s->next = a->conn->subs;
	a->conn->subs = s;
	put_u64(&a->result, s->id);
	return true;
}

bool eth_unsubscribe(struct ask *a)
{
	uint64_t id = json_u64(ask_param(a, 0), 0);
	for (struct sub **p = a->conn ? &a->conn->subs : NULL; p && *p; p = &(*p)->next)
		if ((*p)->id == id) {
			struct sub *s = *p;
			*p = s->next;
			arena_fini(&s->arena);
			free(s);
			buf_text(&a->result, "true");
			return true;
		}
	return ask_fail(a, -32000, "subscription not found");
}

/* ── messages of one connection ────────────────────────────────────────────────────────────────────────── */

struct outbox {
	struct buf *list;
	size_t n;
};

static struct buf *begin(struct outbox *o, const struct sub *s)
{
	if ((o->n & (o->n - 1)) == 0)
		o->list = mem_grow(o->list, o->n ? 2 * o->n : 1, sizeof *o->list);
	struct buf *b = &o->list[o->n++];
	*b = (struct buf){0};
	buf_text(b, "{\"jsonrpc\":\"2.0\",\"method\":\"eth_subscription\",\"params\":{\"subscription\":");
	put_u64(b, s->id);
	buf_text(b, ",\"result\":");
	return b;
}

static void put_logs(struct outbox *o, struct conn *c, const struct sub *s, const struct block *k,
	bool removed, struct lie *const *lies, size_t nlies)
{
	struct arena a = {0};
	for (uint32_t t = 0; t < k->ntxs; t++)
		for (uint32_t i = 0; i < k->txs[t].nlogs; i++, arena_reset(&a)) {
			struct log l;
			unsigned times = 1;
			block_log(k, t, i, &a, &l);
			l.removed = removed;
			if (!filter_takes(&s->filter, &l))
				continue;
			for (size_t x = 0; x < nlies; x++) {
				if (lies[x]->kind == LIE_EMPTY)
					times = 0;
				if (!lie_hits(lies[x], &l, (uint32_t)l.log_index))
					continue;
				if (lies[x]->kind == LIE_OMIT)
					times = 0;
				else if (lies[x]->kind == LIE_REPEAT)
					times *= 2;
				else if (lies[x]->kind == LIE_FORGE) {
					l.data.p = l.data.n ? arena_copy(&a, l.data.p, l.data.n) : NULL;
					lie_forge(lies[x], &l);
				}
			}
			while (times-- > 0) {
				struct buf *b = begin(o, s);
				put_log_json(b, c->listener->ep, &l);
				buf_text(b, "}}");
			}
		}
	arena_fini(&a);
}

static void put_block(struct outbox *o, struct conn *c, const struct view *v, const struct block *k,
	bool heads, bool logs, bool removed, struct lie *const *lies, size_t nlies)
{
	for (const struct sub *s = c->subs; s; s = s->next) {
		if (s->heads && heads) {
			struct buf *b = begin(o, s);
			put_header(b, v, k, -1);
			buf_text(b, "}}");
		}
		if (!s->heads && logs)
			put_logs(o, c, s, k, removed, lies, nlies);
	}
}

static void shuffle(struct outbox *o, uint64_t *rng)
{
	for (size_t i = o->n; i > 1; i--) {
		size_t k = (size_t)rng_below(rng, i);
		struct buf b = o->list[i - 1];
		o->list[i - 1] = o->list[k];
		o->list[k] = b;
	}
}

static void send_all(struct outbox *o, struct conn *c)
{
	struct endpoint *ep = c->listener->ep;
	if (ep->order == ORDER_SHUFFLED)
		shuffle(o, &ep->push_rng);
	for (size_t i = 0; i < o->n; i++) {
		bool lost = ep->lose > 0 && rng_unit(&ep->push_rng) < ep->lose;
		bool twice = ep->repeat > 0 && rng_unit(&ep->push_rng) < ep->repeat;
		if (!lost && twice) {
			struct buf again = {0};
			buf_put(&again, o->list[i].p, o->list[i].n);
			net_push(c, &again);
		}
		if (!lost)
			net_push(c, &o->list[i]);
		buf_fini(&o->list[i]);
	}
	free(o->list);
}

static void tell(struct conn *c, const struct view *v, const struct block *from, const struct block *common,
	const struct block *to, struct lie *const *lies, size_t nlies)
{
	const struct endpoint *ep = c->listener->ep;
	struct outbox o = {0};
	for (const struct block *k = from; k != common && ep->removed; k = k->parent)
		put_block(&o, c, v, k, false, true, true, lies, nlies);
	size_t n = (size_t)(to->number - common->number);
	const struct block **added = mem_alloc((n + 1) * sizeof *added);
	for (const struct block *k = to; k != common; k = k->parent)
		added[--n] = k;
	for (n = 0; n < to->number - common->number; n++) {
		bool logs_first = ep->order == ORDER_LOGS_HEADS;
		put_block(&o, c, v, added[n], !logs_first, logs_first, false, lies, nlies);
		put_block(&o, c, v, added[n], logs_first, !logs_first, false, lies, nlies);
	}
	free(added);
	send_all(&o, c);
}

void push_moved(struct endpoint *ep, const struct block *from, const struct block *to)
{
	const struct block *a = from, *b = to;
	struct lie *lies[8];
	if (ep->silent || ep->no_pushes)
		return;
	while (a != b) {
		if (a->number >= b->number)
			a = a->parent;
		else
			b = b->parent;
	}
	struct view v = {ep, ep->branch, to->number};
	size_t nlies = lies_take(ep, IN_PUSHES, lies, 8);
	for (struct conn *c = ep->listener->conns, *next; c; c = next) {
		next = c->next;
		if (c->subs && !c->closing)
			tell(c, &v, from, a, to, lies, nlies);
	}
}
