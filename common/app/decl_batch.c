#include "common/app/decl.h"

static const char *key_of(struct loading *l, const struct value *key)
{
	const struct value *one = key->form == VALUE_LIST && key->n == 1 ? key->items : key;
	if (key->form == VALUE_LIST && key->n > 1) {
		problem_add(l->ps, key->at, "%s: a key of several names is not in this version", key->path);
		return NULL;
	}
	return decl_text(one);
}

static void retry(struct loading *l, const struct value *v, struct batch_decl *b)
{
	const struct value *retry = value_get(v, "retry");
	const struct value *tries = value_get(retry, "tries"), *first = value_get(retry, "first"),
					   *max = value_get(retry, "max");
	b->tries = (uint32_t)tries->number;
	b->retry_first_ms = first->number;
	b->retry_max_ms = max->number;
	b->retry_grow = value_get(retry, "grow")->flag;
	if (tries->set && (tries->number == 0 || tries->number > 1000000))
		problem_add(l->ps, tries->at, "%s is from 1 to 1000000", tries->path);
	if (first->set && max->set && first->number > max->number) {
		if (max->written)
			problem_add(l->ps, max->at, "%s is less than first", max->path);
		else
			b->retry_max_ms = first->number;
	}
}

/* "12s", "5m", or the word cheap. */
static void within(struct loading *l, const struct value *v, struct batch_decl *b)
{
	const struct value *within = value_get(v, "within");
	struct unit_error e = {0};
	if (!within->set || str_is(within->text, "cheap"))
		return;
	if (!unit_duration(within->text, &b->within_ms, &e) || b->within_ms == 0)
		problem_add(l->ps, within->at, "%s is a duration, as 12s or 5m, or the word cheap, not %.*s",
			within->path, (int)within->text.n, within->text.p);
}

static void send(struct loading *l, const struct value *v, struct batch_decl *b, bool items)
{
	const struct value *send = value_get(v, "send");
	struct scope any = {
		.a = l->a, .what = v->path, .open = true}; /* names are looked up when all adders are known */
	int signer = decl_pick(l, value_get(v, "signer"), "signer", value_get(l->root, "signers"));
	b->signer = signer < 0 ? NULL : &l->signers[signer];
	if (!send->set)
		return;
	decl_call(l, send->call, &any, send->path, items);
	b->send = *send->call;
	if (b->send.kind != CALL_CHAIN) {
		problem_add(l->ps, b->send.at, "%s is a call of a contract: Contract.fn(…)", send->path);
		return;
	}
	const struct abi_entry *fn = b->send.fn;
	if (fn && fn->view)
		problem_add(l->ps, b->send.at, "%s.%s only reads (view); a transaction changes something",
			b->send.contract->name, fn->as);
	if (fn && b->signer && b->signer->chain && b->send.contract->chain &&
		b->send.contract->chain != b->signer->chain)
		problem_add(l->ps, b->send.at, "%s is on another chain than %s, who signs", b->send.contract->name,
			b->signer->name);
}

/* What a batch and the send of a route have alike: retry, skip, send, signer. */
static void sending(struct loading *l, const struct value *v, struct batch_decl *b, bool items)
{
	const struct value *skip = value_get(v, "skip");
	struct scope any = {.a = l->a, .what = v->path, .open = true};
	b->has_skip = skip->set;
	if (skip->set) {
		decl_check(l, skip->check, &any, skip->path);
		b->skip = *skip->check;
	}
	retry(l, v, b);
	within(l, v, b);
	send(l, v, b, items);
}

static void one_batch(struct loading *l, const struct value *v, struct batch_decl *b)
{
	const struct value *key = value_get(v, "key"), *max = value_get(v, "max"), *gas = value_get(v, "gas");
	b->key = key_of(l, key);
	b->key_at = key->at;
	b->max = max->number;
	b->gas = gas->number;
	b->wait_ms = value_get(v, "wait")->number;
	b->pause_ms = value_get(v, "pause")->number;
	b->let = value_get(v, "let")->sql;
	b->missing = str_is(value_get(v, "else")->text, "skip") ? MISSING_SKIP : MISSING_PARK;
	if (max->set && (b->max == 0 || b->max > 10000))
		problem_add(l->ps, max->at, "%s is from 1 to 10000", max->path);
	if (gas->set && (gas->number < 21000 || gas->number > INT64_MAX))
		problem_add(l->ps, gas->at, "%s is 21000 or more: what every transaction takes", gas->path);
	if (value_get(v, "else")->written && !value_get(v, "let")->node)
		problem_add(l->ps, value_get(v, "else")->name_at, "%s: else is of let, which is not there", v->path);
	sending(l, v, b, true);
}

/* The first send of a route, or NULL: a second one is refused where the steps are read. */
static const struct value *send_of(const struct value *route)
{
	const struct value *steps = route->form == VALUE_MAP ? value_get(route, "do") : NULL;
	for (size_t i = 0; steps && steps->form == VALUE_LIST && i < steps->n; i++)
		if (steps->items[i].form == VALUE_MAP && steps->items[i].n &&
			strcmp(steps->items[i].items->key->word, "send") == 0)
			return &steps->items[i];
	return NULL;
}

/* its name, or routeN */
static const char *decl_route_name(struct loading *l, const struct value *route)
{
	const struct value *name = value_get(route, "name");
	return name->set ? name->text.p
					 : arena_printf(l->a, "route%zu", (size_t)(route - value_get(l->root, "routes")->items));
}

