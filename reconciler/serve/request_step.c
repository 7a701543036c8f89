#include "reconciler/serve/request_in.h"

#include "common/evm/typed.h"
#include "reconciler/serve/json.h"
#include "reconciler/serve/read.h"

#include <stdio.h>

/* ── texts and values ── */

static struct str value_of(const void *arg, const char *name)
{
	const struct run *r = arg;
	const struct serve_name *n = name ? names_find(&r->names, str_of(name)) : NULL;
	return n ? n->text : (struct str){NULL, 0};
}

static struct str fill(struct run *r, const struct template *t)
{
	struct buf b = {0};
	for (size_t i = 0; i < t->n; i++) {
		const struct serve_name *n = t->parts[i].is_name ? names_find(&r->names, t->parts[i].text) : NULL;
		if (!t->parts[i].is_name)
			buf_str(&b, t->parts[i].text);
		else if (n && n->text.p)
			buf_str(&b, n->text);
	}
	struct str s = {arena_textn(r->a, b.p ? b.p : "", b.n), b.n};
	buf_fini(&b);
	return s;
}

/* A moment to the last digit: what was read finds its row again. "2024-05-06 05:08:09.123456+00" as
 * PostgreSQL writes it in UTC. */
static bool whole_moment(struct run *r, struct str cell, struct str *out)
{
	if (cell.n < 22 || cell.p[cell.n - 3] != '+' || cell.p[10] != ' ' || memchr(cell.p, '.', cell.n) == NULL)
		return false;
	char *text = arena_textn(r->a, cell.p, cell.n);
	text[10] = 'T';
	text[cell.n - 3] = 'Z';
	*out = (struct str){text, cell.n - 2};
	return true;
}

/* One cell in the text form of §10. */
static void put_name(struct run *r, const char *name, const struct row_column *c, struct str cell)
{
	struct buf b = {0};
	struct arena *a = r->a;
	if (!cell.p) {
		names_put(&r->names, arena_text(a, name), NAME_TEXT, cell);
		return;
	}
	row_put_value(&b, c->kind, c->array, c->delimiter, cell);
	struct str text = {arena_textn(a, b.p, b.n), b.n};
	buf_fini(&b);
	bool json = c->array || c->kind == ROW_JSON ||
				((c->kind == ROW_NUMBER || c->kind == ROW_BOOL) && text.n && text.p[0] != '"');
	if (!json && c->kind == ROW_TIME && whole_moment(r, cell, &text)) {
		names_put(&r->names, arena_text(a, name), NAME_TEXT, text);
		return;
	}
	if (!json && text.n && text.p[0] == '"')
		text = json_string(a, text);
	names_put(&r->names, arena_text(a, name), json ? NAME_JSON : NAME_TEXT, text);
}

static bool put_statement(struct run *r, const struct plan_sql *p)
{
	const char **values = arena_alloc(r->a, (p->nparams + 1) * sizeof *values);
	struct err e = {0};
	if (!plan_bind(r->a, p, &r->names, values, &e)) {
		run_fail(r, 400, "22000", e.text, NULL);
		return false;
	}
	struct pg_unit *u = run_unit(r, r->step);
	if (!u)
		return false;
	pg_stmt(u, &p->write);
	pg_stmt_types(u, p->write_types, (int)p->nparams);
	for (size_t i = 0; i < p->nparams; i++)
		pg_put_text(u, values[i]);
	return true;
}

/* Runs the step's SQL and looks at it before what follows. */
static bool look(struct run *r, const struct plan_sql *p)
{
	if (put_statement(r, p))
		run_flush(r, r->nstmts - 1);
	return false;
}

/* ── the verbs ── */

/* The names that an item keeps, in their text forms. */
static struct str item_args(struct run *r, const struct batch_decl *b)
{
	struct buf out = {0};
	buf_char(&out, '{');
	for (size_t i = 0; i < b->nnames; i++) {
		struct str v = value_of(r, b->names[i]);
		buf_text(&out, i ? "," : "");
		buf_json(&out, str_of(b->names[i]));
		buf_char(&out, ':');
		if (v.p)
			buf_json(&out, v);
		else
			buf_text(&out, "null");
	}
	buf_char(&out, '}');
	struct str s = {arena_textn(r->a, out.p, out.n), out.n};
	buf_fini(&out);
	return s;
}

