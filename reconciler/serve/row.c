#include "reconciler/serve/row.h"

#include "common/app/rowname.h"
#include "common/io/pg_many.h"

#include <stdlib.h>

/* Types of PostgreSQL itself: their OIDs never change (catalog pg_type). */
enum {
	OID_BOOL = 16,
	OID_BYTEA = 17,
	OID_INT8 = 20,
	OID_INT2 = 21,
	OID_INT4 = 23,
	OID_JSON = 114,
	OID_FLOAT4 = 700,
	OID_FLOAT8 = 701,
	OID_TIMESTAMP = 1114,
	OID_TIMESTAMPTZ = 1184,
	OID_JSONB = 3802,
	OID_BOX = 603,
	OID_NUMERIC = 1700,
};

enum row_kind row_kind_of(unsigned type)
{
	switch (type) {
	case OID_BOOL: return ROW_BOOL;
	case OID_INT2:
	case OID_INT4:
	case OID_INT8:
	case OID_FLOAT4:
	case OID_FLOAT8: return ROW_NUMBER;
	case OID_JSON:
	case OID_JSONB: return ROW_JSON;
	case OID_TIMESTAMPTZ: return ROW_TIME;
	case OID_TIMESTAMP: return ROW_LOCAL;
	case OID_BYTEA: return ROW_HEX;
	case OID_NUMERIC: return ROW_NUMERIC;
	default: return ROW_STRING;
	}
}

unsigned row_elem_of(unsigned type)
{
	static const struct {
		unsigned array, elem;
	} own[] = {{1000, 16}, {1001, 17}, {1002, 18}, {1003, 19}, {1005, 21}, {1007, 23}, {1009, 25},
		{1014, 1042}, {1015, 1043}, {1016, 20}, {1020, 603}, {1021, 700}, {1022, 701}, {1028, 26},
		{1041, 869}, {1115, 1114}, {1182, 1082}, {1183, 1083}, {1185, 1184}, {1187, 1186}, {1231, 1700},
		{1270, 1266}, {199, 114}, {2951, 2950}, {3807, 3802}, {651, 650}, {1017, 600}, {775, 774},
		{1040, 829}};
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		if (own[i].array == type)
			return own[i].elem;
	return 0;
}

/* ── one value ── */

static void put_quoted(struct buf *out, struct str s)
{
	static const char safe[256] = {
		['"'] = 1, ['\\'] = 1, [0 ... 31] = 1, [127 ... 255] = 1}; /* 1: looked at by buf_json */
	size_t i = 0;
	while (i < s.n && !safe[(unsigned char)s.p[i]])
		i++;
	if (i < s.n) {
		buf_json(out, s);
		return;
	}
	char *p = buf_room(out, s.n + 2);
	p[0] = '"';
	memcpy(p + 1, s.p, s.n);
	p[s.n + 1] = '"';
	out->n += s.n + 2;
	out->p[out->n] = 0;
}

static bool digits(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] < '0' || p[i] > '9')
			return false;
	return true;
}

/* "2024-01-02 03:04:05" of four digits of year: anything else (infinity, BC, year 10000) stays as it is. */
static bool is_time(struct str s)
{
	return s.n >= 19 && digits(s.p, 4) && s.p[4] == '-' && digits(s.p + 5, 2) && s.p[7] == '-' &&
		   digits(s.p + 8, 2) && s.p[10] == ' ' && digits(s.p + 11, 2) && s.p[13] == ':' &&
		   digits(s.p + 14, 2) && s.p[16] == ':' && digits(s.p + 17, 2);
}

/* In UTC (the session's zone): "…05.123456+00" → "…T…05.123Z". */
static void put_time(struct buf *out, struct str s)
{
	char t[27] = "\"";
	if (!is_time(s) || s.n < 22 || memcmp(s.p + s.n - 3, "+00", 3) != 0) {
		put_quoted(out, s);
		return;
	}
	memcpy(t + 1, s.p, 19);
	t[11] = 'T';
	memcpy(t + 20, ".000Z\"", 6);
	for (size_t i = 0; s.p[19] == '.' && i < 3 && digits(s.p + 20 + i, 1); i++)
		t[21 + i] = s.p[20 + i];
	buf_put(out, t, 26);
}

