#include "common/evm/abi_inner.h"

/* Types and parameter lists, in the notation of Solidity and of human-readable ABIs. */

static bool is_white(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_name_char(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$';
}

bool abi_name_ok(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_name_char(s.p[i]))
			return false;
	return s.n > 0 && !is_digit(s.p[0]);
}

static void skip_white(struct abi_parser *p)
{
	while (p->at < p->text.n && is_white(p->text.p[p->at]))
		p->at++;
}

bool abi_at_end(struct abi_parser *p)
{
	skip_white(p);
	return p->at == p->text.n;
}

bool abi_take(struct abi_parser *p, char c)
{
	skip_white(p);
	if (p->at == p->text.n || p->text.p[p->at] != c)
		return false;
	p->at++;
	return true;
}

struct str abi_word(struct abi_parser *p)
{
	skip_white(p);
	struct str w = {p->text.p + p->at, 0};
	if (p->at == p->text.n || is_digit(*w.p))
		return w;
	while (p->at + w.n < p->text.n && is_name_char(w.p[w.n]))
		w.n++;
	p->at += w.n;
	return w;
}

/* digits behind a prefix: uint256 → 256. No sign, no leading zero. */
static bool suffix(struct str w, const char *prefix, uint64_t *v)
{
	size_t k = strlen(prefix);
	struct str digits = {w.p + k, w.n - k};
	return w.n > k && memcmp(w.p, prefix, k) == 0 && digits.p[0] != '0' && str_to_u64(digits, v);
}

static bool elementary(struct str w, struct abi_type *t)
{
	static const struct {
		const char *name;
		struct abi_type type;
	} plain[] = {
		{"uint", {.kind = ABI_UINT, .bits = 256}},
		{"int", {.kind = ABI_INT, .bits = 256}},
		{"address", {.kind = ABI_ADDRESS}},
		{"bool", {.kind = ABI_BOOL}},
		{"bytes", {.kind = ABI_BYTES}},
		{"string", {.kind = ABI_STRING}},
		{"function", {.kind = ABI_FUNCTION}},
	};
	for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
		if (str_is(w, plain[i].name)) {
			*t = plain[i].type;
			return true;
		}
	uint64_t n;
	bool is_uint = suffix(w, "uint", &n), is_int = !is_uint && suffix(w, "int", &n);
	if (is_uint || is_int) {
		*t = (struct abi_type){.kind = is_uint ? ABI_UINT : ABI_INT, .bits = (unsigned)n};
		return n >= 8 && n <= 256 && n % 8 == 0;
	}
	if (!suffix(w, "bytes", &n))
		return false;
	*t = (struct abi_type){.kind = ABI_BYTESN, .bits = (unsigned)n};
	return n >= 1 && n <= 32;
}

static bool too_wide(struct abi_parser *p, const struct abi_type *t)
{
	if (abi_words(t) <= ABI_WORDS_MAX)
		return false;
	err_put(p->e, ERR_MALFORMED, "a type of more than %d words is too wide", ABI_WORDS_MAX);
	return true;
}

/* One pair of brackets behind a type. Solidity: "an array … of fixed size k and element type T is written as
 * T[k]". */
static bool array_parse(struct abi_parser *p, struct abi_type *t)
{
	uint64_t length = 0;
	struct abi_type array = {.kind = ABI_ARRAY, .length = -1};
	skip_white(p);
	struct str digits = {p->text.p + p->at, 0};
	while (p->at + digits.n < p->text.n && is_digit(digits.p[digits.n]))
		digits.n++;
	if (digits.n > 0) {
		if (!str_to_u64(digits, &length) || length == 0 || length > ABI_WORDS_MAX)
			return err_set(p->e, ERR_MALFORMED, "an array's fixed length is 1 to %d", ABI_WORDS_MAX);
		array.length = (int64_t)length;
	}
	p->at += digits.n;
	if (!abi_take(p, ']'))
		return err_set(p->e, ERR_MALFORMED, "an array's length, if any, is a number, then comes ]");
	array.item = arena_copy(p->arena, t, sizeof *t);
	*t = array;
	return !too_wide(p, t);
}

