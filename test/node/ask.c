#include "test/node/ask.h"
#include "test/node/rng.h"

#include <stdlib.h>

/* ── replies ───────────────────────────────────────────────────────────────────────────────────────────── */

void reply_init(struct reply *r)
{
	*r = (struct reply){.status = 200, .type = "application/json"};
}

void reply_fini(struct reply *r)
{
	for (size_t i = 0; i < r->nparts; i++) {
		buf_fini(&r->parts[i].text);
		query_free(r->parts[i].query);
	}
	free(r->parts);
	buf_fini(&r->headers);
}

struct buf *reply_text(struct reply *r)
{
	if (r->nparts == 0 || r->parts[r->nparts - 1].query) {
		r->parts = mem_grow(r->parts, r->nparts + 1, sizeof *r->parts);
		r->parts[r->nparts++] = (struct part){.query = NULL};
	}
	return &r->parts[r->nparts - 1].text;
}

bool reply_more(struct reply *r, struct buf *out, size_t most)
{
	size_t begin = out->n;
	while (r->at < r->nparts) {
		struct part *p = &r->parts[r->at];
		size_t left = p->text.n - r->text_at, room = begin + most > out->n ? begin + most - out->n : 0;
		if (room == 0)
			return true;
		if (left > 0) {
			size_t n = left < room ? left : room;
			buf_put(out, p->text.p + r->text_at, n);
			r->text_at += n;
			continue;
		}
		if (p->query && query_more(p->query, out, room))
			continue;
		r->at++;
		r->text_at = 0;
	}
	return false;
}

void reply_rewind(struct reply *r)
{
	r->at = r->text_at = 0;
	for (size_t i = 0; i < r->nparts; i++)
		if (r->parts[i].query)
			query_rewind(r->parts[i].query);
}

static void replace_body(struct reply *r, const char *body)
{
	struct buf headers = r->headers;
	r->headers = (struct buf){0};
	int status = r->status;
	const char *type = r->type;
	uint64_t delay = r->delay_ms;
	reply_fini(r);
	*r = (struct reply){.status = status, .type = type, .headers = headers, .delay_ms = delay};
	buf_text(reply_text(r), body);
}

/* ── moods ─────────────────────────────────────────────────────────────────────────────────────────────── */

static bool mood_fits(const struct mood *m, const char *method, const char *params, enum via via)
{
	bool ok = m->methods == NULL;
	for (size_t i = 0; !ok && i < m->nmethods; i++)
		ok = text_is(m->methods[i], method);
	return ok && (m->via & via) && (!m->holding || strstr(params, m->holding));
}

/* The first mood that takes this call; its counters move. */
static struct mood *mood_take(struct endpoint *ep, const char *method, const cJSON *params, enum via via)
{
	char *text = ep->moods && params ? cJSON_PrintUnformatted(params) : NULL;
	struct mood *m = ep->moods;
	for (; m; m = m->next) {
		if (m->left == 0 || !mood_fits(m, method, text ? text : "", via))
			continue;
		if (m->skip > 0) {
			m->skip--;
			continue;
		}
		if (m->chance < 1 && rng_unit(&m->rng) >= m->chance)
			continue;
		if (m->left != UINT64_MAX)
			m->left--;
		m->touched++;
		break;
	}
	cJSON_free(text);
	return m;
}

/* What the mood does to the whole request. */
static void mood_whole(struct mood *m, struct reply *r)
{
	uint64_t jitter = m->jitter_ms ? rng_below(&m->rng, m->jitter_ms + 1) : 0;
	if (m->delay_ms + jitter > r->delay_ms)
		r->delay_ms = m->delay_ms + jitter;
	r->hang |= m->hang;
	r->cut_now |= m->cut == CUT_BEFORE;
	r->truncate |= m->truncate;
	if (m->cut == CUT_MIDDLE) {
		r->cut_middle = true;
		r->cut_bytes = m->cut_bytes;
	}
	if (m->status)
		r->status = m->status;
	if (m->type)
		r->type = m->type;
	if (m->headers)
		buf_text(&r->headers, m->headers);
}

/* ── one call ──────────────────────────────────────────────────────────────────────────────────────────── */

static void put_error(struct buf *b, int64_t code, struct str message, struct str data)
{
	buf_text(b, ",\"error\":{\"code\":");
	buf_printf(b, "%lld,\"message\":", (long long)code);
	buf_json(b, message);
	if (data.n) {
		buf_text(b, ",\"data\":");
		buf_str(b, data);
	}
	buf_char(b, '}');
}

/* A quantity that is off by so much, never below zero; false: the result is none. */
static bool put_moved(struct buf *b, const struct ask *a, int64_t plus)
{
	char *end;
	if (a->result.n < 5 || memcmp(a->result.p, "\"0x", 3) != 0)
		return false;
	uint64_t v = strtoull(a->result.p + 3, &end, 16), less = (uint64_t)-plus;
	if (*end != '"')
		return false;
	v = plus > 0 ? v + (uint64_t)plus : v > less ? v - less : 0;
	buf_printf(b, "\"0x%llx\"", (unsigned long long)v);
	return true;
}

static void put_answer(struct ask *a, bool ok, const struct mood *m, struct reply *r)
{
	struct buf *b = reply_text(r);
	if (m && m->result) {
		buf_text(b, ",\"result\":");
		buf_text(b, m->result);
	} else if (m && m->fails) {
		put_error(b, m->code, str_of(m->message), str_of(m->data));
	} else if (!ok) {
		put_error(b, a->code, (struct str){a->message.p, a->message.n}, (struct str){a->data.p, a->data.n});
	} else {
		buf_text(b, ",\"result\":");
		if (!m || !m->plus || !put_moved(b, a, m->plus))
			buf_put(b, a->result.p, a->result.n);
		if (a->query) {
			r->parts[r->nparts - 1].query = a->query;
			a->query = NULL;
		}
	}
	buf_char(reply_text(r), '}');
}

