#include "test/node/world.h"

#include <stdlib.h>

/* The memory of all that was asked. Parameters are kept as text, as they came. */

void record_call(
	struct endpoint *ep, const char *method, const cJSON *params, enum via via, uint64_t conn, size_t batch)
{
	struct world *w = ep->world;
	if ((w->nasked & (w->nasked - 1)) == 0)
		w->asked = mem_grow(w->asked, w->nasked ? 2 * w->nasked : 1, sizeof *w->asked);
	w->asked[w->nasked++] = (struct asked){.at_us = clock_mono_us() - w->started_us,
		.endpoint = (uint32_t)ep->number,
		.conn = (uint32_t)conn,
		.batch = (uint32_t)batch,
		.via = via,
		.method = mem_text(method),
		.params = params ? cJSON_PrintUnformatted(params) : mem_text("[]")};
}

struct heard *record_raw(struct endpoint *ep, const char *raw)
{
	struct world *w = ep->world;
	w->heard = mem_grow(w->heard, w->nheard + 1, sizeof *w->heard);
	struct heard *h = &w->heard[w->nheard++];
	*h = (struct heard){.wall_ms = (uint64_t)clock_wall_ms(),
		.at_us = clock_mono_us() - w->started_us,
		.endpoint = (uint32_t)ep->number,
		.raw = mem_text(raw)};
	return h;
}

void record_forget(struct world *w)
{
	for (size_t i = 0; i < w->nasked; i++) {
		free(w->asked[i].method);
		free(w->asked[i].params);
	}
	for (size_t i = 0; i < w->nheard; i++) {
		free(w->heard[i].raw);
		free(w->heard[i].answer);
	}
	free(w->asked);
	free(w->heard);
	w->asked = NULL;
	w->heard = NULL;
	w->nasked = w->nheard = 0;
}

static bool wanted(const struct asked *a, const cJSON *o)
{
	const char *method = json_text(o, "method"), *holding = json_text(o, "holding"),
			   *via = json_text(o, "via");
	return (!method || text_is(a->method, method)) && (!holding || strstr(a->params, holding)) &&
		   (!via || a->via == (text_is(via, "ws") ? VIA_WS : VIA_HTTP)) &&
		   (!json_get(o, "on") || a->endpoint == json_get_u64(o, "on", 0));
}

static void put_asked(struct buf *out, const struct asked *a, size_t i)
{
	buf_char(out, '{');
	put_field_number(out, "n", i);
	put_field_number(out, "at_us", a->at_us);
	put_field_number(out, "on", a->endpoint);
	put_field_text(out, "via", a->via == VIA_WS ? "ws" : "http");
	put_field_number(out, "conn", a->conn);
	put_field_number(out, "batch", a->batch);
	put_field_text(out, "method", a->method);
	put_key(out, "params");
	buf_text(out, a->params);
	buf_char(out, '}');
}

bool record_asked(struct world *w, const cJSON *o, struct buf *out, struct err *e)
{
	(void)e;
	bool count = json_get_bool(o, "count", false);
	uint64_t n = 0, since = json_get_u64(o, "since", 0);
	size_t first = (size_t)since < w->nasked ? (size_t)since : w->nasked;
	uint64_t all = 0, last = json_get_u64(o, "last", UINT64_MAX);
	for (size_t i = first; i < w->nasked; i++)
		all += wanted(&w->asked[i], o);
	if (count) {
		buf_printf(out, "%llu", (unsigned long long)all);
		return true;
	}
	uint64_t skip = last < all ? all - last : 0;
	buf_char(out, '[');
	for (size_t i = first; i < w->nasked; i++) {
		if (!wanted(&w->asked[i], o) || n++ < skip)
			continue;
		if (out->p[out->n - 1] != '[')
			buf_char(out, ',');
		put_asked(out, &w->asked[i], i);
	}
	buf_char(out, ']');
	return true;
}

static void put_heard(struct buf *out, const struct heard *h)
{
	buf_char(out, '{');
	put_field_number(out, "at_us", h->at_us);
	put_field_number(out, "wall_ms", h->wall_ms);
	put_field_number(out, "on", h->endpoint);
	put_key(out, "accepted");
	buf_text(out, h->accepted ? "true" : "false");
	put_field_text(out, "raw", h->raw);
	put_field_text(out, "refused", h->answer);
	if (h->txn) {
		const struct tx *t = &h->txn->tx;
		put_field_data(out, "hash", h->txn->hash, 32);
		put_field_data(out, "from", h->txn->from, 20);
		put_field_number(out, "nonce", t->nonce);
		put_field_number(out, "type", t->type);
		if (!t->create)
			put_field_data(out, "to", t->to, 20);
		put_field_number(out, "gas", t->gas);
		put_field_u256(out, "fee", t->fee);
		put_field_u256(out, "tip", t->type == TX_FEE_MARKET ? t->tip : t->fee);
		put_field_u256(out, "value", t->value);
		put_field_data(out, "data", t->data.p, t->data.n);
	}
	buf_char(out, '}');
}

bool record_raws(struct world *w, const cJSON *o, struct buf *out, struct err *e)
{
	(void)e;
	uint8_t from[20];
	bool one = json_fixed(json_get(o, "from"), from, 20);
	buf_char(out, '[');
	for (size_t i = 0; i < w->nheard; i++) {
		const struct heard *h = &w->heard[i];
		if ((one && (!h->txn || memcmp(h->txn->from, from, 20) != 0)) ||
			(json_get(o, "nonce") && (!h->txn || h->txn->tx.nonce != json_get_u64(o, "nonce", 0))))
			continue;
		if (out->p[out->n - 1] != '[')
			buf_char(out, ',');
		put_heard(out, h);
	}
	buf_char(out, ']');
	return true;
}
