#include "test/node/query.h"
#include "test/node/rng.h"

#include <stdlib.h>

enum { AT_ONCE = 256, ROOM = 8 * AT_ONCE };

/* ── filters ───────────────────────────────────────────────────────────────────────────────────────────── */

static bool read_list(
	struct arena *a, const cJSON *v, size_t size, uint8_t **out, size_t *n, const char *what, struct err *e)
{
	*n = v == NULL ? 0 : cJSON_IsArray(v) ? (size_t)cJSON_GetArraySize(v) : 1;
	*out = arena_alloc(a, *n * size + 1);
	for (size_t i = 0; i < *n; i++)
		if (!json_fixed(cJSON_IsArray(v) ? cJSON_GetArrayItem(v, (int)i) : v, *out + i * size, size))
			return err_set(e, ERR_REJECTED,
				"invalid argument 0: hex string has wrong length for %s; want %zu bytes", what, size);
	return true;
}

bool filter_read(struct arena *a, const cJSON *o, struct filter *f, struct err *e)
{
	*f = (struct filter){.least = 0};
	uint8_t *p;
	if (!read_list(a, json_get(o, "address"), 20, &p, &f->naddresses, "common.Address", e))
		return false;
	f->addresses = (uint8_t(*)[20])p;
	const cJSON *topics = json_get(o, "topics"), *t;
	unsigned i = 0;
	if (topics && !cJSON_IsArray(topics))
		return err_set(e, ERR_REJECTED, "invalid argument 0: json: cannot unmarshal topics");
	cJSON_ArrayForEach(t, topics)
	{
		if (i == 4)
			return err_set(e, ERR_REJECTED, "exceed max topics");
		if (!read_list(a, cJSON_IsNull(t) ? NULL : t, 32, &p, &f->ntopics[i], "common.Hash", e))
			return false;
		f->topics[i++] = (uint8_t(*)[32])p;
	}
	f->least = i;
	return true;
}

bool filter_takes(const struct filter *f, const struct log *l)
{
	bool ok = f->naddresses == 0;
	for (size_t i = 0; !ok && i < f->naddresses; i++)
		ok = memcmp(f->addresses[i], l->address, 20) == 0;
	if (!ok || l->ntopics < f->least)
		return false;
	for (unsigned t = 0; t < f->least; t++) {
		ok = f->ntopics[t] == 0;
		for (size_t i = 0; !ok && i < f->ntopics[t]; i++)
			ok = memcmp(f->topics[t][i], l->topics[t], 32) == 0;
		if (!ok)
			return false;
	}
	return true;
}

bool filter_may(const struct filter *f, const uint8_t bloom[256])
{
	bool ok = f->naddresses == 0 || f->naddresses > 8;
	for (size_t i = 0; !ok && i < f->naddresses; i++)
		ok = bloom_may_hold(bloom, f->addresses[i], 20);
	if (!ok)
		return false;
	for (unsigned t = 0; t < f->least; t++) {
		ok = f->ntopics[t] == 0 || f->ntopics[t] > 8;
		for (size_t i = 0; !ok && i < f->ntopics[t]; i++)
			ok = bloom_may_hold(bloom, f->topics[t][i], 32);
		if (!ok)
			return false;
	}
	return true;
}

/* ── lies ──────────────────────────────────────────────────────────────────────────────────────────────── */

size_t lies_take(struct endpoint *ep, unsigned in, struct lie **out, size_t room)
{
	size_t n = 0;
	for (struct lie *l = ep->lies; l && n < room; l = l->next) {
		if (!(l->in & in) || l->left == 0)
			continue;
		if (l->left != UINT64_MAX)
			l->left--;
		out[n++] = l;
	}
	return n;
}

