#include "common/evm/wire.h"
#include "common/base/u256.h"

#include <yajl/yajl_parse.h>

enum state {
	AT_TOP,    /* the array, the object or null should come */
	IN_ARRAY,  /* between objects */
	IN_OBJECT, /* w->field is the field whose value comes, NULL if nobody asked for it */
	IN_LIST,   /* inside the array of w->field */
	AT_END,
	STOPPED, /* by an error, or because `each` wants no more */
};

static void prefix(const struct wire *w, struct buf *b)
{
	if (w->outer)
		prefix(w->outer, b);
	if (w->many)
		buf_printf(b, "%s %zu: ", w->shape->what, w->n);
	else
		buf_printf(b, "the %s: ", w->shape->what);
}

static bool refuse(struct wire *w, const char *why)
{
	struct buf b = {0};
	prefix(w, &b);
	struct str name = w->field ? w->field->name : STR("its JSON");
	err_put(w->e, ERR_MALFORMED, "%s%.*s %s", b.p, (int)name.n, name.p, why);
	buf_fini(&b);
	for (struct wire *o = w; o; o = o->outer)
		o->state = STOPPED;
	return false;
}

static void mark_seen(struct wire *w)
{
	w->seen |= (uint64_t)1 << (w->field - w->shape->fields);
	if (w->field->flag)
		*(bool *)((char *)w->object + w->field->flag) = true;
}

bool wire_hex(uint8_t *out, size_t n, struct str text)
{
	return text.n >= 2 && text.n - 2 == 2 * n && text.p[0] == '0' && text.p[1] == 'x' &&
		   hex_from(out, n, (struct str){text.p + 2, text.n - 2});
}

static uint8_t *room_for(struct wire *w, size_t n)
{
	if (w->arena)
		return arena_alloc(w->arena, n);
	return (uint8_t *)buf_room(w->scratch, n);
}

static bool take_string(struct wire *w, struct str s)
{
	void *to = (char *)w->object + w->field->offset;
	mark_seen(w);
	switch (w->field->kind) {
	case WIRE_FIXED: return wire_hex(to, w->field->size, s) || refuse(w, "is not hex of its length");
	case WIRE_U64: return str_hex_to_u64(s, to) || refuse(w, "is not a quantity of up to 64 bits");
	case WIRE_U256: return u256_from_hex(to, s) || refuse(w, "is not a quantity of up to 256 bits");
	case WIRE_DATA: {
		size_t n = s.n / 2 - (s.n >= 2);
		uint8_t *p = room_for(w, n);
		*(struct bytes *)to = (struct bytes){p, n};
		return wire_hex(p, n, s) || refuse(w, "is not hex");
	}
	default: return refuse(w, "is a string");
	}
}

/* Is the value one that nobody asked for? */
static bool passed_over(const struct wire *w)
{
	return w->skip > 0 || (w->state == IN_OBJECT && !w->field);
}

static struct wire *active(void *ctx)
{
	struct wire *w = ctx;
	while (w->active != w)
		w = w->active;
	return w;
}

/* Every value but a plain one of a known field comes through here first. */
bool wire_on_string(void *ctx, struct str s)
{
	struct wire *w = active(ctx);
	if (passed_over(w))
		return true;
	if (w->state == IN_OBJECT)
		return take_string(w, s);
	if (w->state == IN_LIST)
		return w->shape->item(w, w->object, s) ||
			   refuse(w, "has an item that is not as it should be, or too many");
	return refuse(w, "is a string");
}

bool wire_on_null(void *ctx)
{
	struct wire *w = active(ctx);
	if (w->skip > 0 || w->state == IN_OBJECT)
		return true; /* a field that is null is as one that is not there */
	if (w->state == AT_TOP && !w->many) {
		w->state = AT_END;
		return true;
	}
	return refuse(w, "is null");
}

bool wire_on_bool(void *ctx, bool value)
{
	struct wire *w = active(ctx);
	if (passed_over(w))
		return true;
	if (w->state != IN_OBJECT || w->field->kind != WIRE_BOOL)
		return refuse(w, "is a boolean");
	mark_seen(w);
	*(bool *)((char *)w->object + w->field->offset) = value;
	return true;
}

bool wire_on_number(void *ctx, struct str text)
{
	struct wire *w = active(ctx);
	(void)text;
	return passed_over(w) || refuse(w, "is a number");
}

/* Names of fields are short: what a call costs is more than what it compares. */
static bool same(const char *a, const char *b, size_t n)
{
	uint64_t x[2], y[2];
	if (n < 8 || n > 16)
		return memcmp(a, b, n) == 0;
	memcpy(&x[0], a, 8);
	memcpy(&x[1], a + n - 8, 8);
	memcpy(&y[0], b, 8);
	memcpy(&y[1], b + n - 8, 8);
	return x[0] == y[0] && x[1] == y[1];
}

static bool is_field(const struct wire *w, size_t i, struct str key)
{
	const struct str *name = &w->shape->fields[i].name;
	return name->n == key.n && same(name->p, key.p, key.n);
}

