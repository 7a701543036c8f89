#include "common/app/call.h"
#include "common/app/config.h"

struct checking {
	struct arena *a;
	const struct call_rules *r;
	struct problems *ps;
};

static const char *const builtins[] = {"keccak", "hash32", "hex", "pack", "encode", "cid", "raw", NULL};

static void check(struct checking *k, struct call *c);

static void names_of(struct checking *k, const char **names)
{
	size_t n = 0;
	for (size_t i = 0; i < k->r->ncontracts; i++)
		names[n++] = k->r->contracts[i].name;
	for (size_t i = 0; i < k->r->nsigners; i++)
		names[n++] = k->r->signers[i].name;
	names[n] = NULL;
}

static void unknown_owner(struct checking *k, struct pos at, const char *owner)
{
	const char **names = arena_alloc(k->a, (k->r->ncontracts + k->r->nsigners + 1) * sizeof *names);
	names_of(k, names);
	const char *near = nearest_word(owner, names);
	problem_add(k->ps, at, "no contract or signer is named %s%s%s%s", owner, near ? "; did you mean " : "",
		near ? near : "", near ? "?" : "");
	problem_near(k->ps, near);
}

/* "(uint256 tokenId, string)" */
static const char *params_text(struct arena *a, const struct abi_entry *fn)
{
	struct buf b = {0};
	for (size_t i = 0; i < fn->nin; i++) {
		buf_text(&b, i ? ", " : "(");
		abi_type_text(&b, &fn->in[i].type);
		buf_printf(&b, " %s", fn->in[i].name);
	}
	buf_text(&b, fn->nin ? ")" : "()");
	const char *text = arena_textn(a, b.p, b.n);
	buf_fini(&b);
	return text;
}

/* The function of that name with that many arguments; *other: one of the name with another number. */
static const struct abi_entry *function_of(
	const struct contract_decl *d, const char *name, size_t nargs, const struct abi_entry **other)
{
	*other = NULL;
	for (size_t i = 0; i < d->nabi; i++) {
		if (d->abi[i].kind != ABI_FUNCTION_ENTRY || strcmp(d->abi[i].as, name) != 0)
			continue;
		if (d->abi[i].nin == nargs)
			return &d->abi[i];
		*other = &d->abi[i];
	}
	return NULL;
}

static void unknown_function(struct checking *k, const struct call *c, struct pos at, const char *name)
{
	const char **names = arena_alloc(k->a, (c->contract->nabi + 1) * sizeof *names);
	size_t n = 0;
	for (size_t i = 0; i < c->contract->nabi; i++)
		if (c->contract->abi[i].kind == ABI_FUNCTION_ENTRY)
			names[n++] = c->contract->abi[i].as;
	const char *near = nearest_word(name, names);
	if (n == 0)
		problem_add(k->ps, at, "the abi of %s has no function; add a line for %s", c->contract->name, name);
	else
		problem_add(k->ps, at, "%s has no function %s%s%s%s", c->contract->name, name,
			near ? "; did you mean " : "", near ? near : "", near ? "?" : "; add a line for it to its abi");
	problem_near(k->ps, near);
}

