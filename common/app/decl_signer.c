#include "common/app/decl.h"
#include "common/evm/address.h"
#include "common/evm/key.h"

struct declaring { /* the accounts of one signer */
	const char *path;
	struct key_decl *keys;
	struct key **known; /* those whose key is here; freed when all signers are known */
	size_t n, naddresses;
};

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

/* ── where the keys are ── */

/* `keys: ${VAR}` may hold several, parted by commas; each becomes a secret of its own, wiped like the others.
 */
static size_t parts_of(struct str text)
{
	size_t n = 1;
	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == ',';
	return n;
}

static struct str part_of(struct loading *l, struct str *rest)
{
	const char *comma = memchr(rest->p, ',', rest->n);
	struct str part = {rest->p, comma ? (size_t)(comma - rest->p) : rest->n};
	rest->p += part.n + (comma != NULL);
	rest->n -= part.n + (comma != NULL);
	struct secret_text *s = arena_alloc(l->a, sizeof *s);
	*s = (struct secret_text){arena_textn(l->a, part.p, part.n), true, l->r->secrets};
	l->r->secrets = s;
	return (struct str){s->text, part.n};
}

static void add_secret(struct loading *l, struct declaring *d, const struct value *v, struct str hex)
{
	struct key_decl *k = &d->keys[d->n];
	struct err e = {0};
	*k = (struct key_decl){
		.source = SOURCE_ENVIRONMENT, .at = v->at, .secret.value = (char *)(uintptr_t)hex.p};
	d->known[d->n] = key_from_hex(hex, &e);
	if (!d->known[d->n]) /* K-37: the text of key_from_hex never quotes it */
		problem_add(l->ps, v->at, "%s: %s", v->path, e.text);
	d->n++;
}

static void from_environment(struct loading *l, struct declaring *d, const struct value *list)
{
	const struct value *first = list->form == VALUE_LIST ? list->items : list;
	size_t n = list->form == VALUE_LIST ? list->n : list->node != NULL;
	for (const struct value *v = first; v < first + n; v++) {
		if (v->set) {
			struct str rest = v->text;
			for (size_t parts = list->form == VALUE_LIST ? parts_of(rest) : 1; parts; parts--)
				add_secret(l, d, v, list->form == VALUE_LIST ? part_of(l, &rest) : rest);
			continue;
		}
		if (v->node && v->scalar.nvars == 1 && v->scalar.vars[0].set)
			problem_add(l->ps, v->at, "%.*s is empty; %s needs a key", (int)v->scalar.vars[0].name.n,
				v->scalar.vars[0].name.p, d->path);
		d->keys[d->n++] = (struct key_decl){.source = SOURCE_ENVIRONMENT, .at = v->at};
	}
}

static void from_files(
	struct loading *l, struct declaring *d, const struct value *list, const struct value *pass)
{
	for (size_t i = 0; list->form == VALUE_LIST && i < list->n; i++)
		if (list->items[i].set)
			d->keys[d->n++] = (struct key_decl){.source = SOURCE_FILE,
				.at = list->items[i].at,
				.keyfile = decl_path(l, list->items[i].text.p),
				.passfile = pass->set ? decl_path(l, pass->text.p) : NULL};
}

/* One account without a name, or those that address: names. */
static void from_outside(struct declaring *d, const struct key_decl *one)
{
	for (size_t i = 0; i < (d->naddresses ? d->naddresses : 1); i++)
		d->keys[d->n++] = *one;
}

static void from_program(struct loading *l, struct declaring *d, const struct value *list)
{
	const char **words = arena_alloc(l->a, (list->n + 1) * sizeof *words), *slash = strrchr(l->c->file, '/');
	struct key_decl k = {.source = SOURCE_EXEC, .at = list->at, .exec = words};
	for (size_t i = 0; list->form == VALUE_LIST && i < list->n; i++)
		words[k.nexec++] = list->items[i].text.p;
	k.folder = slash ? arena_textn(l->a, l->c->file, (size_t)(slash - l->c->file) + 1) : ".";
	from_outside(d, &k);
}

static void from_server(struct loading *l, struct declaring *d, const struct value *url)
{
	if (!text_starts(url->text.p, "http://") && !text_starts(url->text.p, "https://"))
		problem_add(l->ps, url->at, "%s is asked over http:// or https://", url->path);
	from_outside(d, &(struct key_decl){.source = SOURCE_WEB3SIGNER, .at = url->at, .url = url->text.p});
}

static const struct value *the_source(struct loading *l, const struct value *v)
{
	static const char *const words[] = {"key", "keys", "keyfile", "exec", "web3signer"};
	const struct value *found = NULL;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		const struct value *at = value_get(v, words[i]);
		if (!at->node)
			continue;
		if (found)
			problem_add(
				l->ps, at->name_at, "%s has %s and %s; one of them", v->path, found->key->word, words[i]);
		else
			found = at;
	}
	if (!found)
		problem_add(l->ps, v->name_at, "%s needs key: ${VAR}, or keys, keyfile, exec or web3signer", v->path);
	return found;
}