bool lie_hits(const struct lie *l, const struct log *g, uint32_t in_block)
{
	if (g->block < l->from || g->block > l->to)
		return false;
	if (l->every != UINT64_MAX && in_block % l->every != l->every - 1)
		return false;
	if (l->at != UINT64_MAX && in_block != l->at)
		return false;
	uint64_t rng = rng_mix(g->block ^ 0x11e5, in_block);
	return l->chance >= 1 || rng_unit(&rng) < l->chance;
}

static void forge_bytes(const char *value, uint8_t *p, size_t n)
{
	if (!value || !hex_from(p, n, (struct str){value + 1, strlen(value) - 2}))
		p[n - 1] ^= 1;
}

static void forge_number(const char *value, uint64_t *v)
{
	cJSON *given = value ? cJSON_Parse(value) : NULL;
	*v = given ? json_u64(given, *v + 1) : *v + 1;
	cJSON_Delete(given);
}

void lie_forge(const struct lie *l, struct log *g)
{
	const char *f = l->field;
	if (text_is(f, "address"))
		forge_bytes(l->value, g->address, 20);
	else if (text_is(f, "blockHash"))
		forge_bytes(l->value, g->block_hash, 32);
	else if (text_is(f, "transactionHash"))
		forge_bytes(l->value, g->tx_hash, 32);
	else if (text_is(f, "topic0") || text_is(f, "topic1") || text_is(f, "topic2") || text_is(f, "topic3"))
		forge_bytes(l->value, g->topics[f[5] - '0'], 32);
	else if (text_is(f, "transactionIndex"))
		forge_number(l->value, &g->tx_index);
	else if (text_is(f, "logIndex"))
		forge_number(l->value, &g->log_index);
	else if (text_is(f, "blockNumber"))
		forge_number(l->value, &g->block);
	else if (text_is(f, "blockTimestamp"))
		forge_number(l->value, &g->time);
	else if (text_is(f, "removed"))
		g->removed = !g->removed;
	else if (text_is(f, "data") && g->data.n > 0)
		((uint8_t *)(uintptr_t)g->data.p)[g->data.n - 1] ^= 1;
}

/* ── making ────────────────────────────────────────────────────────────────────────────────────────────── */

struct query *query_new(struct endpoint *ep, unsigned in)
{
	struct query *q = mem_alloc(sizeof *q);
	q->ep = ep;
	q->in = in;
	q->nlies = lies_take(ep, in, q->lies, sizeof q->lies / sizeof *q->lies);
	for (size_t i = 0; i < q->nlies; i++)
		q->none |= q->lies[i]->kind == LIE_EMPTY;
	return q;
}

void query_free(struct query *q)
{
	if (!q)
		return;
	arena_fini(&q->arena);
	arena_fini(&q->scratch);
	free(q->logs);
	free(q->blocks);
	free(q);
}

void query_rewind(struct query *q)
{
	q->at = q->tx = q->log = 0;
	q->told = 0;
	q->begun = q->over = false;
}

void put_log_json(struct buf *b, const struct endpoint *ep, const struct log *l)
{
	buf_char(b, '{');
	put_field_data(b, "address", l->address, 20);
	put_key(b, "topics");
	buf_char(b, '[');
	for (unsigned t = 0; t < l->ntopics; t++) {
		if (t > 0)
			buf_char(b, ',');
		put_data(b, l->topics[t], 32);
	}
	buf_char(b, ']');
	put_field_data(b, "data", l->data.p, l->data.n);
	put_field_u64(b, "blockNumber", l->block);
	put_field_data(b, "transactionHash", l->tx_hash, 32);
	put_field_u64(b, "transactionIndex", l->tx_index);
	put_field_data(b, "blockHash", l->block_hash, 32);
	if (ep->time_in_logs)
		put_field_u64(b, "blockTimestamp", l->time);
	put_field_u64(b, "logIndex", l->log_index);
	buf_text(b, l->removed ? ",\"removed\":true}" : ",\"removed\":false}");
}

