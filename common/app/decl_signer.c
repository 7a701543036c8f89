#include "common/app/decl.h"
#include "common/evm/key.h"

static void gas(struct loading *l, const struct value *v, struct signer_decl *s)
{
	const struct value *gas = value_get(v, "gas"), *margin = value_get(gas, "margin"),
					   *limit = value_get(gas, "limit");
	const struct value *max = value_get(gas, "max"), *tip = value_get(gas, "tip");
	s->gas_limit = limit->number;
	s->margin_num = margin->set ? margin->ratio.num : 1;
	s->margin_den = margin->set ? margin->ratio.den : 1;
	if (margin->set && s->margin_num < s->margin_den)
		problem_add(
			l->ps, margin->at, "%s is less than 1: the limit would be below the estimate", margin->path);
	if (margin->set && s->margin_num / s->margin_den > 100)
		problem_add(l->ps, margin->at, "%s is more than 100", margin->path);
	if (limit->set && limit->number < 21000)
		problem_add(l->ps, limit->at, "%s is less than 21000, which every transaction costs", limit->path);
	s->has_max = max->set;
	s->max = max->amount;
	s->has_tip = tip->set;
	s->tip = tip->amount;
	if (max->set && tip->set && u256_lt(max->amount, tip->amount))
		problem_add(l->ps, tip->at, "%s is more than max", tip->path);
}

static void source(struct loading *l, const struct value *v, struct signer_decl *s, struct key **key)
{
	const struct value *hex = value_get(v, "key"), *file = value_get(v, "keyfile");
	struct err e = {0};
	if (hex->set && file->set)
		problem_add(l->ps, file->name_at, "%s has key and keyfile; one of them", v->path);
	if (hex->node && !hex->set && hex->scalar.nvars == 1 && hex->scalar.vars[0].set)
		problem_add(l->ps, hex->at, "%.*s is empty; %s needs a key", (int)hex->scalar.vars[0].name.n,
			hex->scalar.vars[0].name.p, v->path);
	else if (!hex->node && !file->node)
		problem_add(l->ps, v->name_at, "%s needs key: ${VAR}, or keyfile", v->path);
	s->keyfile = file->set ? decl_path(l, file->text.p) : NULL;
	if (!hex->set)
		return;
	s->key.value = (char *)(uintptr_t)hex->text.p;
	*key = key_from_hex(hex->text, &e);
	if (!*key) /* K-37: the text of key_from_hex never quotes it */
		problem_add(l->ps, hex->at, "%s: %s", hex->path, e.text);
}

static void lanes(struct loading *l, struct key *const *keys)
{
	for (size_t i = 0; i < l->c->nsigners; i++)
		for (size_t k = 0; k < i; k++)
			if (keys[i] && keys[k] && l->signers[i].chain == l->signers[k].chain &&
				memcmp(key_address(keys[i]), key_address(keys[k]), 20) == 0)
				problem_add(l->ps, l->signers[i].at,
					"%s and %s are one key on one chain; one account has one lane", l->signers[k].name,
					l->signers[i].name);
}

static void must_of(struct loading *l, const struct value *v, struct signer_decl *s)
{
	const struct value *must = value_get(v, "must");
	struct scope none = {.a = l->a, .what = must->path};
	s->has_must = must->set;
	if (!must->set)
		return;
	decl_check(l, must->check, &none, must->path);
	s->must = *must->check;
	if (s->must.left.contract && s->must.left.contract->chain && s->chain &&
		s->must.left.contract->chain != s->chain)
		problem_add(l->ps, must->at, "%s asks %s, which is on another chain than %s", must->path,
			s->must.left.contract->name, s->name);
}

void decl_signers(struct loading *l)
{
	const struct value *map = value_get(l->root, "signers"), *chains = value_get(l->root, "chains");
	struct key **known = arena_alloc(l->a, (map->n + 1) * sizeof(struct key *));
	l->c->signers = l->signers = arena_alloc(l->a, (map->n + 1) * sizeof *l->signers);
	l->c->nsigners = map->n;
	value_each(v, map)
	{
		struct signer_decl *s = &l->signers[v - map->items];
		*s = (struct signer_decl){.name = v->name, .at = v->name_at, .margin_num = 6, .margin_den = 5};
		decl_name(l, v->name, "signer", v->name_at);
		if (!v->set)
			continue;
		int chain = decl_pick(l, value_get(v, "chain"), "chain", chains);
		s->chain = chain < 0 ? NULL : &l->chains[chain];
		if (s->chain && s->chain->nrpc && !chain_endpoint(s->chain, ENDPOINT_READ | ENDPOINT_WRITE))
			problem_add(l->ps, v->name_at, "%s needs an endpoint of %s with the roles read and write",
				v->path, s->chain->name);
		source(l, v, s, &known[v - map->items]);
		gas(l, v, s);
		s->has_low = value_get(v, "low")->set;
		s->low = value_get(v, "low")->amount;
		s->has_max_cost = value_get(v, "max_cost")->set;
		s->max_cost = value_get(v, "max_cost")->amount;
		s->window = value_get(v, "window")->number;
		s->order = str_is(value_get(v, "order")->text, "strict") ? ORDER_STRICT : ORDER_ANY;
		s->adopt = value_get(v, "adopt")->flag;
		if (value_get(v, "window")->set && s->window == 0)
			problem_add(l->ps, value_get(v, "window")->at, "%s is 1 at least", value_get(v, "window")->path);
	}
	lanes(l, known);
	for (size_t i = 0; i < map->n; i++)
		if (known[i])
			key_free(known[i]);
	value_each(v, map)
	{
		must_of(l, v, &l->signers[v - map->items]);
	} /* may name any signer */
}
