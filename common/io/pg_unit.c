#include "common/base/mem.h"
#include "common/io/pg_in.h"

#include <limits.h>
#include <stdlib.h>

/* PostgreSQL's own limit of parameters of one statement */
enum { PARAMS_MAX = 65535, KEEP_BYTES = 1 << 20 };

void pg_stmt(struct pg_unit *u, const struct pg_sql *s)
{
	must(!u->array);
	if (u->step_count == u->step_cap) {
		u->step_cap = u->step_cap ? u->step_cap * 2 : 4;
		u->steps = mem_grow(u->steps, u->step_cap, sizeof *u->steps);
		u->results = mem_grow(u->results, u->step_cap, sizeof *u->results);
	}
	u->results[u->step_count] = NULL;
	u->steps[u->step_count++] = (struct pg_step){.sql = *s, .first = u->param_count};
}

void pg_stmt_types(struct pg_unit *u, const unsigned *types, int n)
{
	must(u->step_count > 0);
	u->steps[u->step_count - 1].types = types;
	u->steps[u->step_count - 1].ntypes = n;
}

static void param(struct pg_unit *u, size_t at, int format)
{
	must(u->step_count > 0 && !u->array);
	if (u->param_count == u->param_cap) {
		u->param_cap = u->param_cap ? u->param_cap * 2 : 16;
		u->params = mem_grow(u->params, u->param_cap, sizeof *u->params);
	}
	size_t len = at == SIZE_MAX ? 0 : u->values.n - at;
	must(len <= INT_MAX);
	u->params[u->param_count++] = (struct pg_param){at, (int)len, format};
	must(++u->steps[u->step_count - 1].params <= PARAMS_MAX);
	if (at != SIZE_MAX)
		buf_char(&u->values, 0);
}

void pg_put_null(struct pg_unit *u)
{
	param(u, SIZE_MAX, 0);
}

/* A NUL can't stand in PostgreSQL's text and would end the value there: it becomes U+FFFD. */
static void put_run(struct buf *b, struct str s)
{
	while (s.n) {
		const char *nul = memchr(s.p, 0, s.n);
		size_t n = nul ? (size_t)(nul - s.p) : s.n;
		buf_put(b, s.p, n);
		if (!nul)
			break;
		buf_text(b, "\xEF\xBF\xBD");
		s.p += n + 1;
		s.n -= n + 1;
	}
}

void pg_put_str(struct pg_unit *u, struct str s)
{
	size_t at = u->values.n;
	put_run(&u->values, s);
	param(u, at, 0);
}

void pg_put_text(struct pg_unit *u, const char *s)
{
	if (s)
		pg_put_str(u, str_of(s));
	else
		pg_put_null(u);
}

void pg_put_int(struct pg_unit *u, int64_t v)
{
	size_t at = u->values.n;
	buf_int(&u->values, v);
	param(u, at, 0);
}

void pg_put_bool(struct pg_unit *u, bool v)
{
	size_t at = u->values.n;
	buf_char(&u->values, v ? 't' : 'f');
	param(u, at, 0);
}

void pg_put_bytes(struct pg_unit *u, const uint8_t *p, size_t n)
{
	size_t at = u->values.n;
	buf_put(&u->values, p, n);
	param(u, at, 1);
}

void pg_put_u256(struct pg_unit *u, struct u256 v)
{
	char text[U256_DEC_MAX];
	u256_to_dec(text, v);
	pg_put_str(u, str_of(text));
}

/* The values of an array stand behind each other as one text; the parameter begins at its brace. */
void pg_array_open(struct pg_unit *u)
{
	must(!u->array);
	u->array = true;
	u->array_items = false;
	u->array_at = u->values.n;
	buf_char(&u->values, '{');
}

static struct buf *item(struct pg_unit *u)
{
	must(u->array);
	if (u->array_items)
		buf_char(&u->values, ',');
	u->array_items = true;
	return &u->values;
}

/* Quoted: a word could be null, and braces, commas and spaces mean something. */
void pg_item_text(struct pg_unit *u, struct str s)
{
	struct buf *b = item(u);
	buf_char(b, '"');
	while (s.n) {
		size_t n = 0;
		while (n < s.n && s.p[n] != '"' && s.p[n] != '\\')
			n++;
		put_run(b, (struct str){s.p, n});
		if (n < s.n) {
			buf_char(b, '\\');
			buf_char(b, s.p[n++]);
		}
		s.p += n;
		s.n -= n;
	}
	buf_char(b, '"');
}

void pg_item_int(struct pg_unit *u, int64_t v)
{
	buf_int(item(u), v);
}

void pg_item_bytes(struct pg_unit *u, const uint8_t *p, size_t n)
{
	struct buf *b = item(u);
	buf_text(b, "\"\\\\x");
	buf_hex(b, p, n);
	buf_char(b, '"');
}

void pg_item_u256(struct pg_unit *u, struct u256 v)
{
	char text[U256_DEC_MAX];
	u256_to_dec(text, v);
	buf_text(item(u), text);
}

void pg_item_null(struct pg_unit *u)
{
	buf_text(item(u), "NULL");
}

void pg_array_close(struct pg_unit *u)
{
	must(u->array);
	u->array = false;
	buf_char(&u->values, '}');
	param(u, u->array_at, 0);
}

void pg_unit_clear(struct pg_unit *u)
{
	for (size_t i = 0; i < u->step_count; i++)
		PQclear(u->results[i]);
	if (u->values.cap > KEEP_BYTES)
		buf_fini(&u->values);
	buf_clear(&u->values);
	u->param_count = u->step_count = u->at = u->given = 0;
	u->array = u->begun = false;
	u->reply = (struct pg_reply){.failed = -1};
}

void pg_unit_free(struct pg_unit *u)
{
	pg_unit_clear(u);
	buf_fini(&u->values);
	free(u->params);
	free(u->steps);
	free(u->results);
	free(u);
}

void pg_vector_fill(struct pg_vector *v, const struct pg_unit *u, const struct pg_step *s)
{
	if (s->params > v->cap) {
		v->cap = s->params < 64 ? 64 : s->params;
		v->values = mem_grow(v->values, v->cap, sizeof *v->values);
		v->lengths = mem_grow(v->lengths, v->cap, sizeof *v->lengths);
		v->formats = mem_grow(v->formats, v->cap, sizeof *v->formats);
	}
	for (size_t i = 0; i < s->params; i++) {
		const struct pg_param *p = &u->params[s->first + i];
		v->values[i] = p->at == SIZE_MAX ? NULL : u->values.p + p->at;
		v->lengths[i] = p->len;
		v->formats[i] = p->format;
	}
}

void pg_vector_fini(struct pg_vector *v)
{
	free(v->values);
	free(v->lengths);
	free(v->formats);
	*v = (struct pg_vector){0};
}

void pg_list_init(struct pg_list *q)
{
	q->head = NULL;
	q->end = &q->head;
}

void pg_list_put(struct pg_list *q, struct pg_unit *u)
{
	u->next = NULL;
	*q->end = u;
	q->end = &u->next;
}

struct pg_unit *pg_list_take(struct pg_list *q)
{
	struct pg_unit *u = q->head;
	q->head = u->next;
	if (!q->head)
		q->end = &q->head;
	return u;
}

void pg_list_move(struct pg_list *to, struct pg_list *from)
{
	if (!from->head)
		return;
	*to->end = from->head;
	to->end = from->end;
	pg_list_init(from);
}
