#include "reconciler/diff.h"

#include <cjson/cJSON.h>

static bool scope_name(void *arg, struct str name, struct str *value, struct err *e)
{
	const cJSON *v = NULL, *row = arg;
	cJSON_ArrayForEach(v, row) if (str_is(name, v->string)) break;
	if (!v || !cJSON_IsString(v))
		return err_set(e, ERR_REJECTED, "column %.*s is %s", (int)name.n, name.p, v ? "null" : "not there");
	*value = str_of(v->valuestring);
	return true;
}

struct call_scope diff_scope(const struct cJSON *row)
{
	union {
		const struct cJSON *in;
		void *out;
	} arg = {.in = row};
	return (struct call_scope){.arg = arg.out, .name = scope_name};
}

static bool is_empty(const struct abi_type *t, const struct abi_value *v)
{
	switch (t->kind) {
	case ABI_UINT:
	case ABI_INT:
	case ABI_BOOL: return u256_is_zero(v->number);
	case ABI_ARRAY:
	case ABI_TUPLE: return v->n == 0;
	case ABI_ADDRESS:
	case ABI_BYTESN:
	case ABI_BYTES:
	case ABI_STRING:
	case ABI_FUNCTION: break;
	}
	for (size_t i = 0; i < v->bytes.n; i++)
		if (v->bytes.p[i])
			return false;
	return true;
}

struct sides { /* of one row, over all its columns */
	struct buf chain, told;
	bool differs, all_empty, unreadable;
};

static void compare_value(struct sides *s, const cJSON *row, const char *column, const struct abi_type *t,
	const struct abi_value *v)
{
	struct buf text = {0};
	abi_value_text(&text, t, v);
	struct str chain = {text.p ? text.p : "", text.n};
	const cJSON *ours = cJSON_GetObjectItemCaseSensitive(row, column);
	buf_text(&s->chain, s->chain.n > 1 ? "," : "");
	buf_json(&s->chain, str_of(column));
	buf_char(&s->chain, ':');
	buf_json(&s->chain, chain);
	bool same = cJSON_IsString(ours) && str_is(chain, ours->valuestring);
	if (!same) {
		s->differs = true;
		buf_printf(&s->told, "%s%s: ours %s, chain %.*s", s->told.n ? "; " : "", column,
			cJSON_IsString(ours) ? ours->valuestring : "null", (int)chain.n, chain.p);
	}
	s->all_empty = s->all_empty && is_empty(t, v);
	buf_fini(&text);
}

static void compare_call(
	struct arena *a, struct sides *s, const cJSON *row, const struct compare_column *k, struct bytes answer)
{
	const struct abi_entry *fn = k->call.fn;
	struct abi_value *v = arena_alloc(a, (fn->nout + 1) * sizeof *v);
	struct err e;
	if (!answer.p || fn->nout == 0 || !abi_decode(a, answer, fn->out, fn->nout, v, &e)) {
		s->unreadable = true;
		return;
	}
	if (k->column) {
		compare_value(s, row, k->column, &fn->out[0].type, &v[0]);
		return;
	}
	for (size_t i = 0; i < fn->nout; i++) /* the whole call: its outputs meet the columns of the same names */
		if (cJSON_GetObjectItemCaseSensitive(row, fn->out[i].name))
			compare_value(s, row, fn->out[i].name, &fn->out[i].type, &v[i]);
}

void diff_row(struct arena *a, const struct compare_decl *c, const struct cJSON *row,
	const struct bytes *answers, struct diff *out)
{
	struct sides s = {.all_empty = true};
	buf_char(&s.chain, '{');
	for (size_t i = 0; i < c->ncolumns; i++)
		compare_call(a, &s, row, &c->columns[i], answers[i]);
	buf_char(&s.chain, '}');
	out->verdict = s.unreadable  ? DIFF_UNREADABLE
				   : !s.differs  ? DIFF_SAME
				   : s.all_empty ? DIFF_NONE
								 : DIFF_OTHER;
	out->chain = (struct str){arena_textn(a, s.chain.p, s.chain.n), s.chain.n};
	out->told = (struct str){arena_textn(a, s.told.p ? s.told.p : "", s.told.n), s.told.n};
	buf_fini(&s.chain);
	buf_fini(&s.told);
}

bool diff_may_fix(int64_t differ, int64_t rows, uint64_t most_percent)
{
	/* a table of few rows may always have one that differs: 5 % of ten rows would forbid every repair */
	return differ <= 1 || differ * 100 <= rows * (int64_t)most_percent;
}