static bool base_parse(struct abi_parser *p, struct abi_type *t)
{
	size_t start = (skip_white(p), p->at);
	struct str w = abi_word(p);
	*t = (struct abi_type){.kind = ABI_TUPLE};
	if (str_is(w, "tuple") && p->components) {
		t->fields = p->components;
		t->nfields = p->ncomponents;
	} else if (w.n == 0 || str_is(w, "tuple")) {
		skip_white(p);
		if (p->at == p->text.n || p->text.p[p->at] != '(')
			return err_set(
				p->e, ERR_MALFORMED, "a type should stand here, such as uint256 or (address,bool)");
		if (!abi_params_parse(p, false, &t->fields, &t->nfields))
			return false;
		if (t->nfields == 0)
			return err_set(p->e, ERR_MALFORMED, "a tuple has at least one field");
	} else if (!elementary(w, t)) {
		p->at = start;
		return err_set(p->e, ERR_MALFORMED,
			"%.*s is not a Solidity type; a contract's type is address, an enum's uint8, a struct's (…)",
			w.n > 60 ? 60 : (int)w.n, w.p);
	}
	if (t->kind == ABI_ADDRESS) {
		size_t before = p->at;
		if (!str_is(abi_word(p), "payable"))
			p->at = before;
	}
	return !too_wide(p, t);
}

bool abi_type_parse(struct abi_parser *p, struct abi_type *out)
{
	unsigned depth = p->depth;
	if (++p->depth > ABI_DEPTH_MAX)
		return err_set(p->e, ERR_MALFORMED, "a type is nested deeper than %d levels", ABI_DEPTH_MAX);
	if (!base_parse(p, out))
		return false;
	while (abi_take(p, '['))
		if (++p->depth > ABI_DEPTH_MAX)
			return err_set(p->e, ERR_MALFORMED, "a type is nested deeper than %d levels", ABI_DEPTH_MAX);
		else if (!array_parse(p, out))
			return false;
	p->depth = depth;
	return true;
}

/* type {indexed memory calldata storage} [name] */
static bool param_parse(struct abi_parser *p, bool event, size_t i, struct abi_param *out)
{
	if (!abi_type_parse(p, &out->type))
		return false;
	for (;;) {
		size_t start = (skip_white(p), p->at);
		struct str w = abi_word(p);
		if (str_is(w, "indexed") && event && !out->indexed) {
			out->indexed = true;
		} else if (str_is(w, "indexed")) {
			p->at = start;
			return err_set(p->e, ERR_MALFORMED, "indexed stands once, at a parameter of an event");
		} else if (!str_is(w, "memory") && !str_is(w, "calldata") && !str_is(w, "storage")) {
			out->name = w.n > 0 ? arena_textn(p->arena, w.p, w.n) : arena_printf(p->arena, "arg%zu", i);
			return true;
		}
	}
}

/* How many commas stand at this level: a parameter list is parsed into one array of the right size. */
static size_t count_commas(const struct abi_parser *p)
{
	size_t commas = 0, depth = 0;
	for (size_t i = p->at; i < p->text.n; i++) {
		char c = p->text.p[i];
		if (c == '(')
			depth++;
		else if (c == ')' && depth-- == 0)
			break;
		else if (c == ',' && depth == 0)
			commas++;
	}
	return commas;
}

bool abi_params_parse(struct abi_parser *p, bool event, const struct abi_param **out, size_t *n)
{
	*out = NULL;
	*n = 0;
	if (!abi_take(p, '('))
		return err_set(p->e, ERR_MALFORMED, "( should stand here");
	if (abi_take(p, ')'))
		return true;
	size_t room = count_commas(p) + 1;
	struct abi_param *params = arena_alloc(p->arena, room * sizeof *params);
	*out = params;
	do {
		must(*n < room);
		if (!param_parse(p, event, *n, &params[*n]))
			return false;
		++*n;
	} while (abi_take(p, ','));
	struct abi_type all = {.kind = ABI_TUPLE, .fields = params, .nfields = *n};
	if (too_wide(p, &all))
		return false;
	return abi_take(p, ')') ? true : err_set(p->e, ERR_MALFORMED, ", or ) should stand here");
}

bool abi_parse_type(struct arena *a, struct str text, struct abi_type *out, struct err *e)
{
	struct abi_parser p = {.arena = a, .text = text, .e = e};
	if (!abi_type_parse(&p, out))
		return false;
	return abi_at_end(&p) ? true : err_set(e, ERR_MALFORMED, "a type should end at byte %zu", p.at);
}
