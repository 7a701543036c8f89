#include "common/evm/abi.h"
#include "reconciler/serve/read_in.h"

static bool name_value(void *arg, struct str name, struct str *value, struct err *e)
{
	const struct serve_name *n = names_find(arg, name);
	if (!n || !n->text.p)
		return err_set(e, ERR_REJECTED, "%.*s is null, and a call needs it", (int)name.n, name.p);
	*value = n->text;
	return true;
}

static const uint8_t *no_address(void *arg, const struct signer_decl *s)
{
	(void)arg;
	(void)s;
	return NULL;
}

static struct call_scope scope_of(struct read_run *r)
{
	return (struct call_scope){.arg = r->names, .name = name_value, .address = no_address};
}

static enum name_kind kind_of(const struct abi_type *t)
{
	return t->kind == ABI_ARRAY || t->kind == ABI_TUPLE ? NAME_JSON : NAME_TEXT;
}

static struct str keep(struct arena *a, struct buf *b)
{
	struct str s = {arena_textn(a, b->p ? b->p : "", b->n), b->n};
	buf_fini(b);
	return s;
}

static void put_value(
	struct read_run *r, const char *name, const struct abi_type *t, const struct abi_value *v)
{
	struct buf b = {0};
	abi_value_text(&b, t, v);
	names_put(r->names, name, kind_of(t), keep(r->names->a, &b));
}

/* NAME.member of each, and all of them as one object. */
static void put_record(
	struct read_run *r, const char *name, const struct abi_param *p, size_t n, const struct abi_value *v)
{
	struct arena *a = r->names->a;
	struct buf all = {0};
	buf_char(&all, '{');
	for (size_t i = 0; i < n; i++) {
		put_value(r, arena_printf(a, "%s.%s", name, p[i].name), &p[i].type, &v[i]);
		buf_text(&all, i ? "," : "");
		buf_json(&all, str_of(p[i].name));
		buf_char(&all, ':');
		abi_value_json(&all, &p[i].type, &v[i]);
	}
	buf_char(&all, '}');
	names_put(r->names, name, NAME_JSON, keep(a, &all));
}

static bool take_result(struct reading_call *c, struct str hex, struct err *e)
{
	struct read_run *r = c->of;
	struct arena *a = r->names->a;
	const struct abi_entry *fn = c->decl->call->fn;
	struct abi_value *v = arena_alloc(a, (fn->nout + 1) * sizeof *v);
	size_t n = hex.n >= 4 ? (hex.n - 4) / 2 : 0; /* "0x…" with its quotes */
	uint8_t *data = arena_alloc(a, n + 1);
	if (hex.n < 4 || hex.p[0] != '"' || !hex_from(data, n, (struct str){hex.p + 1, hex.n - 2}))
		return err_set(e, ERR_MALFORMED, "the node's answer is no hex text");
	if (n == 0 && fn->nout)
		return err_set(
			e, ERR_REJECTED, "%s has no code that answers %s", c->decl->call->contract->name, fn->as);
	if (!abi_decode(a, (struct bytes){data, n}, fn->out, fn->nout, v, e))
		return false;
	const struct abi_type *first = fn->nout == 1 ? &fn->out[0].type : NULL;
	if (first && first->kind != ABI_TUPLE)
		put_value(r, c->decl->name, first, &v[0]);
	else if (first)
		put_record(r, c->decl->name, first->fields, first->nfields, v[0].items);
	else
		put_record(r, c->decl->name, fn->out, fn->nout, v);
	return true;
}

static void fail(struct read_run *r, int status, const char *detail, const struct err *inner)
{
	if (r->failed)
		return;
	r->failed = true;
	r->bad = (struct read_answer){.status = status, .detail = detail};
	r->bad_err = *inner;
}

