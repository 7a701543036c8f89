#include "common/evm/wire.h"
#include "common/base/u256.h"

#include <yajl/yajl_parse.h>

enum state {
	AT_TOP,    /* the array, the object or null should come */
	IN_ARRAY,  /* between objects */
	IN_OBJECT, /* w->field is the field whose value comes, NULL if nobody asked for it */
	IN_LIST,   /* inside the array of w->field */
	AT_END,
};

/* 1..16 for a hex digit, 0 for any other byte: one less has a high bit only where it is bad. */
static const uint8_t digits[256] = {
	['0'] = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, ['A'] = 11, 12, 13, 14, 15, 16, ['a'] = 11, 12, 13, 14, 15, 16};

bool wire_hex(uint8_t *out, size_t n, struct str text)
{
	if (text.n < 2 || text.n - 2 != 2 * n || text.p[0] != '0' || text.p[1] != 'x')
		return false;
	const unsigned char *p = (const unsigned char *)text.p + 2;
	unsigned bad = 0;
	for (size_t i = 0; i < n; i++, p += 2) {
		unsigned high = digits[p[0]] - 1u, low = digits[p[1]] - 1u;
		bad |= high | low;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return bad < 16;
}

static int refuse(struct wire *w, const char *why)
{
	if (w->many)
		err_put(
			w->e, ERR_MALFORMED, "%s %zu: %s %s", w->what, w->n, w->field ? w->field->name : "its JSON", why);
	else
		err_put(w->e, ERR_MALFORMED, "the %s: %s %s", w->what, w->field ? w->field->name : "its JSON", why);
	return 0;
}

static char *object(struct wire *w)
{
	return (char *)w->objects + w->n * w->stride;
}

static void mark_seen(struct wire *w)
{
	w->seen |= 1u << (w->field - w->fields);
	if (w->field->flag)
		*(bool *)(object(w) + w->field->flag) = true;
}

static int take_string(struct wire *w, struct str s)
{
	void *to = object(w) + w->field->offset;
	mark_seen(w);
	switch (w->field->kind) {
	case WIRE_FIXED: return wire_hex(to, w->field->size, s) || refuse(w, "is not hex of its length");
	case WIRE_U64: return str_hex_to_u64(s, to) || refuse(w, "is not a quantity of up to 64 bits");
	case WIRE_U256: return u256_from_hex(to, s) || refuse(w, "is not a quantity of up to 256 bits");
	case WIRE_DATA: {
		size_t n = s.n / 2 - (s.n >= 2);
		uint8_t *p = arena_alloc(w->arena, n);
		*(struct bytes *)to = (struct bytes){p, n};
		return wire_hex(p, n, s) || refuse(w, "is not hex");
	}
	default: return refuse(w, "is a string");
	}
}

/* Callbacks: 0 stops the parser. Every value but a plain one of a known field comes through here first. */
static int on_string(void *ctx, const unsigned char *p, size_t n)
{
	struct wire *w = ctx;
	struct str s = {(const char *)p, n};
	if (w->skip > 0 || (w->state == IN_OBJECT && !w->field))
		return 1;
	if (w->state == IN_OBJECT)
		return take_string(w, s);
	if (w->state == IN_LIST)
		return w->item(w, object(w), s) || refuse(w, "has an item that is not as it should be, or too many");
	return refuse(w, "is a string");
}

static int on_null(void *ctx)
{
	struct wire *w = ctx;
	if (w->skip > 0 || w->state == IN_OBJECT)
		return 1; /* a field that is null is as one that is not there */
	if (w->state == AT_TOP && !w->many) {
		w->state = AT_END;
		return 1;
	}
	return refuse(w, "is null");
}

static int on_boolean(void *ctx, int value)
{
	struct wire *w = ctx;
	if (w->skip > 0 || (w->state == IN_OBJECT && !w->field))
		return 1;
	if (w->state != IN_OBJECT || w->field->kind != WIRE_BOOL)
		return refuse(w, "is a boolean");
	mark_seen(w);
	*(bool *)(object(w) + w->field->offset) = value;
	return 1;
}

static int on_number(void *ctx, const char *p, size_t n)
{
	struct wire *w = ctx;
	(void)p, (void)n;
	return w->skip > 0 || (w->state == IN_OBJECT && !w->field) || refuse(w, "is a number");
}

static int on_key(void *ctx, const unsigned char *p, size_t n)
{
	struct wire *w = ctx;
	struct str key = {(const char *)p, n};
	if (w->skip > 0)
		return 1;
	/* A node writes the fields of each object in one order: look behind the last one first. */
	for (size_t k = 1; k <= w->nfields; k++) {
		size_t i = (w->last + k) % w->nfields;
		if (str_is(key, w->fields[i].name)) {
			w->last = i;
			w->field = &w->fields[i];
			return 1;
		}
	}
	w->field = NULL;
	return 1;
}

static int on_start_map(void *ctx)
{
	struct wire *w = ctx;
	if (w->skip > 0 || w->state == IN_LIST || (w->state == IN_OBJECT && !w->field)) {
		w->skip++;
		return 1;
	}
	if (w->state != (w->many ? IN_ARRAY : AT_TOP))
		return refuse(w, "is an object");
	must(w->n < w->room); /* whoever made the room knows how many objects such an answer can hold at most */
	w->state = IN_OBJECT;
	w->field = NULL;
	w->seen = 0;
	return 1;
}

static int on_end_map(void *ctx)
{
	struct wire *w = ctx;
	if (w->skip > 0) {
		w->skip--;
		return 1;
	}
	for (size_t i = 0; i < w->nfields; i++)
		if (w->fields[i].required && !(w->seen & 1u << i)) {
			w->field = &w->fields[i];
			return refuse(w, "is missing or null");
		}
	w->n++;
	w->field = NULL;
	w->state = w->many ? IN_ARRAY : AT_END;
	return 1;
}

static int on_start_array(void *ctx)
{
	struct wire *w = ctx;
	if (w->skip > 0 || w->state == IN_LIST || (w->state == IN_OBJECT && !w->field)) {
		w->skip++;
		return 1;
	}
	if (w->state == AT_TOP && w->many) {
		w->state = IN_ARRAY;
		return 1;
	}
	if (w->state != IN_OBJECT || w->field->kind != WIRE_LIST)
		return refuse(w, "is an array");
	mark_seen(w);
	w->state = IN_LIST;
	return 1;
}

static int on_end_array(void *ctx)
{
	struct wire *w = ctx;
	if (w->skip > 0)
		w->skip--;
	else
		w->state = w->state == IN_LIST ? IN_OBJECT : AT_END;
	return 1;
}

bool wire_read(struct wire *w, struct str json)
{
	static const yajl_callbacks callbacks = {on_null, on_boolean, NULL, NULL, on_number, on_string,
		on_start_map, on_key, on_end_map, on_start_array, on_end_array};
	must(w->nfields <= WIRE_FIELDS_MAX);
	w->state = AT_TOP;
	w->last = w->nfields - 1;
	yajl_handle h = yajl_alloc(&callbacks, NULL, w);
	must(h != NULL);
	yajl_config(h, yajl_dont_validate_strings, 1); /* what we take is hex; the rest is passed over */
	yajl_status s = yajl_parse(h, (const unsigned char *)json.p, json.n);
	if (s == yajl_status_ok)
		s = yajl_complete_parse(h);
	if (s == yajl_status_error || (s == yajl_status_ok && w->state != AT_END)) {
		w->field = NULL;
		refuse(w, "is broken or ends too early");
		s = yajl_status_error;
	}
	yajl_free(h);
	return s == yajl_status_ok;
}