/* A node writes the fields of each object in one order: look first for what followed the last one before. */
bool wire_on_key(void *ctx, struct str key)
{
	struct wire *w = active(ctx);
	if (w->skip > 0)
		return true;
	const size_t none = w->shape->nfields;
	size_t i = w->next[w->last];
	if (i >= none || !is_field(w, i, key)) {
		for (i = 0; i < none && !is_field(w, i, key);)
			i++;
		if (i == none) {
			w->unknown = true;
			w->field = NULL;
			return true;
		}
		w->next[w->last] = (uint8_t)i;
	}
	w->last = i;
	w->field = w->shape->fields[i].kind == WIRE_KNOWN ? NULL : &w->shape->fields[i];
	return true;
}

bool wire_on_open_map(void *ctx)
{
	struct wire *w = active(ctx);
	if (w->state == IN_LIST || passed_over(w)) {
		w->skip++;
		return true;
	}
	if (w->state != (w->many ? IN_ARRAY : AT_TOP))
		return refuse(w, "is an object");
	memset(w->object, 0, w->shape->size);
	w->state = IN_OBJECT;
	w->last = w->shape->nfields;
	w->field = NULL;
	w->seen = 0;
	w->unknown = false;
	return true;
}

bool wire_on_close_map(void *ctx)
{
	struct wire *w = active(ctx);
	if (w->skip > 0) {
		w->skip--;
		return true;
	}
	const struct wire_shape *s = w->shape;
	for (size_t i = 0; i < s->nfields; i++)
		if (s->fields[i].required && !(w->seen >> i & 1)) {
			w->field = &s->fields[i];
			return refuse(w, "is missing or null");
		}
	w->field = NULL;
	w->state = w->many ? IN_ARRAY : AT_END;
	if (w->each && !w->each(w, w->object)) {
		for (struct wire *o = w; o; o = o->outer)
			o->state = STOPPED;
		return false;
	}
	w->n++;
	return true;
}

static void begin(struct wire *w)
{
	w->state = AT_TOP;
	w->skip = 0;
	w->n = 0;
	w->field = NULL;
	w->active = w;
}

/* From here on the events are the inner wire's, until its array ends. */
static void descend(struct wire *w)
{
	struct wire *in = w->inner;
	begin(in);
	in->outer = w;
	in->arena = w->arena;
	in->scratch = w->scratch;
	in->e = w->e;
	if (in->open)
		in->open(in, w->object);
	in->state = IN_ARRAY;
	w->active = in;
}

bool wire_on_open_array(void *ctx)
{
	struct wire *w = active(ctx);
	if (w->state == IN_LIST || passed_over(w)) {
		w->skip++;
		return true;
	}
	if (w->state == AT_TOP && w->many) {
		w->state = IN_ARRAY;
		return true;
	}
	if (w->state != IN_OBJECT || (w->field->kind != WIRE_LIST && w->field->kind != WIRE_OBJECTS))
		return refuse(w, "is an array");
	mark_seen(w);
	if (w->field->kind == WIRE_OBJECTS)
		descend(w);
	else
		w->state = IN_LIST;
	return true;
}

bool wire_on_close_array(void *ctx)
{
	struct wire *w = active(ctx);
	if (w->skip > 0)
		w->skip--;
	else if (w->state == IN_LIST)
		w->state = IN_OBJECT;
	else {
		w->state = AT_END;
		if (w->outer)
			w->outer->active = w->outer;
	}
	return true;
}

void wire_start(struct wire *w)
{
	must(w->shape->nfields <= WIRE_FIELDS_MAX);
	begin(w);
}

bool wire_whole(const struct wire *w)
{
	return w->state == AT_END;
}

/* ── a whole text: yajl's callbacks end in the same functions ── */

static int text_boolean(void *ctx, int v)
{
	return wire_on_bool(ctx, v);
}
static int text_null(void *ctx)
{
	return wire_on_null(ctx);
}
static int text_number(void *ctx, const char *p, size_t n)
{
	return wire_on_number(ctx, (struct str){p, n});
}
static int text_string(void *ctx, const unsigned char *p, size_t n)
{
	return wire_on_string(ctx, (struct str){(const char *)p, n});
}
static int text_key(void *ctx, const unsigned char *p, size_t n)
{
	return wire_on_key(ctx, (struct str){(const char *)p, n});
}
static int text_open_map(void *ctx)
{
	return wire_on_open_map(ctx);
}
static int text_close_map(void *ctx)
{
	return wire_on_close_map(ctx);
}
static int text_open_array(void *ctx)
{
	return wire_on_open_array(ctx);
}
static int text_close_array(void *ctx)
{
	return wire_on_close_array(ctx);
}

bool wire_read(struct wire *w, struct str json)
{
	static const yajl_callbacks callbacks = {text_null, text_boolean, NULL, NULL, text_number, text_string,
		text_open_map, text_key, text_close_map, text_open_array, text_close_array};
	wire_start(w);
	yajl_handle h = yajl_alloc(&callbacks, NULL, w);
	must(h != NULL);
	yajl_config(h, yajl_dont_validate_strings, 1); /* what we take is hex; the rest is passed over */
	yajl_status s = yajl_parse(h, (const unsigned char *)json.p, json.n);
	if (s == yajl_status_ok)
		s = yajl_complete_parse(h);
	yajl_free(h);
	if (s == yajl_status_ok && wire_whole(w))
		return true;
	if (w->state == STOPPED)
		return false;
	w = active(w);
	w->field = NULL;
	return refuse(w, "is broken or ends too early");
}