static void on_answer(void *arg, const struct rpc_reply *q)
{
	struct reading_call *c = arg;
	struct read_run *r = c->of;
	struct err e = {0};
	const struct call *call = c->decl->call;
	r->under_way--;
	c->done = true;
	if (!q->ok) {
		fail(r, 503, "The chain can't be asked now; ask again", &q->err);
	} else if (!q->answers[0].ok) {
		struct buf data = {0};
		bool reverts = rpc_is_revert(&q->answers[0], &data);
		err_put(&e, ERR_REJECTED, "%s.%s: %.*s", call->contract->name, call->fn->as,
			(int)q->answers[0].message.n, q->answers[0].message.p);
		fail(r, reverts ? 500 : 503,
			reverts ? "The contract refuses what this route asks it"
					: "The chain can't be asked now; ask again",
			&e);
		buf_fini(&data);
	} else if (!take_result(c, q->answers[0].result, &e)) {
		fail(r, 503, "The chain's answer can't be read", &e);
	}
	read_calls(r);
}

static struct rpc *rpc_of(struct read_door *d, const struct chain_decl *chain)
{
	size_t i = (size_t)(chain - d->o.config->chains);
	if (!d->rpcs[i])
		d->rpcs[i] = rpc_open(d->o.loop, chain_endpoint(chain, ENDPOINT_READ)->url, chain->timeout_ms);
	return d->rpcs[i];
}

static bool ask(struct reading_call *c, struct err *e)
{
	struct read_run *r = c->of;
	const struct call *call = c->decl->call;
	struct call_scope scope = scope_of(r);
	struct buf data = {0}, hex = {0};
	bool good = call_encode(r->names->a, call, &scope, &data, e);
	if (good) {
		char to[43];
		struct rpc_request *q = rpc_request(rpc_of(r->d, call->contract->chain));
		hex_to_0x(to, call->contract->addresses[0], 20);
		buf_hex(&hex, (const uint8_t *)data.p, data.n);
		rpc_call(q, "eth_call", "[{\"to\":\"%s\",\"data\":\"0x%s\"},\"latest\"]", to, hex.p);
		r->under_way++;
		rpc_send(q, on_answer, c);
	}
	buf_fini(&data);
	buf_fini(&hex);
	return good;
}

struct needing {
	const struct read_run *r;
	bool ready;
};

/* Is this name, or the record before its dot, made by a call that is not done? */
static void on_name(void *arg, const struct call *name)
{
	struct needing *n = arg;
	for (size_t i = 0; i < n->r->p->route->ncalls; i++) {
		const struct reading_call *c = &n->r->calls[i];
		size_t len = strlen(c->decl->name);
		bool its = name->text.n >= len && memcmp(name->text.p, c->decl->name, len) == 0 &&
				   (name->text.n == len || name->text.p[len] == '.');
		n->ready &= !its || c->done;
	}
}

static void begin(struct reading_call *c)
{
	struct read_run *r = c->of;
	struct err e = {0};
	struct needing n = {r, true};
	call_each_name(c->decl->call, on_name, &n);
	if (!n.ready)
		return;
	c->asked = true;
	if (c->decl->call->kind == CALL_CHAIN) {
		if (!ask(c, &e))
			fail(r, 400, "A value is none that the contract takes", &e);
		return;
	}
	struct str text;
	struct call_scope scope = scope_of(r);
	if (call_text(r->names->a, c->decl->call, NULL, &scope, &text, &e))
		names_put(r->names, c->decl->name, NAME_TEXT, text);
	else
		fail(r, e.class == ERR_TRANSIENT ? 503 : 400, "A value is none that this route can use", &e);
	c->done = true;
}

/* A call only needs those before it, so one walk in order begins all that can begin. */
void read_calls(struct read_run *r)
{
	for (size_t i = 0; i < r->p->route->ncalls && !r->failed; i++)
		if (!r->calls[i].asked)
			begin(&r->calls[i]);
	if (r->under_way)
		return;
	if (r->failed)
		read_fail(r, r->bad.status, r->bad.detail, &r->bad_err);
	else
		read_sql(r);
}
