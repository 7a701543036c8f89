#include "common/evm/abi.h"
#include "test/vectors/check.h"

/* Vectors of the contract ABI: what compilers' interfaces say, and what compiled contracts returned and
 * logged. */

static struct abi_entry *find(const struct vector *v, enum abi_entry_kind kind, const char *name)
{
	struct abi_entry *all;
	size_t n;
	struct err e;
	if (!check(v, abi_parse_json(v->arena, v->field[2], &all, &n, &e), "the interface is read"))
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (all[i].kind == kind && text_is(all[i].name, name))
			return &all[i];
	check(v, false, "the interface declares it");
	return NULL;
}

static bool same_text(const struct vector *v, const struct abi_type *t, const struct abi_value *a,
	const struct abi_value *b, const char *what)
{
	struct buf left = {0}, right = {0};
	abi_value_json(&left, t, a);
	abi_value_json(&right, t, b);
	bool ok = check(v, str_eq((struct str){left.p, left.n}, (struct str){right.p, right.n}), what);
	buf_fini(&left);
	buf_fini(&right);
	return ok;
}

static bool decode_abi(const struct vector *v, struct bytes in, void *ctx)
{
	const struct abi_type *t = ctx;
	struct abi_value *values = arena_alloc(v->arena, t->nfields * sizeof *values);
	return abi_decode(v->arena, in, t->fields, t->nfields, values, NULL);
}

void check_abi(const struct vector *v)
{
	struct abi_type t;
	struct abi_value wanted, got;
	struct err e = {0};
	struct buf b = {0};
	struct bytes result = hex_field(v, 5);
	const struct abi_entry *fn = find(v, ABI_FUNCTION_ENTRY, "test");
	if (!fn || !check(v, abi_parse_type(v->arena, v->field[3], &t, &e), "the types are read"))
		return;
	struct abi_type outputs = {.kind = ABI_TUPLE, .fields = fn->out, .nfields = fn->nout};
	struct buf left = {0}, right = {0};
	abi_type_text(&left, &t);
	abi_type_text(&right, &outputs);
	check(v, text_is(left.p, right.p), "the interface's types");
	buf_fini(&left);
	buf_fini(&right);
	if (!check(v, abi_value_from_text(v->arena, &t, v->field[4], &wanted, &e), e.text))
		return;
	check(v, abi_encode(&b, t.fields, t.nfields, wanted.items, &e), "encoding");
	same_bytes(v, (struct bytes){(const uint8_t *)b.p, b.n}, result, "what was encoded");
	struct abi_value *items = arena_alloc(v->arena, t.nfields * sizeof *items);
	got = (struct abi_value){.items = items, .n = t.nfields};
	if (check(v, abi_decode(v->arena, result, t.fields, t.nfields, items, &e), "decoding"))
		same_text(v, &t, &got, &wanted, "what was decoded");
	check_cuts(v, result, decode_abi, &t);
	buf_fini(&b);
}

struct log_parts {
	const struct abi_entry *event;
	uint8_t topics[4][32];
	size_t ntopics;
};

static bool decode_data(const struct vector *v, struct bytes in, void *ctx)
{
	const struct log_parts *p = ctx;
	struct abi_value *values = arena_alloc(v->arena, p->event->nin * sizeof *values);
	return abi_decode_log(v->arena, p->event, (const uint8_t(*)[32])p->topics, p->ntopics, in, values, NULL);
}

static void read_topics(const struct vector *v, struct str s, struct log_parts *p)
{
	while (!str_is(s, "none") && s.n >= 66 && p->ntopics < 4) {
		check(v, hex_from(p->topics[p->ntopics++], 32, (struct str){s.p, 66}), "a topic is hex");
		s = s.n > 67 ? (struct str){s.p + 67, s.n - 67} : (struct str){s.p, 0};
	}
}

/* The parameters as they are stored: an indexed string is the bytes32 of its hash. */
static struct abi_type stored(const struct vector *v, const struct abi_entry *ev)
{
	struct abi_param *fields = arena_copy(v->arena, ev->in, ev->nin * sizeof *fields);
	for (size_t i = 0; i < ev->nin; i++)
		fields[i].type = *abi_stored_type(&ev->in[i]);
	return (struct abi_type){.kind = ABI_TUPLE, .fields = fields, .nfields = ev->nin};
}

void check_event(const struct vector *v)
{
	struct log_parts p = {.event = find(v, ABI_EVENT, "testEvent")};
	struct bytes data = hex_field(v, 4);
	struct abi_value wanted;
	struct err e = {0};
	if (!p.event)
		return;
	read_topics(v, v->field[3], &p);
	if (!p.event->anonymous)
		check(v, memcmp(p.event->hash, p.topics[0], 32) == 0, "the first topic");
	struct abi_type t = stored(v, p.event);
	if (!check(v, abi_value_from_text(v->arena, &t, v->field[5], &wanted, &e), e.text))
		return;
	struct abi_value *items = arena_alloc(v->arena, p.event->nin * sizeof *items);
	struct abi_value got = {.items = items, .n = p.event->nin};
	if (check(v,
			abi_decode_log(v->arena, p.event, (const uint8_t(*)[32])p.topics, p.ntopics, data, items, &e),
			e.text))
		same_text(v, &t, &got, &wanted, "what was decoded");
	check_cuts(v, data, decode_data, &p);
	if (p.ntopics > 0) {
		p.ntopics--;
		check(v, !decode_data(v, data, &p), "a log with a topic too few is refused");
	}
}
