/* What a signer may sign: allow, max_value, limit, spend. */
#include "common/app/decl.h"
#include "common/evm/address.h"

static const uint64_t month_ms = 31ull * 24 * 3600 * 1000;

static const struct contract_decl *contract_of(struct loading *l, const struct value *v, const char *name)
{
	const char **names = arena_alloc(l->a, (l->c->ncontracts + 1) * sizeof *names);
	for (size_t i = 0; i < l->c->ncontracts; i++) {
		if (strcmp(l->contracts[i].name, name) == 0)
			return &l->contracts[i];
		names[i] = l->contracts[i].name;
	}
	const char *near = nearest_word(name, names);
	problem_add(l->ps, v->at, "%s: no contract is named %s%s%s%s", v->path, name,
		near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
	problem_near(l->ps, near);
	return NULL;
}

static const struct abi_entry *function_of(
	struct loading *l, const struct value *v, const struct contract_decl *c, const char *name)
{
	const char **names = arena_alloc(l->a, (c->nabi + 1) * sizeof *names);
	size_t n = 0;
	for (size_t i = 0; i < c->nabi; i++) {
		if (c->abi[i].kind != ABI_FUNCTION_ENTRY)
			continue;
		if (strcmp(c->abi[i].as, name) == 0)
			return &c->abi[i];
		names[n++] = c->abi[i].as;
	}
	const char *near = nearest_word(name, names);
	problem_add(l->ps, v->at, "%s: %s has no function %s%s%s%s", v->path, c->name, name,
		near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
	problem_near(l->ps, near);
	return NULL;
}

static struct allow_decl *add_allow(struct loading *l, struct signer_decl *s, const struct abi_entry *fn)
{
	struct allow_decl *list = arena_alloc(l->a, (s->nallow + 1) * sizeof *list);
	memcpy(list, s->nallow ? s->allow : list, s->nallow * sizeof *list);
	list[s->nallow].fn = fn;
	s->allow = list;
	return &list[s->nallow++];
}

static void allow_function(struct loading *l, const struct value *v, struct signer_decl *s, const char *dot)
{
	const char *owner = arena_textn(l->a, v->text.p, (size_t)(dot - v->text.p));
	const struct contract_decl *c = contract_of(l, v, owner);
	const struct abi_entry *fn = c ? function_of(l, v, c, dot + 1) : NULL;
	if (!fn)
		return;
	if (c->naddresses == 0)
		problem_add(l->ps, v->at, "%s: %s has no fixed address", v->path, c->name);
	if (s->chain && c->chain && s->chain != c->chain)
		problem_add(l->ps, v->at, "%s: %s is on another chain than %s", v->path, c->name, s->name);
	for (size_t i = 0; i < c->naddresses; i++)
		memcpy(add_allow(l, s, fn)->to, c->addresses[i], 20);
}

static void allow_one(struct loading *l, const struct value *v, struct signer_decl *s)
{
	const char *dot = strchr(v->text.p, '.');
	uint8_t to[20];
	struct err e = {0};
	if (dot)
		allow_function(l, v, s, dot);
	else if (strncmp(v->text.p, "0x", 2) != 0)
		problem_add(l->ps, v->at, "%s is Contract.fn or an address, not %s", v->path, v->text.p);
	else if (!address_from_text(to, v->text, &e))
		problem_add(l->ps, v->at, "%s: %s", v->path, e.text);
	else
		memcpy(add_allow(l, s, NULL)->to, to, 20);
}

void decl_policy(struct loading *l, const struct value *v, struct signer_decl *s)
{
	const struct value *limit = value_get(v, "limit"), *spend = value_get(v, "spend"),
					   *most = value_get(spend, "most"), *per = value_get(spend, "per");
	const struct value *allow = value_get(v, "allow");
	s->has_allow = allow->set;
	if (allow->set && allow->form != VALUE_LIST)
		allow_one(l, allow, s);
	else if (allow->set)
		value_each(one, allow) if (one->set) allow_one(l, one, s);
	s->max_value = value_get(v, "max_value")->amount;
	if (limit->set) {
		s->limit = limit->rate.count;
		s->limit_ms = limit->rate.per_ms;
	}
	if (spend->set) {
		s->spend = most->amount;
		s->spend_ms = per->number;
		if (per->set && (per->number == 0 || per->number > month_ms))
			problem_add(l->ps, per->at, "%s is from 1ms to 31d", per->path);
	}
}

static bool is_allowed(const struct signer_decl *s, const struct call *send)
{
	if (!send->contract || !send->fn || send->contract->naddresses == 0)
		return true; /* said elsewhere */
	for (size_t i = 0; i < s->nallow; i++)
		if (memcmp(s->allow[i].to, send->contract->addresses[0], 20) == 0 &&
			(!s->allow[i].fn || memcmp(s->allow[i].fn->hash, send->fn->hash, 4) == 0))
			return true;
	return false;
}

void decl_allowed(struct loading *l)
{
	for (size_t i = 0; i < l->c->nbatches; i++) {
		const struct batch_decl *b = &l->batches[i];
		if (b->signer && b->signer->has_allow && !is_allowed(b->signer, &b->send))
			problem_add(l->ps, b->send.at,
				"%s.%s is not in signers.%s.allow; add it there, or nothing is signed",
				b->send.contract->name, b->send.fn->as, b->signer->name);
	}
}