static bool post(struct run *r, const struct request_step *s)
{
	struct str args = item_args(r, s->batch), trace = r->v ? r->v->trace : r->job.trace;
	struct pg_unit *u = run_unit(r, r->step);
	if (!u)
		return false;
	request_post_item(u, s->batch->name, value_of(r, s->batch->key), args, trace);
	return true;
}

static bool wish(struct run *r, enum wish w, const char *subject, const struct request_step *s)
{
	struct pg_unit *u = run_unit(r, r->step);
	if (u)
		request_wish(u, w, subject, s->from_start ? -1 : s->has_from ? (int64_t)s->from : INT64_MIN);
	return u != NULL;
}

static bool publish_row(struct run *r, const struct request_step *s, struct str data)
{
	struct str topic = fill(r, s->text), kind = s->kind ? fill(r, s->kind) : (struct str){NULL, 0};
	struct pg_unit *u = run_unit(r, r->step);
	if (u)
		request_post_message(u, topic.p, kind.p, data);
	r->published |= u != NULL;
	return u != NULL;
}

/* Without data: what the request brought. */
static bool publish(struct run *r, const struct request_step *s)
{
	if (s->sql)
		return look(r, &r->plan->steps[r->step].sql);
	struct buf b = {0};
	buf_char(&b, '{');
	for (size_t i = 0, n = 0; i < r->names.n; i++) {
		const struct serve_name *m = &r->names.list[i];
		if (strchr(m->name, '.'))
			continue;
		buf_text(&b, n++ ? "," : "");
		buf_json(&b, str_of(m->name));
		buf_char(&b, ':');
		if (!m->text.p)
			buf_text(&b, "null");
		else if (m->kind == NAME_JSON)
			buf_str(&b, m->text);
		else
			buf_json(&b, m->text);
	}
	buf_char(&b, '}');
	struct str data = {arena_textn(r->a, b.p, b.n), b.n};
	buf_fini(&b);
	return publish_row(r, s, data);
}

static bool line(struct run *r, const struct request_step *s)
{
	struct log_line *l = arena_alloc(r->a, sizeof *l);
	l->text = fill(r, s->text);
	*r->last_line = l;
	r->last_line = &l->next;
	return true;
}

/* Does the signature come from that address? A text that is none is a bad one. */
static bool good_signature(struct run *r, const struct request_step *s)
{
	struct str signature = value_of(r, s->signature), by = value_of(r, s->by);
	uint8_t digest[32], bytes[65], who[20], want[20];
	struct err e = {0};
	struct signature sig;
	if (signature.n != 132 || !hex_from(bytes, 65, signature) || by.n != 42 || !hex_from(want, 20, by))
		return false;
	if (s->type) {
		struct typed_domain d = {.name = s->domain.name,
			.version = s->domain.version,
			.chain_id = s->domain.contract->chain->id,
			.contract = s->domain.contract->addresses[0]};
		if (!typed_digest(digest, s->type, &d, value_of, r, &e))
			return false;
	} else {
		struct str message = value_of(r, s->message);
		if (!message.p)
			return false;
		typed_personal(digest, message);
	}
	memcpy(sig.r, bytes, 32);
	memcpy(sig.s, bytes + 32, 32);
	if (bytes[64] != 0 && bytes[64] != 1 && bytes[64] != 27 && bytes[64] != 28)
		return false;
	sig.recid = bytes[64] >= 27 ? bytes[64] - 27 : bytes[64];
	return key_recover(who, digest, &sig, &e) && memcmp(who, want, 20) == 0;
}

static bool verify(struct run *r, const struct request_step *s)
{
	struct str given = value_of(r, s->signature);
	bool good = s->optional && !given.n ? true : good_signature(r, s);
	if (s->as)
		names_put(&r->names, s->as, NAME_TEXT, good ? STR("true") : STR("false"));
	if (good || s->as)
		return true;
	run_else(r, &r->plan->steps[r->step].otherwise, 401, "The signature is not that of who it should be");
	return false;
}

static void called(void *arg, enum call_outcome o, const char *detail, const struct err *inner)
{
	struct run *r = arg;
	const struct plan_step *p = &r->plan->steps[r->step];
	switch (o) {
	case CALL_DONE:
		r->step++;
		run_go(r);
		return;
	case CALL_REVERTS: run_else(r, &p->otherwise, 422, detail); return;
	case CALL_BAD: run_fail(r, 400, "22000", detail, inner); return;
	case CALL_LOST:
		if (p->lost.sql)
			run_else(r, &p->lost, 503, detail);
		else
			run_fail(r, 503, NULL, detail, inner);
		return;
	}
}