static void put_id(struct reply *r, const cJSON *call, const struct mood *m)
{
	struct buf *b = reply_text(r);
	char *id = cJSON_PrintUnformatted(cJSON_GetObjectItemCaseSensitive(call, "id"));
	buf_text(b, "{\"jsonrpc\":\"2.0\",\"id\":");
	buf_text(b, m && m->id_text ? m->id_text : id ? id : "null");
	cJSON_free(id);
}

static const char *one_call(struct ask *a, const cJSON *call, enum via via, bool batch, struct reply *r)
{
	const char *method = json_text(call, "method"), *body = NULL;
	a->params = json_get(call, "params");
	struct mood *m = mood_take(a->ep, method ? method : "", a->params, via);
	a->swallow = m && m->swallow;
	bool instead = m && !m->behind && (m->fails || m->result || m->body || m->hang || m->cut == CUT_BEFORE);
	bool ok = !method ? ask_fail(a, -32600, "invalid request") : instead || eth_answer(a, method);
	if (m)
		mood_whole(m, r);
	if (m && m->body)
		body = m->body;
	if (!instead && !ok && a->status && (!batch || a->body)) { /* a page stands for the whole answer */
		r->status = a->status;
		if (a->headers)
			buf_text(&r->headers, a->headers);
		body = a->body ? a->body : body;
	}
	put_id(r, call, m);
	put_answer(a, ok, m, r);
	return body;
}

static const char *answer_call(struct endpoint *ep, struct conn *c, const struct view *v, const cJSON *call,
	enum via via, bool batch, struct reply *r)
{
	struct ask a = {.ep = ep, .view = *v, .conn = c};
	const char *body = one_call(&a, call, via, batch, r);
	buf_fini(&a.result);
	buf_fini(&a.message);
	buf_fini(&a.data);
	query_free(a.query);
	return body;
}

/* ── the request ───────────────────────────────────────────────────────────────────────────────────────── */

/* A bucket of one second's requests. */
static bool over_rate(struct endpoint *ep, size_t calls)
{
	struct limits *l = &ep->limits;
	uint64_t now = clock_mono_us();
	if (!l->rps)
		return false;
	l->tokens += (double)(now - l->at_us) / 1e6 * (double)l->rps;
	l->at_us = now;
	if (l->tokens > (double)l->rps)
		l->tokens = (double)l->rps;
	if (l->tokens < (double)calls)
		return true;
	l->tokens -= (double)calls;
	return false;
}

static void refuse_whole(struct endpoint *ep, const struct view *v, const cJSON *body, enum words_kind kind,
	uint64_t limit, uint64_t count, struct reply *r)
{
	struct ask a = {.ep = ep, .view = *v};
	const cJSON *first = cJSON_IsArray(body) ? cJSON_GetArrayItem(body, 0) : body;
	ask_fail_in_words(&a, kind, &(struct words_numbers){.limit = limit, .count = count});
	if (a.status)
		r->status = a.status;
	if (a.headers)
		buf_text(&r->headers, a.headers);
	put_id(r, first, NULL);
	put_answer(&a, false, NULL, r);
	if (a.body)
		replace_body(r, a.body);
	buf_fini(&a.message);
	buf_fini(&a.data);
}

static void answer_all(struct endpoint *ep, struct conn *c, uint64_t conn_number, const cJSON *body,
	enum via via, struct reply *r)
{
	bool batch = cJSON_IsArray(body);
	size_t n = batch ? (size_t)cJSON_GetArraySize(body) : 1;
	const char *instead = NULL;
	const cJSON *call = batch ? body->child : body;
	struct view v = endpoint_view(ep);
	for (const cJSON *x = call; x; x = batch ? x->next : NULL)
		record_call(ep, json_text(x, "method") ? json_text(x, "method") : "", json_get(x, "params"), via,
			conn_number, batch ? n : 0);
	if (over_rate(ep, n)) {
		refuse_whole(ep, &v, body, WORDS_RATE, ep->limits.rps, n, r);
		return;
	}
	if (batch && ep->limits.batch && n > ep->limits.batch) {
		refuse_whole(ep, &v, body, WORDS_BATCH, ep->limits.batch, n, r);
		return;
	}
	if (batch)
		buf_char(reply_text(r), '[');
	for (const cJSON *x = call; x; x = batch ? x->next : NULL) {
		if (x != call)
			buf_char(reply_text(r), ',');
		const char *text = answer_call(ep, c, &v, x, via, batch, r);
		instead = text ? text : instead;
	}
	if (batch)
		buf_char(reply_text(r), ']');
	if (instead)
		replace_body(r, instead);
}

void ask_whole(
	struct endpoint *ep, struct conn *c, uint64_t conn_number, enum via via, struct str body, struct reply *r)
{
	cJSON *o = cJSON_ParseWithLength(body.p, body.n);
	if (cJSON_IsObject(o) || (cJSON_IsArray(o) && o->child)) {
		answer_all(ep, c, conn_number, o, via, r);
	} else {
		r->status = o ? 200 : 400;
		buf_text(reply_text(r),
			o ? "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":\"empty batch\"}}"
			  : "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"parse error\"}}");
	}
	cJSON_Delete(o);
}
