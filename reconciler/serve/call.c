#include "reconciler/serve/call.h"

#include "common/base/mem.h"
#include "common/evm/abi.h"
#include "common/io/rpc.h"

#include <stdlib.h>

struct call_desk {
	struct loop *loop;
	const struct config *config;
	struct rpc **rpcs; /* one a chain, made when it is asked */
};
struct calls { /* one list, in the arena of its names */
	struct call_desk *d;
	struct serve_names *names;
	call_done_fn fn;
	void *arg;
	struct one_call {
		struct calls *of;
		const struct call_decl *decl;
		bool asked, done;
	} * list;
	size_t n, under_way; /* under_way: asked and not answered */
	enum call_outcome outcome;
	const char *detail;
	struct err inner;
};

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

static struct call_scope scope_of(struct calls *r)
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

static void put_value(struct calls *r, const char *name, const struct abi_type *t, const struct abi_value *v)
{
	struct buf b = {0};
	abi_value_text(&b, t, v);
	names_put(r->names, name, kind_of(t), keep(r->names->a, &b));
}

/* NAME.member of each, and all of them as one object. */
static void put_record(
	struct calls *r, const char *name, const struct abi_param *p, size_t n, const struct abi_value *v)
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

static bool take_result(struct one_call *c, struct str hex, struct err *e)
{
	struct calls *r = c->of;
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

static void fail(struct calls *r, enum call_outcome o, const char *detail, const struct err *inner)
{
	if (r->outcome != CALL_DONE)
		return;
	r->outcome = o;
	r->detail = detail;
	r->inner = *inner;
}

static void go_on(struct calls *r);

static void on_answer(void *arg, const struct rpc_reply *q)
{
	struct one_call *c = arg;
	struct calls *r = c->of;
	struct err e = {0};
	const struct call *call = c->decl->call;
	r->under_way--;
	c->done = true;
	if (!q->ok) {
		fail(r, CALL_LOST, "The chain can't be asked now; ask again", &q->err);
	} else if (!q->answers[0].ok) {
		struct buf data = {0};
		bool reverts = rpc_is_revert(&q->answers[0], &data);
		err_put(&e, ERR_REJECTED, "%s.%s: %.*s", call->contract->name, call->fn->as,
			(int)q->answers[0].message.n, q->answers[0].message.p);
		if (reverts)
			fail(r, CALL_REVERTS, "The contract refuses what it is asked here", &e);
		else
			fail(r, CALL_LOST, "The chain can't be asked now; ask again", &e);
		buf_fini(&data);
	} else if (!take_result(c, q->answers[0].result, &e)) {
		fail(r, CALL_LOST, "The chain's answer can't be read", &e);
	}
	go_on(r);
}

static struct rpc *rpc_of(struct call_desk *d, const struct chain_decl *chain)
{
	size_t i = (size_t)(chain - d->config->chains);
	if (!d->rpcs[i])
		d->rpcs[i] = rpc_open(d->loop, chain_endpoint(chain, ENDPOINT_READ)->url, chain->timeout_ms);
	return d->rpcs[i];
}

static bool ask(struct one_call *c, struct err *e)
{
	struct calls *r = c->of;
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
	const struct calls *r;
	bool ready;
};

/* Is this name, or the record before its dot, made by a call that is not done? */
static void on_name(void *arg, const struct call *name)
{
	struct needing *n = arg;
	for (size_t i = 0; i < n->r->n; i++) {
		const struct one_call *c = &n->r->list[i];
		size_t len = strlen(c->decl->name);
		bool its = name->text.n >= len && memcmp(name->text.p, c->decl->name, len) == 0 &&
				   (name->text.n == len || name->text.p[len] == '.');
		n->ready &= !its || c->done;
	}
}

static void begin(struct one_call *c)
{
	struct calls *r = c->of;
	struct err e = {0};
	struct needing n = {r, true};
	call_each_name(c->decl->call, on_name, &n);
	if (!n.ready)
		return;
	c->asked = true;
	if (c->decl->call->kind == CALL_CHAIN) {
		if (!ask(c, &e))
			fail(r, CALL_BAD, "A value is none that the contract takes", &e);
		return;
	}
	struct str text;
	struct call_scope scope = scope_of(r);
	if (call_text(r->names->a, c->decl->call, NULL, &scope, &text, &e))
		names_put(r->names, c->decl->name, NAME_TEXT, text);
	else
		fail(r, e.class == ERR_TRANSIENT ? CALL_LOST : CALL_BAD, "A value is none that this route can use",
			&e);
	c->done = true;
}

/* A call only needs those before it, so one walk in order begins all that can begin. */
static void go_on(struct calls *r)
{
	for (size_t i = 0; i < r->n && r->outcome == CALL_DONE; i++)
		if (!r->list[i].asked)
			begin(&r->list[i]);
	if (r->under_way == 0)
		r->fn(r->arg, r->outcome, r->detail, r->outcome == CALL_DONE ? NULL : &r->inner);
}

void call_run(struct call_desk *d, const struct call_decl *calls, size_t n, struct serve_names *names,
	call_done_fn fn, void *arg)
{
	struct calls *r = arena_alloc(names->a, sizeof *r);
	*r = (struct calls){.d = d, .n = n, .names = names, .fn = fn, .arg = arg};
	r->list = arena_alloc(names->a, (n + 1) * sizeof *r->list);
	for (size_t i = 0; i < n; i++)
		r->list[i] = (struct one_call){.of = r, .decl = &calls[i]};
	go_on(r);
}

struct call_desk *call_desk_open(struct loop *l, const struct config *c)
{
	struct call_desk *d = mem_alloc(sizeof *d);
	d->loop = l;
	d->config = c;
	d->rpcs = mem_alloc((c->nchains + 1) * sizeof(struct rpc *));
	return d;
}

static void free_desk(void *arg)
{
	struct call_desk *d = arg;
	free(d->rpcs);
	free(d);
}

void call_desk_close(struct call_desk *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < d->config->nchains; i++)
		if (d->rpcs[i])
			rpc_close(d->rpcs[i]);
	loop_before_free(d->loop, free_desk, d);
}