/* Up to AT_ONCE logs of one block from the place on, which moves behind them; only those that pass. */
static size_t gather(struct query *q, struct arena *a, struct log *out)
{
	size_t n = 0, seen = 0;
	struct block *k = q->blocks[q->at];
	while (q->tx < k->ntxs && seen < AT_ONCE) {
		if (q->log >= k->txs[q->tx].nlogs) {
			q->tx++;
			q->log = 0;
			continue;
		}
		seen++;
		block_log(k, q->tx, q->log++, a, &out[n]);
		out[n].removed = q->removed;
		n += filter_takes(&q->filter, &out[n]);
	}
	if (q->tx == k->ntxs) {
		q->at++;
		q->tx = q->log = 0;
	}
	return n;
}

static size_t spoil(const struct query *q, struct arena *a, struct log *logs, size_t n)
{
	for (size_t i = 0; i < q->nlies; i++) {
		const struct lie *l = q->lies[i];
		size_t kept = 0;
		bool room = 2 * n <= ROOM;
		const struct log *was = arena_copy(a, logs, n * sizeof *was);
		for (size_t k = 0; k < n; k++) {
			bool hit = lie_hits(l, &was[k], (uint32_t)was[k].log_index);
			struct log g = was[k];
			if (hit && l->kind == LIE_OMIT)
				continue;
			if (hit && l->kind == LIE_FORGE) {
				g.data.p = g.data.n ? arena_copy(a, g.data.p, g.data.n) : NULL;
				lie_forge(l, &g);
			}
			logs[kept++] = g;
			if (hit && room && l->kind == LIE_REPEAT)
				logs[kept++] = g;
		}
		n = kept;
		uint64_t rng = n ? rng_mix(was[0].block, was[0].log_index) : 0;
		for (size_t k = n; l->kind == LIE_SHUFFLE && k > 1; k--) {
			size_t other = (size_t)rng_below(&rng, k);
			struct log g = logs[k - 1];
			logs[k - 1] = logs[other];
			logs[other] = g;
		}
		for (size_t k = 0; l->kind == LIE_REVERSE && k < n / 2; k++) {
			struct log g = logs[k];
			logs[k] = logs[n - 1 - k];
			logs[n - 1 - k] = g;
		}
	}
	return n;
}

static void tell(struct query *q, struct buf *out)
{
	if (!q->logs)
		q->logs = mem_alloc((q->nlies ? ROOM : AT_ONCE) * sizeof *q->logs);
	size_t n = gather(q, &q->scratch, q->logs);
	n = spoil(q, &q->scratch, q->logs, n);
	for (size_t i = 0; i < n; i++) {
		if (q->told++ > 0)
			buf_char(out, ',');
		put_log_json(out, q->ep, &q->logs[i]);
	}
	arena_reset(&q->scratch);
}

bool query_more(struct query *q, struct buf *out, size_t most)
{
	size_t begin = out->n;
	if (q->over)
		return false;
	if (!q->begun && !q->bare)
		buf_char(out, '[');
	q->begun = true;
	while (!q->none && q->at < q->n && out->n - begin < most) {
		const struct block *k = q->blocks[q->at];
		if (q->tx == 0 && q->log == 0 && (k->nlogs == 0 || !filter_may(&q->filter, k->bloom)))
			q->at++;
		else
			tell(q, out);
	}
	if (!q->none && q->at < q->n)
		return true;
	q->over = true;
	if (!q->bare)
		buf_char(out, ']');
	return false;
}

uint64_t query_count(struct query *q, uint64_t most, uint64_t most_bytes, uint64_t *bytes)
{
	struct buf b = {0};
	*bytes = 0;
	query_rewind(q);
	while (query_more(q, &b, 1 << 16)) {
		*bytes += b.n;
		buf_clear(&b);
		if ((most && q->told > most) || (most_bytes && *bytes > most_bytes))
			break;
	}
	*bytes += b.n;
	buf_fini(&b);
	uint64_t n = q->told;
	query_rewind(q);
	return n;
}