/* address: beside keys that are here is held against them; for a program or a server it chooses. */
static void addresses(struct loading *l, struct declaring *d, const struct value *list)
{
	if (list->set && d->n && list->n != d->n)
		problem_add(l->ps, list->at, "%s names %zu of %zu accounts; name each, in the order of the keys",
			list->path, list->n, d->n);
	for (size_t i = 0; list->set && i < list->n && i < d->n; i++) {
		const struct value *a = &list->items[i];
		struct key_decl *k = &d->keys[i];
		char real[ADDRESS_TEXT];
		struct err e = {0};
		k->has_address = address_from_text(k->address, a->text, &e);
		if (!k->has_address)
			problem_add(l->ps, a->at, "%s: %s", list->path, e.text);
		for (size_t j = 0; j < i && k->has_address; j++)
			if (memcmp(d->keys[j].address, k->address, 20) == 0)
				problem_add(l->ps, a->at, "%s names %s twice", list->path, a->text.p);
		if (!k->has_address || !d->known[i] || memcmp(key_address(d->known[i]), k->address, 20) == 0)
			continue;
		address_to_eip55(real, key_address(d->known[i]));
		problem_add(l->ps, a->at, "%s is %s, but the key there is of %s", list->path, a->text.p, real);
	}
}

static struct declaring sources(struct loading *l, const struct value *v, struct signer_decl *s)
{
	const struct value *address = value_get(v, "address"), *from = the_source(l, v),
					   *pass = value_get(v, "passfile");
	size_t most = 1 + address->n;
	if (from && from->form == VALUE_LIST)
		for (size_t i = 0; i < from->n; i++)
			most += parts_of(from->items[i].text);
	struct declaring d = {.path = v->path, .naddresses = address->set ? address->n : 0};
	d.keys = arena_alloc(l->a, most * sizeof *d.keys);
	d.known = arena_alloc(l->a, most * sizeof(struct key *));
	const char *word = from ? from->key->word : "";
	if (strcmp(word, "key") == 0 || strcmp(word, "keys") == 0)
		from_environment(l, &d, from);
	else if (strcmp(word, "keyfile") == 0)
		from_files(l, &d, from, pass);
	else if (from && from->set && strcmp(word, "exec") == 0)
		from_program(l, &d, from);
	else if (from && from->set)
		from_server(l, &d, from);
	if (from && pass->set && strcmp(word, "keyfile") != 0)
		problem_add(l->ps, pass->name_at, "%s opens a keyfile, and %s has none", pass->path, v->path);
	addresses(l, &d, address);
	s->keys = d.keys;
	s->nkeys = d.n;
	return d;
}

/* One account has one lane (S4): no key stands twice on a chain. */
static void lanes(struct loading *l, const struct declaring *all)
{
	for (size_t i = 0; i < l->c->nsigners; i++)
		for (size_t k = 0; k <= i; k++)
			for (size_t a = 0; a < all[i].n; a++)
				for (size_t b = 0; b < (k == i ? a : all[k].n); b++) {
					const struct key *one = all[i].known[a], *two = all[k].known[b];
					if (!one || !two || l->signers[i].chain != l->signers[k].chain ||
						memcmp(key_address(one), key_address(two), 20) != 0)
						continue;
					if (k == i)
						problem_add(l->ps, all[i].keys[a].at,
							"%s has one key twice; one account has one lane", all[i].path);
					else
						problem_add(l->ps, l->signers[i].at,
							"%s and %s are one key on one chain; one account has one lane",
							l->signers[k].name, l->signers[i].name);
				}
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

static void float_of(struct loading *l, const struct value *v, struct signer_decl *s)
{
	const struct value *fill = value_get(v, "float");
	s->has_float = fill->set;
	s->flt = fill->amount;
	if (fill->set && s->nkeys < 2)
		problem_add(l->ps, fill->at, "%s is for a pool; %s has one key", fill->path, s->name);
	else if (fill->set && s->has_low && !u256_lt(s->low, s->flt))
		problem_add(l->ps, fill->at, "%s is not more than low", fill->path);
	else if (fill->set && u256_cmp(s->flt, u256_of(0)) == 0)
		problem_add(l->ps, fill->at, "%s is more than 0", fill->path);
}

void decl_signers(struct loading *l)
{
	const struct value *map = value_get(l->root, "signers"), *chains = value_get(l->root, "chains");
	struct declaring *all = arena_alloc(l->a, (map->n + 1) * sizeof *all);
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
		if (s->chain && s->chain->nrpc && !chain_writer(s->chain))
			problem_add(
				l->ps, v->name_at, "%s needs an endpoint of %s with the role write", v->path, s->chain->name);
		all[v - map->items] = sources(l, v, s);
		gas(l, v, s);
		s->has_low = value_get(v, "low")->set;
		s->low = value_get(v, "low")->amount;
		float_of(l, v, s);
		s->has_max_cost = value_get(v, "max_cost")->set;
		s->max_cost = value_get(v, "max_cost")->amount;
		s->has_cancel_max = value_get(v, "cancel_max")->set;
		s->cancel_max = value_get(v, "cancel_max")->amount;
		if (s->has_cancel_max && s->has_max && u256_lt(s->cancel_max, s->max))
			problem_add(l->ps, value_get(v, "cancel_max")->at,
				"%s is less than gas.max; leave it out and a cancel may pay what a send may",
				value_get(v, "cancel_max")->path);
		s->window = value_get(v, "window")->number;
		s->order = str_is(value_get(v, "order")->text, "strict") ? ORDER_STRICT : ORDER_ANY;
		s->adopt = value_get(v, "adopt")->flag;
		decl_policy(l, v, s);
		if (value_get(v, "window")->set && s->window == 0)
			problem_add(l->ps, value_get(v, "window")->at, "%s is 1 at least", value_get(v, "window")->path);
	}
	lanes(l, all);
	for (size_t i = 0; i < map->n; i++)
		for (size_t k = 0; k < all[i].n; k++)
			key_free(all[i].known[k]);
	value_each(v, map)
	{
		must_of(l, v, &l->signers[v - map->items]);
	} /* may name any signer */
}
