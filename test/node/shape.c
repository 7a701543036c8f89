#include "test/node/shape.h"
#include "common/evm/address.h"
#include "common/evm/keccak.h"
#include "test/node/json.h"
#include "test/node/rng.h"

static bool read_address(uint8_t out[20], const cJSON *v, struct err *e)
{
	if (!cJSON_IsString(v) || !hex_from(out, 20, str_of(v->valuestring)))
		return err_set(e, ERR_MALFORMED, "an address is 0x and 40 hex digits");
	return true;
}

static bool read_addresses(struct arena *a, const cJSON *v, struct shape *s, struct err *e)
{
	s->naddresses = cJSON_IsArray(v) ? (size_t)cJSON_GetArraySize(v) : 1;
	if (s->naddresses == 0)
		return err_set(e, ERR_MALFORMED, "a log has an address");
	s->addresses = arena_alloc(a, s->naddresses * 20);
	for (size_t i = 0; i < s->naddresses; i++)
		if (!read_address(s->addresses[i], cJSON_IsArray(v) ? cJSON_GetArrayItem(v, (int)i) : v, e))
			return false;
	return true;
}

static bool read_raw(struct arena *a, const cJSON *o, struct shape *s, struct err *e)
{
	const cJSON *topic, *topics = json_get(o, "topics");
	s->raw = true;
	cJSON_ArrayForEach(topic, topics)
	{
		if (s->ntopics == 4 || !cJSON_IsString(topic) ||
			!hex_from(s->topics[s->ntopics++], 32, str_of(topic->valuestring)))
			return err_set(e, ERR_MALFORMED, "a log has up to four topics of 32 bytes");
	}
	const char *data = json_text(o, "data");
	return !data || json_bytes(a, data, &s->data, e);
}

/* A value as JSON or as its text. */
static bool read_value(
	struct arena *a, const struct abi_param *p, const cJSON *v, struct abi_value *out, struct err *e)
{
	char *text = cJSON_IsString(v) ? cJSON_GetStringValue(v) : cJSON_PrintUnformatted(v);
	bool ok = abi_value_from_text(a, &p->type, str_of(text), out, e);
	if (!cJSON_IsString(v))
		cJSON_free(text);
	return ok || err_prefix(e, "%s", p->name);
}

static bool read_field(
	struct arena *a, const struct abi_param *p, const cJSON *v, struct shape_field *f, struct err *e)
{
	const cJSON *seq = json_get(v, "seq"), *below = json_get(v, "below"), *pick = json_get(v, "pick");
	if (cJSON_IsObject(v) && seq) {
		f->how = SHAPE_SEQ;
		f->start = json_u64(seq, 0);
		return true;
	}
	if (cJSON_IsObject(v) && below) {
		f->how = SHAPE_BELOW;
		f->below = json_u64(below, 1);
		return f->below > 0 || err_set(e, ERR_MALFORMED, "%s: below 0 there is nothing", p->name);
	}
	const cJSON *list = cJSON_IsObject(v) && cJSON_IsArray(pick) ? pick : NULL;
	f->how = list ? SHAPE_PICK : SHAPE_FIXED;
	f->nvalues = list ? (size_t)cJSON_GetArraySize(list) : 1;
	struct abi_value *values = arena_alloc(a, f->nvalues * sizeof *values);
	f->values = values;
	for (size_t i = 0; i < f->nvalues; i++)
		if (!read_value(a, p, list ? cJSON_GetArrayItem(list, (int)i) : v, &values[i], e))
			return false;
	return f->nvalues > 0 || err_set(e, ERR_MALFORMED, "%s: picks from nothing", p->name);
}

static bool read_event(struct arena *a, const cJSON *o, const char *text, struct shape *s, struct err *e)
{
	size_t at;
	const char *line = text_starts(text, "event ") ? text : arena_printf(a, "event %s", text);
	if (!abi_parse_line(a, str_of(line), &s->event, &at, e))
		return err_prefix(e, "%s", text);
	const cJSON *args = json_get(o, "args");
	s->fields = arena_alloc(a, s->event.nin * sizeof *s->fields);
	for (size_t i = 0; i < s->event.nin; i++) {
		const struct abi_param *p = &s->event.in[i];
		const cJSON *v = cJSON_IsArray(args) ? cJSON_GetArrayItem(args, (int)i) : json_get(args, p->name);
		if (v && !read_field(a, p, v, &s->fields[i], e))
			return false;
	}
	return true;
}

struct shape *shape_read(struct arena *a, const cJSON *o, struct err *e)
{
	struct shape *s = arena_alloc(a, sizeof *s);
	const char *event = json_text(o, "event");
	s->name = arena_text(a, json_text(o, "name"));
	if (!read_addresses(a, json_get(o, "address"), s, e))
		return NULL;
	return (event ? read_event(a, o, event, s, e) : read_raw(a, o, s, e)) ? s : NULL;
}

/* ── making one ────────────────────────────────────────────────────────────────────────────────────────── */

static struct u256 seeded_number(uint64_t *rng, const struct abi_type *t)
{
	uint8_t be[32] = {0};
	unsigned bytes = t->kind == ABI_BOOL ? 1 : t->bits / 8;
	rng_fill(rng, be + 32 - bytes, bytes);
	if (t->kind == ABI_BOOL)
		be[31] &= 1;
	if (t->kind == ABI_INT && be[32 - bytes] & 0x80)
		memset(be, 0xff, 32 - bytes);
	return u256_from_be(be);
}

