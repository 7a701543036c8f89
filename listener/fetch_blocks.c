/* Where a chain begins, what of it is final, headers by number. */
#include "listener/fetch_in.h"

#include <inttypes.h>

enum {
	TAG_SOON_MS = 100,
	TAG_MS = 1000,
	TAG_SELDOM_MS = 10000,
	STEP_BYTES = 1 << 20, /* of JSON: some 1,500 logs */
};

/* ── where a chain begins that is read from its newest block on ── */

static void on_first(void *arg, const struct rpc_reply *q)
{
	struct reader *r = arg;
	struct err e = {0};
	uint64_t newest;
	if (!reader_back(r) || !fetch_ok(r, q, 0, "eth_blockNumber", -1, -1))
		return;
	if (!quantity_u64(q->answers[0].result, &newest, &e)) {
		fetch_lie(r, q, "eth_blockNumber", &e);
		return;
	}
	fetch_good(r, q);
	r->begin = (int64_t)newest;
	store_identity(r);
}

void fetch_first(struct reader *r)
{
	reader_enter(r, READER_FIRST);
	struct rpc_request *q = fetch_open(r, -1, 1, NULL);
	if (!q)
		return;
	rpc_call(q, "eth_blockNumber", "[]");
	fetch_send(r, q, on_first);
}

/* ── blocks by hash ── */

void fetch_ask_header(struct rpc_request *q, int64_t number)
{
	rpc_call(q, "eth_getBlockByNumber", "[\"0x%" PRIx64 "\",false]", (uint64_t)number);
}

void fetch_ask_tag(struct reader *r, struct rpc_request *q)
{
	uint64_t now = loop_now_ms(r->m->loop);
	const struct learner *l = provider_learner(r->p);
	bool fits = l->rate == 0 || learner_calls(l, rpc_calls(q) + 1) > rpc_calls(q);
	if (!final_tag(&r->final) || (r->tag_ms > 0 && now - r->tag_ms < (fits ? TAG_MS : TAG_SELDOM_MS)))
		return;
	r->tag_ms = now;
	rpc_call(q, "eth_getBlockByNumber", "[\"%s\",false]", final_tag(&r->final));
}

void fetch_hear_tag(struct reader *r, const struct rpc_reply *q, int i)
{
	struct block_header h;
	struct err e;
	bool found;
	if (!final_tag(&r->final) || i >= q->calls || !q->answers[i].ok)
		return;
	if (header_parse(&r->mem, q->answers[i].result, &h, &found, &e) && found)
		final_heard(&r->final, (int64_t)h.number, r->head);
}

static void on_tag(void *arg, const struct rpc_reply *q)
{
	struct reader *r = arg;
	if (!reader_back(r) || (!q->ok && !fetch_ok(r, q, 0, "eth_getBlockByNumber", -1, -1)))
		return;
	fetch_hear_tag(r, q, 0);
	fetch_good(r, q);
	r->tag_asked = true;
	reader_read(r);
}

void fetch_tag(struct reader *r)
{
	reader_enter(r, READER_FIRST);
	struct rpc_request *q = fetch_open(r, -1, 1, NULL);
	if (!q)
		return;
	r->tag_ms = 0;
	fetch_ask_tag(r, q);
	fetch_send(r, q, on_tag);
}

bool fetch_tag_first(struct reader *r)
{
	uint64_t now = loop_now_ms(r->m->loop);
	bool by_tag = r->final.kind == FINAL_SAFE || r->final.kind == FINAL_FINALIZED;
	if (!by_tag || r->final.tag >= 0 || (r->tag_ms > 0 && now - r->tag_ms < TAG_SOON_MS))
		return false;
	fetch_tag(r);
	return true;
}

bool fetch_links(const struct reader *r, int64_t number, const uint8_t parent[32])
{
	const uint8_t *ours = window_hash(&r->window, number - 1);
	return !ours || memcmp(ours, parent, 32) == 0;
}

/* Takes the headers that are there and link; what lies behind the first that does not is read in the next
 * step. */
static bool take_headers(struct reader *r, const struct rpc_reply *q, size_t want)
{
	r->headers = arena_alloc(&r->mem, want * sizeof *r->headers);
	r->nheaders = 0;
	for (size_t i = 0; i < want; i++) {
		struct block_header *h = &r->headers[i];
		struct err e = {0};
		bool found;
		if (!q->answers[i].ok)
			break;
		if (!header_parse(&r->mem, q->answers[i].result, h, &found, &e)) {
			fetch_lie(r, q, "eth_getBlockByNumber", &e);
			return false;
		}
		if (found && !prove_header(&r->prove, &r->mem, q->answers[i].result, &e)) {
			fetch_lie(r, q, "eth_getBlockByNumber", &e);
			return false;
		}
		if (!found)
			break; /* a head race: this endpoint does not have it yet */
		if (h->number != (uint64_t)r->step.from + i) {
			err_put(&e, ERR_MALFORMED, "asked for block %" PRIu64 ", got block %" PRIu64,
				(uint64_t)r->step.from + i, h->number);
			fetch_lie(r, q, "eth_getBlockByNumber", &e);
			return false;
		}
		if (i > 0 && memcmp(h->parent, r->headers[i - 1].hash, 32) != 0)
			break; /* the chain moved while it answered */
		r->nheaders++;
	}
	return true;
}

/* INV-10: a step is held whole until it is committed. */
static void as_many_as_fit(struct reader *r)
{
	size_t n = density_fit(&r->seen, &r->filter, r->headers, r->nheaders, STEP_BYTES);
	if (n == r->nheaders)
		return;
	r->nheaders = n;
	r->step.to = r->step.from + (int64_t)n - 1;
	range_fits(&r->blocks, (int64_t)n);
}

static void on_headers(void *arg, const struct rpc_reply *q)
{
	struct reader *r = arg;
	if (!reader_back(r))
		return;
	if (!fetch_ok(r, q, 0, "eth_getBlockByNumber", -1, -1)) {
		range_refused(&r->blocks);
		return;
	}
	if (!take_headers(r, q, (size_t)(r->step.to - r->step.from + 1)))
		return;
	fetch_hear_tag(r, q, (int)(r->step.to - r->step.from + 1));
	if (r->nheaders == 0) {
		fetch_unsure(r, q, "the node has shown a head that it can't give yet", fetch_headers);
		return;
	}
	r->unsure = 0;
	if (r->ask.n == 0)
		fetch_good(r, q);
	else
		fetch_part(r, q); /* failures to give the logs are counted on */
	if (!fetch_links(r, r->step.from, r->headers[0].parent)) {
		reorg_look(r);
		return;
	}
	if (r->ask.n == 0) {
		prove_step(r);
		return;
	}
	as_many_as_fit(r);
	fetch_logs(r);
}

void fetch_headers(struct reader *r)
{
	reader_enter(r, READER_HEADERS);
	int64_t n = r->step.to - r->step.from + 1;
	struct rpc_request *q = fetch_open(r, r->step.to, (uint32_t)n, NULL);
	if (!q)
		return;
	int64_t most =
		learner_calls(provider_learner(r->p), n + 1) - 1; /* their logs want a header behind them */
	if (most < n)
		r->step.to = r->step.from + (most > 1 ? most : 1) - 1;
	for (int64_t i = r->step.from; i <= r->step.to; i++)
		fetch_ask_header(q, i);
	fetch_ask_tag(r, q);
	fetch_send(r, q, on_headers);
}