/* Can this expression be of that type? What only the chain or a row knows is taken on trust. */
static void fits(struct checking *k, const struct call *c, const struct abi_type *t)
{
	struct buf b = {0};
	abi_type_text(&b, t);
	const char *type = arena_textn(k->a, b.p, b.n);
	buf_fini(&b);
	struct err e = {0};
	struct abi_value v;
	struct str text = c->kind == CALL_BOOL ? (c->flag ? STR("true") : STR("false")) : c->text;
	bool good = true, bytes = t->kind == ABI_BYTES || t->kind == ABI_BYTESN;
	switch (c->kind) {
	case CALL_NAME: break;
	case CALL_CHAIN: break; /* refused as an argument already */
	case CALL_ADDRESS: good = t->kind == ABI_ADDRESS || t->kind == ABI_STRING; break;
	case CALL_BUILTIN: good = bytes || t->kind == ABI_ADDRESS || t->kind == ABI_STRING; break;
	case CALL_COLUMN:
		if (k->r->items && (t->kind != ABI_ARRAY || t->length >= 0))
			problem_add(
				k->ps, c->at, "%.*s[] is a list, but %s is wanted here", (int)c->text.n, c->text.p, type);
		break;
	case CALL_NUMBER: good = (t->kind == ABI_UINT || t->kind == ABI_INT); __attribute__((fallthrough));
	case CALL_TEXT:
	case CALL_BOOL:
		good = good && (c->kind != CALL_BOOL || t->kind == ABI_BOOL);
		if (good && !abi_value_from_text(k->a, t, text, &v, &e))
			problem_add(k->ps, c->at, "this is no %s: %s", type, e.text);
		break;
	case CALL_TUPLE:
		good = t->kind == ABI_TUPLE && t->nfields == c->nargs;
		for (size_t i = 0; good && i < c->nargs; i++)
			fits(k, &c->args[i], &t->fields[i].type);
		break;
	case CALL_ARRAY:
		good = t->kind == ABI_ARRAY && (t->length < 0 || (size_t)t->length == c->nargs);
		for (size_t i = 0; good && i < c->nargs; i++)
			fits(k, &c->args[i], t->item);
		break;
	}
	if (!good)
		problem_add(k->ps, c->at, "this can't be %s, which is wanted here", type);
}

static void check_function(struct checking *k, struct call *c, const char *name)
{
	const struct abi_entry *other;
	struct pos at = c->at;
	int before = (int)(c->text.n - strlen(name));
	at.col += before;
	at.len = at.len > before ? at.len - before : 1;
	c->fn = function_of(c->contract, name, c->nargs, &other);
	if (c->contract->factory)
		problem_add(k->ps, c->at, "%s has as many addresses as its factory made; a call needs one",
			c->contract->name);
	else if (!c->fn && other)
		problem_add(k->ps, at, "%s.%s takes %zu argument%s %s, here %s %zu", c->contract->name, name,
			other->nin, other->nin == 1 ? "" : "s", params_text(k->a, other), c->nargs == 1 ? "is" : "are",
			c->nargs);
	else if (!c->fn)
		unknown_function(k, c, at, name);
	for (size_t i = 0; c->fn && i < c->nargs; i++)
		fits(k, &c->args[i], &c->fn->in[i].type);
}