static void put_local(struct buf *out, struct str s)
{
	size_t at = out->n;
	put_quoted(out, s);
	if (is_time(s) && out->p[at + 11] == ' ')
		out->p[at + 11] = 'T';
}

/* bytea_output = hex: \x and two digits a byte. */
static void put_hex(struct buf *out, struct str s)
{
	if (s.n < 2 || s.p[0] != '\\' || s.p[1] != 'x') {
		put_quoted(out, s);
		return;
	}
	buf_text(out, "\"0x");
	buf_put(out, s.p + 2, s.n - 2);
	buf_char(out, '"');
}

/* NaN and the infinities are no numbers in JSON. */
static void put_number(struct buf *out, struct str s)
{
	bool number = s.n && (digits(s.p, 1) || (s.p[0] == '-' && s.n > 1 && digits(s.p + 1, 1)));
	if (number)
		buf_str(out, s);
	else
		put_quoted(out, s);
}

static void put_one(struct buf *out, enum row_kind kind, struct str s)
{
	switch (kind) {
	case ROW_STRING:
	case ROW_NUMERIC: put_quoted(out, s); break;
	case ROW_NUMBER: put_number(out, s); break;
	case ROW_BOOL: buf_text(out, s.n && s.p[0] == 't' ? "true" : "false"); break;
	case ROW_JSON: buf_str(out, s); break;
	case ROW_TIME: put_time(out, s); break;
	case ROW_LOCAL: put_local(out, s); break;
	case ROW_HEX: put_hex(out, s); break;
	}
}

/* ── arrays: {a,"b\"c",NULL,{…}}, maybe with [0:2]= before it ── */

/* A quoted item: its text without the escapes, in place of nothing else: behind the end of out, then moved.
 */
static size_t put_quoted_item(struct buf *out, enum row_kind kind, struct str s)
{
	size_t i = 1;
	bool escaped = false;
	while (i < s.n && s.p[i] != '"') {
		escaped |= s.p[i] == '\\';
		i += s.p[i] == '\\' ? 2 : 1;
	}
	size_t end = i < s.n ? i : s.n;
	if (!escaped) {
		put_one(out, kind, (struct str){s.p + 1, end - 1});
		return end + 1;
	}
	struct buf text = {0};
	for (size_t k = 1; k < end; k++) {
		k += s.p[k] == '\\' && k + 1 < end;
		buf_char(&text, s.p[k]);
	}
	put_one(out, kind, (struct str){text.p ? text.p : "", text.n});
	buf_fini(&text);
	return end + 1;
}

static void put_array(struct buf *out, enum row_kind kind, char delimiter, struct str s)
{
	const char *open = s.n && s.p[0] == '[' ? memchr(s.p, '=', s.n) : NULL;
	size_t i = open ? (size_t)(open - s.p) + 1 : 0;
	size_t depth = 0;
	while (i < s.n) {
		char c = s.p[i];
		if (c == '{') {
			buf_char(out, '[');
			depth++;
			i++;
		} else if (c == '}') {
			buf_char(out, ']');
			i++;
			if (--depth == 0)
				return;
		} else if (c == delimiter) {
			buf_char(out, ',');
			i++;
		} else if (c == '"') {
			i += put_quoted_item(out, kind, (struct str){s.p + i, s.n - i});
		} else {
			size_t n = 0;
			while (i + n < s.n && s.p[i + n] != delimiter && s.p[i + n] != '}')
				n++;
			struct str word = {s.p + i, n};
			if (str_is(word, "NULL"))
				buf_text(out, "null");
			else
				put_one(out, kind, word);
			i += n;
		}
	}
}

void row_put_value(struct buf *out, enum row_kind kind, bool array, char delimiter, struct str text)
{
	if (array)
		put_array(out, kind, delimiter, text);
	else
		put_one(out, kind, text);
}

/* ── the plan ── */

struct making {
	struct arena *a;
	const struct row_input *in;
	struct str *keys;
	size_t n;
	bool *done;
	struct row_column *out;
	size_t nout;
	struct buf text; /* what stands before the next value */
};

