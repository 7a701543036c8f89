#include "common/evm/abi_inner.h"
#include "common/evm/keccak.h"

/* One declaration: a line of Solidity. */

bool abi_entry_finish(struct arena *a, struct abi_entry *x, struct err *e)
{
	size_t indexed = 0, most = x->anonymous ? 4 : 3;
	for (size_t i = 0; i < x->nin; i++)
		indexed += x->in[i].indexed;
	if (indexed > most)
		return err_set(e, ERR_MALFORMED, "%s has %zu indexed parameters; a log has room for %zu", x->name,
			indexed, most);
	struct buf b = {0};
	buf_text(&b, x->name);
	struct abi_type in = {.kind = ABI_TUPLE, .fields = x->in, .nfields = x->nin};
	abi_type_text(&b, &in);
	x->signature = arena_textn(a, b.p, b.n);
	keccak256(x->hash, b.p, b.n);
	buf_fini(&b);
	if (!x->as)
		x->as = x->name;
	return true;
}

static bool name_parse(struct abi_parser *p, const char **out)
{
	struct str w = abi_word(p);
	if (w.n == 0)
		return err_set(p->e, ERR_MALFORMED, "a name should stand here");
	*out = arena_textn(p->arena, w.p, w.n);
	return true;
}

static bool kind_parse(struct abi_parser *p, struct abi_entry *x)
{
	struct str w = abi_word(p);
	if (str_is(w, "event"))
		x->kind = ABI_EVENT;
	else if (str_is(w, "function"))
		x->kind = ABI_FUNCTION_ENTRY;
	else if (str_is(w, "error"))
		x->kind = ABI_ERROR;
	else if (str_is(w, "constructor"))
		x->kind = ABI_CONSTRUCTOR;
	else {
		p->at = 0;
		return err_set(p->e, ERR_MALFORMED, "a line begins with event, function, error or constructor");
	}
	x->name = "constructor";
	return x->kind == ABI_CONSTRUCTOR || name_parse(p, &x->name);
}

/* A word behind the parameters. false: it does not belong there. */
static bool modifier(struct abi_entry *x, struct str w)
{
	if (x->kind == ABI_EVENT && str_is(w, "anonymous")) {
		x->anonymous = true;
		return true;
	}
	if (x->kind != ABI_FUNCTION_ENTRY && x->kind != ABI_CONSTRUCTOR)
		return false;
	if (str_is(w, "payable"))
		return x->payable = true;
	if (str_is(w, "public") || str_is(w, "internal") || str_is(w, "nonpayable"))
		return true;
	if (x->kind == ABI_CONSTRUCTOR)
		return false;
	if (str_is(w, "view") || str_is(w, "pure") || str_is(w, "constant"))
		return x->view = true;
	return str_is(w, "external") || str_is(w, "private") || str_is(w, "virtual") || str_is(w, "override");
}

static bool tail_parse(struct abi_parser *p, struct abi_entry *x)
{
	while (!abi_at_end(p)) {
		size_t start = p->at;
		struct str w = abi_word(p);
		if (str_is(w, "as") && !x->as) {
			if (!name_parse(p, &x->as))
				return false;
		} else if (str_is(w, "returns") && x->kind == ABI_FUNCTION_ENTRY && !x->out) {
			if (!abi_params_parse(p, false, &x->out, &x->nout))
				return false;
		} else if (w.n == 0 && abi_take(p, ';') && abi_at_end(p)) {
			return true;
		} else if (w.n == 0 || !modifier(x, w)) {
			p->at = start;
			return err_set(p->e, ERR_MALFORMED, "the declaration of %s should end here", x->name);
		}
	}
	return true;
}

bool abi_parse_line(struct arena *a, struct str line, struct abi_entry *out, size_t *at, struct err *e)
{
	struct abi_parser p = {.arena = a, .text = line, .e = e};
	*out = (struct abi_entry){0};
	bool ok = kind_parse(&p, out) && abi_params_parse(&p, out->kind == ABI_EVENT, &out->in, &out->nin) &&
			  tail_parse(&p, out) && abi_entry_finish(a, out, e);
	*at = p.at;
	return ok;
}