static void check_signer(struct checking *k, struct call *c, const char *fn)
{
	static const char *const words[] = {"address", "eip191", NULL};
	if (strcmp(fn, "address") == 0) {
		c->kind = CALL_ADDRESS;
		if (c->nargs)
			problem_add(k->ps, c->at, "%s.address() takes no argument", c->signer->name);
	} else if (strcmp(fn, "eip191") != 0) {
		const char *near = nearest_word(fn, words);
		problem_add(k->ps, c->at, "a signer has address() and eip191(h), not %s%s%s%s", fn,
			near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
		problem_near(k->ps, near);
	} else {
		problem_add(k->ps, c->at, "%s: %s.eip191 is not in this version", k->r->path, c->signer->name);
	}
}

static void check_chain(struct checking *k, struct call *c)
{
	const char *dot = memchr(c->text.p, '.', c->text.n);
	const char *owner = arena_textn(k->a, c->text.p, (size_t)(dot - c->text.p));
	const char *fn = arena_textn(k->a, dot + 1, c->text.n - (size_t)(dot + 1 - c->text.p));
	for (size_t i = 0; i < k->r->ncontracts; i++)
		if (k->r->contracts[i].name && strcmp(k->r->contracts[i].name, owner) == 0)
			c->contract = &k->r->contracts[i];
	for (size_t i = 0; i < k->r->nsigners; i++)
		if (k->r->signers[i].name && strcmp(k->r->signers[i].name, owner) == 0)
			c->signer = &k->r->signers[i];
	for (size_t i = 0; i < c->nargs; i++) {
		check(k, &c->args[i]);
		if (c->args[i].kind == CALL_CHAIN && c->args[i].contract)
			problem_add(k->ps, c->args[i].at,
				"%s: a call of a contract as an argument is not in this version", k->r->path);
	}
	struct pos at = c->at;
	at.len = (int)strlen(owner);
	if (c->contract && c->contract->abi)
		check_function(k, c, fn);
	else if (c->signer)
		check_signer(k, c, fn);
	else if (!c->contract)
		unknown_owner(k, at, owner);
}

static void check_builtin(struct checking *k, struct call *c)
{
	const char *name = arena_textn(k->a, c->text.p, c->text.n);
	bool known = false, typed = str_is(c->text, "pack") || str_is(c->text, "encode");
	for (size_t i = 0; builtins[i]; i++)
		known |= strcmp(builtins[i], name) == 0;
	if (!known) {
		const char *near = nearest_word(name, builtins);
		problem_add(k->ps, c->at, "no function is named %s%s%s%s", name, near ? "; did you mean " : "",
			near ? near : "",
			near ? "?" : "; a contract's is Contract.fn(…), ours are keccak hash32 hex pack encode");
		problem_near(k->ps, near);
	} else if ((str_is(c->text, "cid") || str_is(c->text, "raw"))) {
		problem_add(k->ps, c->at, "%s: %s() is not in this version", k->r->path, name);
	} else if (!typed && c->nargs != 1) {
		problem_add(k->ps, c->at, "%s takes one argument, here are %zu", name, c->nargs);
	}
	for (size_t i = 0; i < c->nargs; i++) {
		check(k, &c->args[i]);
		if (c->args[i].kind == CALL_CHAIN)
			problem_add(k->ps, c->args[i].at,
				"%s: a call of a contract as an argument is not in this version", k->r->path);
		if (c->args[i].given)
			fits(k, &c->args[i], c->args[i].given);
	}
}

static void check(struct checking *k, struct call *c)
{
	switch (c->kind) {
	case CALL_CHAIN: check_chain(k, c); break;
	case CALL_BUILTIN: check_builtin(k, c); break;
	case CALL_COLUMN:
		if (!k->r->items)
			problem_add(k->ps, c->at, "%.*s[] is of a batch, in its send; here is one row: write %.*s",
				(int)c->text.n, c->text.p, (int)c->text.n, c->text.p);
		k->r->name(k->r->arg, c, k->ps);
		break;
	case CALL_NAME: k->r->name(k->r->arg, c, k->ps); break;
	case CALL_TUPLE:
	case CALL_ARRAY:
		for (size_t i = 0; i < c->nargs; i++)
			check(k, &c->args[i]);
		break;
	case CALL_ADDRESS:
	case CALL_NUMBER:
	case CALL_TEXT:
	case CALL_BOOL: break;
	}
}

void call_check(struct arena *a, struct call *c, const struct call_rules *r, struct problems *ps)
{
	struct checking k = {a, r, ps};
	check(&k, c);
}

void check_check(struct arena *a, struct check *c, const struct call_rules *r, struct problems *ps)
{
	struct checking k = {a, r, ps};
	check(&k, &c->left);
	if (c->has_right)
		check(&k, &c->right);
	if (c->left.kind != CALL_CHAIN && c->left.contract == NULL) {
		problem_add(ps, c->left.at, "a check asks a contract: Contract.fn(…) or Contract.fn(…) == value");
		return;
	}
	const struct abi_entry *fn = c->left.fn;
	if (!fn)
		return;
	if (fn->nout == 0)
		problem_add(ps, c->left.at, "%s.%s gives nothing back; add `returns (…)` to its line in the abi",
			c->left.contract->name, fn->as);
	else if (!c->has_right && fn->out[0].type.kind != ABI_BOOL)
		problem_add(
			ps, c->left.at, "%s.%s gives no bool; compare it: … == value", c->left.contract->name, fn->as);
	else if (c->has_right && c->right.kind == CALL_CHAIN && c->right.contract)
		problem_add(ps, c->right.at, "%s: a call of a contract behind == is not in this version", r->path);
	else if (c->has_right)
		fits(&k, &c->right, &fn->out[0].type);
}

void call_each_name(const struct call *c, void (*fn)(void *arg, const struct call *name), void *arg)
{
	if (c->kind == CALL_NAME || c->kind == CALL_COLUMN)
		fn(arg, c);
	for (size_t i = 0; i < c->nargs; i++)
		call_each_name(&c->args[i], fn, arg);
}