/* One item a request: its key is the number of its job, which is never given twice (GRAMMAR §8). */
static void route_batches(struct loading *l)
{
	const struct value *map = value_get(l->root, "routes");
	l->route_batches = arena_alloc(l->a, (map->n + 1) * sizeof *l->route_batches);
	value_each(v, map)
	{
		const struct value *step = send_of(v);
		if (!step)
			continue;
		struct batch_decl *b = &l->batches[l->c->nbatches++];
		const struct value *name = value_get(v, "name");
		*b = (struct batch_decl){.name = decl_route_name(l, v), .at = step->at, .key = "job.id", .max = 1};
		b->key_at = step->at;
		if (!name->set) /* a name that is written is declared with its route */
			decl_name(l, b->name, "route", step->at);
		sending(l, step, b, false);
		l->route_batches[l->nroute_batches++] = (struct route_batch){v, step, b};
	}
}

struct batch_decl *decl_route_batch(const struct loading *l, const struct value *route)
{
	for (size_t i = 0; i < l->nroute_batches; i++)
		if (l->route_batches[i].route == route)
			return l->route_batches[i].batch;
	return NULL;
}

void decl_batches(struct loading *l)
{
	const struct value *map = value_get(l->root, "batches");
	size_t most = map->n + value_get(l->root, "routes")->n;
	l->c->batches = l->batches = arena_alloc(l->a, (most + 1) * sizeof *l->batches);
	l->c->nbatches = map->n;
	value_each(v, map)
	{
		struct batch_decl *b = &l->batches[v - map->items];
		*b = (struct batch_decl){.name = v->name, .at = v->name_at};
		decl_name(l, v->name, "batch", v->name_at);
		if (v->set)
			one_batch(l, v, b);
	}
	route_batches(l);
}

/* Names of items: collected from key, let, skip and send, and looked up in every rule that adds to the batch.
 */
struct using
{
	struct loading *l;
	const struct batch_decl *b;
	const char **made; /* by let */
	size_t nmade, nused;
	bool sure; /* made is all that let makes */
	bool has_let;
	const char **used;
	bool in_let, in_send;
};

static bool made_by_let(const struct using *u, struct str name)
{
	for (size_t i = 0; i < u->nmade; i++)
		if (str_is(name, u->made[i]))
			return true;
	return false;
}

static void keep(struct using *u, struct str name)
{
	for (size_t i = 0; i < u->nused; i++)
		if (str_is(name, u->used[i]))
			return;
	u->used =
		memcpy(arena_alloc(u->l->a, (u->nused + 2) * sizeof *u->used), u->used, u->nused * sizeof *u->used);
	u->used[u->nused++] = arena_textn(u->l->a, name.p, name.n);
}

static void look_up(struct using *u, struct str name, struct pos at, const char *prefix)
{
	bool anywhere = false, closed = false;
	if (!u->in_let && made_by_let(u, name))
		return;
	for (const struct adder *d = u->l->adders; d; d = d->next)
		for (size_t i = 0; d->batch == u->b && i < d->nscopes; i++) {
			anywhere |= scope_has(&d->scopes[i], name);
			closed |= !d->scopes[i].open;
		}
	if (!u->in_let && u->has_let && !u->sure && !anywhere && closed)
		return; /* only let can make it: PostgreSQL will tell */
	keep(u, name);
	for (const struct adder *d = u->l->adders; d; d = d->next)
		for (size_t i = 0; d->batch == u->b && i < d->nscopes; i++) {
			struct scope s = d->scopes[i];
			s.cap = s.n; /* what is added now is ours alone */
			for (size_t k = 0; !u->in_let && k < u->nmade; k++)
				scope_add(&s, u->made[k], SCOPE_SHOWN);
			scope_check(&s, name, at, prefix, u->l->ps);
		}
}

static void on_name(void *arg, const struct call *name)
{
	struct using *u = arg;
	if (name->kind == CALL_NAME && u->in_send && u->b->max > 1 && !memchr(name->text.p, '.', name->text.n))
		problem_add(u->l->ps, name->at, "%.*s is of one item, and a batch has up to %llu; write %.*s[]",
			(int)name->text.n, name->text.p, (unsigned long long)u->b->max, (int)name->text.n, name->text.p);
	look_up(u, name->text, name->at, "");
}

void decl_batch_names(struct loading *l)
{
	for (size_t i = 0; i < l->c->nbatches; i++) {
		struct batch_decl *b = &l->batches[i];
		struct using u = {
			.l = l, .b = b, .used = arena_alloc(l->a, sizeof *u.used), .has_let = b->let != NULL};
		u.sure = !b->let || sqltext_columns(l->a, b->let, &u.made, &u.nmade);
		u.in_let = true; /* key and let know only what the item has */
		if (b->key)
			look_up(&u, str_of(b->key), b->key_at, "");
		for (size_t k = 0; b->let && k < b->let->nparts; k++)
			if (b->let->parts[k].kind == SQL_NAME)
				look_up(&u, b->let->parts[k].text, b->let->parts[k].at, ":");
		u.in_let = false;
		if (b->has_skip) {
			call_each_name(&b->skip.left, on_name, &u);
			call_each_name(&b->skip.right, on_name, &u);
		}
		u.in_send = true;
		call_each_name(&b->send, on_name, &u);
		b->names = u.used;
		b->nnames = u.nused;
	}
}