bool step_do(struct run *r)
{
	const struct request_step *s = &r->route->steps[r->step];
	const struct plan_step *p = &r->plan->steps[r->step];
	switch (s->verb) {
	case REQ_SQL: return put_statement(r, &p->sql);
	case REQ_LET:
	case REQ_REFUSE:
	case REQ_REPLY: return look(r, &p->sql);
	case REQ_BATCH:
	case REQ_SEND: return post(r, s);
	case REQ_PUBLISH: return publish(r, s);
	case REQ_FLUSH: return wish(r, WISH_FLUSH, s->batch->name, s);
	case REQ_CATCHUP: return wish(r, WISH_CATCHUP, s->chain->name, s);
	case REQ_RUN: return wish(r, WISH_RUN, s->rule->name, s);
	case REQ_REPLAY: return wish(r, WISH_REPLAY, s->rule->name, s);
	case REQ_LOG: return line(r, s);
	case REQ_VERIFY: return verify(r, s);
	case REQ_CALL: call_run(r->q->calls, s->calls, s->ncalls, &r->names, called, r); return false;
	}
	return true;
}

/* ── what came back ── */

static bool row_answer(
	struct run *r, const struct plan_sql *p, const struct pg_reply *q, int stmt, int status)
{
	struct err e = {0};
	r->status = status;
	buf_clear(&r->body);
	if (p->has_status && !row_status(&p->row, q->results[stmt], 0, &r->status))
		err_put(&e, ERR_REJECTED, "_status is no HTTP status");
	else if (row_put(&r->body, &p->row, q->results[stmt], 0, &e))
		return true;
	run_fail(r, 500, NULL, NULL, &e);
	return false;
}

/* Written once: the stored answer of `once` is the whole of it. */
static bool reply(struct run *r, const struct plan_sql *p, const struct pg_reply *q, int stmt)
{
	const struct json_decl *wrap = r->route->wrap;
	if (!row_answer(r, p, q, stmt, 200))
		return false;
	r->replied = true;
	if (!wrap || r->status >= 400)
		return true;
	struct buf wrapped = {0};
	read_filled(&wrapped, r->q->reads, wrap, (struct str){r->body.p, r->body.n});
	buf_fini(&r->body);
	r->body = wrapped;
	return true;
}

static bool let(struct run *r, const struct plan_step *p, const struct pg_reply *q, int stmt)
{
	for (size_t i = 0; i < p->sql.row.n; i++) {
		const struct row_column *c = &p->sql.row.columns[i];
		put_name(
			r, c->name, c, pg_is_null(q, stmt, 0, c->at) ? (struct str){NULL, 0} : pg_get(q, stmt, 0, c->at));
	}
	return true;
}

bool step_looked(struct run *r, const struct request_step *s, const struct pg_reply *q, int stmt)
{
	const struct plan_step *p = &r->plan->steps[s - r->route->steps];
	int rows = pg_rows(q, stmt);
	struct err e = {0};
	r->step = (size_t)(s - r->route->steps);
	if (pg_columns(q, stmt) != (int)p->sql.ninputs) {
		err_put(&e, ERR_REJECTED, "its columns have changed since this program started");
		run_fail(r, 500, NULL, NULL, &e);
		return false;
	}
	if (rows > 1 && s->verb != REQ_PUBLISH) {
		err_put(&e, ERR_REJECTED, "it gave %d rows; one is needed", rows);
		run_fail(r, 500, "21000", NULL, &e);
		return false;
	}
	switch (s->verb) {
	case REQ_LET:
		if (rows)
			return let(r, p, q, stmt);
		run_else(r, &p->otherwise, 404, "There is no such thing");
		return false;
	case REQ_REFUSE:
		if (!rows)
			return true;
		if (row_answer(r, &p->sql, q, stmt, 400))
			run_refuse(r);
		return false;
	case REQ_REPLY:
		if (!rows) {
			run_fail(r, 404, "P0002", "There is no such thing", NULL);
			return false;
		}
		return reply(r, &p->sql, q, stmt);
	case REQ_PUBLISH:
		for (int i = 0; i < rows; i++) {
			struct buf b = {0};
			bool good = row_put(&b, &p->sql.row, q->results[stmt], i, &e) &&
						publish_row(r, s, (struct str){arena_textn(r->a, b.p, b.n), b.n});
			buf_fini(&b);
			if (!good) {
				if (e.text[0])
					run_fail(r, 500, NULL, NULL, &e);
				return false;
			}
		}
		return true;
	default: return true;
	}
}