static struct bytes seeded_bytes(uint64_t *rng, struct arena *a, const struct abi_type *t)
{
	size_t n = t->kind == ABI_ADDRESS    ? 20
			   : t->kind == ABI_FUNCTION ? 24
			   : t->kind == ABI_BYTESN   ? t->bits
										 : rng_below(rng, 80);
	uint8_t *p = arena_alloc(a, n);
	rng_fill(rng, p, n);
	for (size_t i = 0; t->kind == ABI_STRING && i < n; i++)
		p[i] = (uint8_t)('a' + p[i] % 26);
	return (struct bytes){p, n};
}

static struct abi_value seeded_value(uint64_t *rng, struct arena *a, const struct abi_type *t)
{
	struct abi_value v = {.n = 0};
	if (t->kind == ABI_ARRAY || t->kind == ABI_TUPLE) {
		v.n = t->kind == ABI_TUPLE ? t->nfields : t->length >= 0 ? (size_t)t->length : rng_below(rng, 5);
		struct abi_value *items = arena_alloc(a, v.n * sizeof *items);
		for (size_t i = 0; i < v.n; i++)
			items[i] = seeded_value(rng, a, t->kind == ABI_TUPLE ? &t->fields[i].type : t->item);
		v.items = items;
	} else if (t->kind == ABI_UINT || t->kind == ABI_INT || t->kind == ABI_BOOL) {
		v.number = seeded_number(rng, t);
	} else {
		v.bytes = seeded_bytes(rng, a, t);
	}
	return v;
}

/* A small number as a value of its type: of an address or bytesN its last bytes. */
static struct abi_value small(struct arena *a, const struct abi_type *t, uint64_t number)
{
	struct abi_value v = {.number = u256_of(number)};
	size_t n = t->kind == ABI_ADDRESS ? 20 : t->kind == ABI_BYTESN ? t->bits : 0;
	if (t->kind == ABI_STRING || t->kind == ABI_BYTES) {
		const char *text = arena_printf(a, "%llu", (unsigned long long)number);
		v.bytes = (struct bytes){(const uint8_t *)text, strlen(text)};
	} else if (n > 0) {
		uint8_t be[32], *p = arena_alloc(a, n);
		u256_to_be(be, v.number);
		memcpy(p, be + 32 - n, n);
		v.bytes = (struct bytes){p, n};
	}
	return v;
}

static struct abi_value value_of(const struct shape *s, size_t i, uint64_t *rng, uint64_t n, struct arena *a)
{
	const struct shape_field *f = &s->fields[i];
	const struct abi_type *t = &s->event.in[i].type;
	switch (f->how) {
	case SHAPE_FIXED: return f->values[0];
	case SHAPE_PICK: return f->values[rng_below(rng, f->nvalues)];
	case SHAPE_SEQ: return small(a, t, f->start + n);
	case SHAPE_BELOW: return small(a, t, rng_below(rng, f->below));
	case SHAPE_SEEDED: break;
	}
	return seeded_value(rng, a, t);
}

/* Solidity: "the encoding of a value of … dynamic types … is the keccak256 hash of …", without lengths. */
static void topic_of(uint8_t out[32], const struct abi_param *p, const struct abi_value *v, struct buf *b)
{
	struct abi_param alone = *p;
	alone.indexed = false;
	buf_clear(b);
	if (p->type.kind == ABI_STRING || p->type.kind == ABI_BYTES) {
		keccak256(out, v->bytes.p, v->bytes.n);
		return;
	}
	must(abi_encode(b, &alone, 1, v, NULL));
	if (abi_indexed_is_hash(p))
		keccak256(out, b->p, b->n);
	else
		memcpy(out, b->p, 32);
}

static void make_event(const struct shape *s, uint64_t *rng, uint64_t n, struct arena *a, struct log *out)
{
	struct buf b = {0};
	struct abi_param plain[32];
	struct abi_value values[32];
	size_t nplain = 0;
	if (!s->event.anonymous)
		memcpy(out->topics[out->ntopics++], s->event.hash, 32);
	for (size_t i = 0; i < s->event.nin && nplain < 32; i++) {
		struct abi_value v = value_of(s, i, rng, n, a);
		if (s->event.in[i].indexed) {
			topic_of(out->topics[out->ntopics++], &s->event.in[i], &v, &b);
			continue;
		}
		plain[nplain] = s->event.in[i];
		values[nplain++] = v;
	}
	buf_clear(&b);
	must(nplain == 0 || abi_encode(&b, plain, nplain, values, NULL));
	out->data = (struct bytes){b.n ? arena_copy(a, b.p, b.n) : NULL, b.n};
	buf_fini(&b);
}

void shape_log(const struct shape *s, uint64_t seed, uint64_t n, struct arena *a, struct log *out)
{
	uint64_t rng = rng_mix(seed, n);
	size_t at = s->naddresses == 1 ? 0 : (size_t)rng_below(&rng, s->naddresses);
	memcpy(out->address, s->addresses[at], 20);
	out->ntopics = 0;
	if (s->raw) {
		memcpy(out->topics, s->topics, sizeof out->topics);
		out->ntopics = s->ntopics;
		out->data = s->data;
		return;
	}
	make_event(s, &rng, n, a, out);
}