/* Does key have the path prefix (its first n bytes, dot included)? */
static bool has_prefix(struct str key, struct str prefix)
{
	return key.n > prefix.n && memcmp(key.p, prefix.p, prefix.n) == 0;
}

static void put_name(struct making *m, struct str name, bool first)
{
	buf_text(&m->text, first ? "" : ",");
	put_quoted(&m->text, name);
	buf_char(&m->text, ':');
}

static void put_leaf(struct making *m, size_t i)
{
	const struct row_input *in = &m->in[i];
	unsigned elem = in->elem ? in->elem : row_elem_of(in->type);
	size_t alias = strlen(in->name);
	m->out[m->nout++] = (struct row_column){.before = {arena_textn(m->a, m->text.p, m->text.n), m->text.n},
		.at = (int)i,
		.kind = row_kind_of(elem ? elem : in->type),
		.array = elem != 0,
		.delimiter = elem == OID_BOX ? ';' : ',',
		.not_null = alias > 1 && in->name[alias - 1] == '!',
		.name = arena_textn(m->a, m->keys[i].p, m->keys[i].n)};
	buf_clear(&m->text);
	m->done[i] = true;
}

/* Members of the object whose keys begin with prefix: each at the place of its first column. */
static void put_members(struct making *m, struct str prefix)
{
	bool first = true;
	buf_char(&m->text, '{');
	for (size_t i = 0; i < m->n; i++) {
		if (m->done[i] || (prefix.n && !has_prefix(m->keys[i], prefix)))
			continue;
		struct str rest = {m->keys[i].p + prefix.n, m->keys[i].n - prefix.n};
		const char *dot = memchr(rest.p, '.', rest.n);
		struct str name = {rest.p, dot ? (size_t)(dot - rest.p) : rest.n};
		put_name(m, name, first);
		first = false;
		if (dot)
			put_members(m, (struct str){m->keys[i].p, prefix.n + name.n + 1});
		else
			put_leaf(m, i);
	}
	buf_char(&m->text, '}');
}

struct first_problem {
	struct err *e;
	bool said;
};

static void say(void *arg, const char *text)
{
	struct first_problem *p = arg;
	if (!p->said)
		err_put(p->e, ERR_REJECTED, "%s", text);
	p->said = true;
}

bool row_plan_make(struct arena *a, const struct row_input *in, size_t n, bool status, bool keyed,
	struct row_plan *out, struct err *e)
{
	struct making m = {.a = a, .in = in, .n = n};
	const char **names = arena_alloc(a, (n + 1) * sizeof *names);
	struct first_problem p = {e, false};
	m.keys = arena_alloc(a, (n + 1) * sizeof *m.keys);
	m.done = arena_alloc(a, (n + 1) * sizeof *m.done);
	m.out = arena_alloc(a, (n + 1) * sizeof *m.out);
	*out = (struct row_plan){.status_at = -1, .key_at = -1};
	for (size_t i = 0; i < n; i++) {
		names[i] = in[i].name;
		m.keys[i] = rowname_key(in[i].name);
		m.done[i] = true;
		if (str_is(m.keys[i], "_status"))
			out->status_at = (int)i;
		else if (str_is(m.keys[i], "_key"))
			out->key_at = (int)i;
		else
			m.done[i] = false;
	}
	if (!rowname_check(names, n, status, keyed, say, &p))
		return false;
	put_members(&m, (struct str){"", 0});
	out->columns = m.out;
	out->n = m.nout;
	out->end = (struct str){arena_textn(a, m.text.p, m.text.n), m.text.n};
	buf_fini(&m.text);
	return true;
}

/* ── rows ── */

bool row_put(struct buf *out, const struct row_plan *p, const void *result, int row, struct err *e)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct row_column *c = &p->columns[i];
		struct str s = many_cell(result, row, c->at);
		buf_put(out, c->before.p, c->before.n);
		if (!s.p) {
			if (c->not_null)
				return err_set(e, ERR_REJECTED, "%s is null, and its alias says that it never is", c->name);
			buf_put(out, "null", 4);
		} else if (c->array) {
			put_array(out, c->kind, c->delimiter, s);
		} else {
			put_one(out, c->kind, s);
		}
	}
	buf_str(out, p->end);
	return true;
}

static bool is_above(const struct buf *out, size_t most, struct err *e)
{
	if (out->n > most)
		err_put(e, ERR_REJECTED, "the answer is larger than %zu bytes", most);
	return out->n > most;
}

bool row_put_all(struct buf *out, const struct row_plan *p, const void *result, size_t most, struct err *e)
{
	int n = many_count(result);
	buf_char(out, '[');
	for (int i = 0; i < n; i++) {
		if (i)
			buf_char(out, ',');
		if (!row_put(out, p, result, i, e) || is_above(out, most, e))
			return false;
	}
	buf_char(out, ']');
	return true;
}

/* The keys that were put: open addressing, twice as many places as rows. */
struct keys {
	const char **slots;
	size_t mask;
};

static bool key_is_new(struct keys *k, const char *key)
{
	uint64_t h = 14695981039346656037U; /* FNV-1a */
	for (const char *p = key; *p; p++)
		h = (h ^ (unsigned char)*p) * 1099511628211U;
	size_t i = (size_t)h & k->mask;
	for (; k->slots[i]; i = (i + 1) & k->mask)
		if (strcmp(k->slots[i], key) == 0)
			return false;
	k->slots[i] = key;
	return true;
}

static bool put_members_of(
	struct buf *out, const struct row_plan *p, const void *r, struct keys *seen, size_t most, struct err *e)
{
	bool first = true;
	for (int i = 0; i < many_count(r); i++) {
		struct str key = many_cell(r, i, p->key_at);
		if (!key.p)
			return err_set(e, ERR_REJECTED, "a _key is null");
		if (!key_is_new(seen, key.p))
			return err_set(e, ERR_REJECTED, "two rows have the _key %.100s", key.p);
		if (!first)
			buf_char(out, ',');
		first = false;
		put_quoted(out, key);
		buf_char(out, ':');
		if (!row_put(out, p, r, i, e) || is_above(out, most, e))
			return false;
	}
	return true;
}

bool row_put_keyed(struct buf *out, const struct row_plan *p, const void *result, size_t most, struct err *e)
{
	size_t cap = 4;
	while (cap < 2 * (size_t)many_count(result))
		cap *= 2;
	struct keys seen = {mem_alloc(cap * sizeof(char *)), cap - 1};
	buf_char(out, '{');
	bool good = put_members_of(out, p, result, &seen, most, e);
	buf_char(out, '}');
	free(seen.slots);
	return good;
}

bool row_status(const struct row_plan *p, const void *result, int row, int *status)
{
	*status = 200;
	if (p->status_at < 0)
		return true;
	uint64_t v;
	struct str s = many_cell(result, row, p->status_at);
	if (!str_to_u64(s, &v) || v < 200 || v > 599)
		return false;
	*status = (int)v;
	return true;
}

static void put_metric_name(struct buf *out, const char *name)
{
	if (*name >= '0' && *name <= '9')
		buf_char(out, '_');
	for (; *name; name++) {
		bool good = (*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') ||
					(*name >= '0' && *name <= '9') || *name == '_';
		buf_char(out, good ? *name : '_');
	}
}

void row_put_gauges(struct buf *out, const struct row_plan *p, const void *result, int row)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct row_column *c = &p->columns[i];
		const char *text = many_cell(result, row, c->at).p;
		char *end;
		if (c->array || !text || (c->kind != ROW_BOOL && c->kind != ROW_NUMBER && c->kind != ROW_NUMERIC))
			continue;
		strtod(text, &end);
		if (c->kind != ROW_BOOL && (end == text || *end))
			continue;
		buf_text(out, "# TYPE ");
		put_metric_name(out, c->name);
		buf_text(out, " gauge\n");
		put_metric_name(out, c->name);
		buf_printf(out, " %s\n", c->kind == ROW_BOOL ? (*text == 't' ? "1" : "0") : text);
	}
}
