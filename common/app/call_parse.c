#include "common/app/call.h"
#include "common/app/template.h"
#include "common/app/unit.h"

enum { DEPTH_MAX = 24, ARGS_MAX = 256 };

struct parse {
	struct arena *a;
	const struct scalar *s;
	struct problems *ps;
	size_t at;
	int depth;
	bool failed;
};

static char peek(struct parse *p)
{
	while (p->at < p->s->text.n && memchr(" \t\r\n", p->s->text.p[p->at], 4))
		p->at++;
	return p->at < p->s->text.n ? p->s->text.p[p->at] : 0;
}

static bool fail(struct parse *p, size_t from, size_t to, const char *text)
{
	if (!p->failed)
		problem_add(p->ps, scalar_pos(p->s, from, to > from ? to : from + 1), "%s", text);
	p->failed = true;
	return false;
}

static bool expect(struct parse *p, char c)
{
	if (peek(p) == c) {
		p->at++;
		return true;
	}
	char text[64];
	snprintf(text, sizeof text,
		p->at < p->s->text.n ? "a call: here %c is missing" : "a call that ends without its %c", c);
	return fail(p, p->at, p->at + 1, text);
}

static bool parse_value(struct parse *p, struct call *out);

/* a, b, … up to close. typed: each begins with its type. */
static bool parse_list(struct parse *p, char close, bool typed, struct call *out);

/* The type before an argument of pack or encode: "uint256[]", "(address,uint8)[2]". */
static bool parse_type(struct parse *p, struct call *out)
{
	struct str t = p->s->text;
	peek(p);
	size_t from = p->at, i = from, depth = 0;
	for (; i < t.n; i++) {
		char c = t.p[i];
		if (depth == 0 && (c == ' ' || c == ',' || c == ')' || c == '\n' || c == '\t'))
			break;
		depth += c == '(' || c == '[';
		depth -= c == ')' || c == ']';
	}
	struct abi_type *type = arena_alloc(p->a, sizeof *type);
	struct err e = {0};
	size_t n = name_length(t, from);
	p->at = i;
	if (abi_parse_type(p->a, (struct str){t.p + from, i - from}, type, &e) && peek(p) != ',' &&
		peek(p) != ')') {
		out->given = type;
		return true;
	}
	return fail(p, from, i > from ? i : from + (n ? n : 1),
		"an argument of pack and encode carries its type, as pack(address a, uint256 n)");
}

static bool parse_list(struct parse *p, char close, bool typed, struct call *out)
{
	struct call args[ARGS_MAX];
	size_t n = 0;
	if (peek(p) == close) {
		p->at++;
		return true;
	}
	for (;;) {
		if (n == ARGS_MAX)
			return fail(p, p->at, p->at + 1, "more values than any call takes");
		args[n] = (struct call){0};
		if (typed && !parse_type(p, &args[n]))
			return false;
		const struct abi_type *given = args[n].given;
		if (!parse_value(p, &args[n]))
			return false;
		args[n++].given = given;
		if (peek(p) != ',')
			break;
		p->at++;
	}
	out->args = arena_copy(p->a, args, n * sizeof *args);
	out->nargs = n;
	return expect(p, close);
}

/* name · x.member · x[] · f(…) · Contract.fn(…) */
static bool parse_name(struct parse *p, struct call *out)
{
	struct str t = p->s->text;
	size_t n = name_length(t, p->at), from = p->at;
	out->text = (struct str){t.p + from, n};
	out->at = scalar_pos(p->s, from, from + n);
	p->at += n;
	bool dotted = memchr(out->text.p, '.', n) != NULL;
	if (str_is(out->text, "true") || str_is(out->text, "false")) {
		out->kind = CALL_BOOL;
		out->flag = str_is(out->text, "true");
	} else if (peek(p) == '(') {
		p->at++;
		out->kind = dotted ? CALL_CHAIN : CALL_BUILTIN;
		return parse_list(p, ')', str_is(out->text, "pack") || str_is(out->text, "encode"), out);
	} else if (peek(p) == '[') {
		p->at++;
		out->kind = CALL_COLUMN;
		if (peek(p) != ']')
			return fail(p, from, p->at, "x[] is x of every item of the batch; one of them can't be picked");
		p->at++;
	} else {
		out->kind = CALL_NAME;
	}
	return true;
}

static bool parse_number(struct parse *p, struct call *out)
{
	struct str t = p->s->text;
	size_t from = p->at, i = from + (t.p[from] == '-'), digits = i;
	while (i < t.n && ((t.p[i] >= '0' && t.p[i] <= '9') || t.p[i] == '.'))
		i++;
	size_t end = i;
	while (i < t.n && t.p[i] == ' ')
		i++;
	size_t unit = i;
	while (i < t.n && ((t.p[i] >= 'a' && t.p[i] <= 'z') || (t.p[i] >= 'A' && t.p[i] <= 'Z')))
		i++;
	out->kind = CALL_NUMBER;
	out->text = (struct str){t.p + from, end - from};
	if (i == unit) {
		p->at = end;
		out->at = scalar_pos(p->s, from, end);
		if (end == digits || memchr(out->text.p, '.', out->text.n))
			return fail(p, from, end, "a number of a call is whole, or has a unit, as 0.5 ether");
		return true;
	}
	struct u256 v;
	bool solana;
	struct unit_error e;
	p->at = i;
	out->at = scalar_pos(p->s, from, i);
	if (t.p[from] == '0' && end == from + 1 && t.p[end] == 'x')
		return fail(p, from, i, "bytes are a text here, as '0x12ab'");
	if (!unit_amount((struct str){t.p + from, i - from}, &v, &solana, &e)) {
		fail(p, from, i, e.text);
		problem_near(p->ps, e.near[0] ? e.near : NULL);
		return false;
	}
	char dec[U256_DEC_MAX];
	u256_to_dec(dec, v);
	out->text = str_of(arena_text(p->a, dec));
	return true;
}

static bool parse_text(struct parse *p, struct call *out)
{
	struct str t = p->s->text;
	size_t from = p->at, i = from + 1, n = 0;
	char *to = arena_alloc(p->a, t.n - from + 1);
	for (;; i++) {
		const struct var_part *v = scalar_var(p->s, i);
		if (i >= t.n)
			return fail(p, from, t.n, "a quote that is not closed");
		if (v && v->name.n)
			return fail(p, v->from, v->to,
				"a ${VAR} inside quotes; it is a value by itself in a call: take the quotes away");
		if (v) { /* $${ */
			memcpy(to + n, "${", 2);
			n += 2;
			i = v->to - 1;
			continue;
		}
		if (t.p[i] == '\'' && !(i + 1 < t.n && t.p[i + 1] == '\''))
			break;
		i += t.p[i] == '\'';
		to[n++] = t.p[i];
	}
	p->at = i + 1;
	*out = (struct call){.kind = CALL_TEXT, .at = scalar_pos(p->s, from, i + 1), .text = {to, n}};
	return true;
}

static bool parse_bracket(struct parse *p, struct call *out)
{
	char open = p->s->text.p[p->at];
	out->at = scalar_pos(p->s, p->at, p->at + 1);
	out->kind = open == '(' ? CALL_TUPLE : CALL_ARRAY;
	p->at++;
	return parse_list(p, open == '(' ? ')' : ']', false, out);
}

static bool parse_value(struct parse *p, struct call *out)
{
	char c = peek(p);
	const struct var_part *v = scalar_var(p->s, p->at);
	bool good;
	*out = (struct call){0};
	if (++p->depth > DEPTH_MAX)
		return fail(p, p->at, p->at + 1, "a call nested too deeply");
	if (v && v->name.n) {
		*out = (struct call){.kind = CALL_TEXT, .at = scalar_pos(p->s, v->from, v->to), .text = v->value};
		p->at = v->to;
		good = true;
	} else if (c == '\'') {
		good = parse_text(p, out);
	} else if (c == '(' || c == '[') {
		good = parse_bracket(p, out);
	} else if ((c >= '0' && c <= '9') || c == '-') {
		good = parse_number(p, out);
	} else if (name_length(p->s->text, p->at)) {
		good = parse_name(p, out);
	} else {
		good = fail(p, p->at, p->at + 1,
			c == '"' ? "text in a call stands in '…'"
			: c == 0 ? "a call that says nothing"
					 : "a call is made of names, numbers, 'text', true, (a, b), [a, b] and f(…)");
	}
	p->depth--;
	return good;
}

bool call_parse(struct arena *a, const struct scalar *s, struct call *out, struct problems *ps)
{
	struct parse p = {.a = a, .s = s, .ps = ps};
	if (!parse_value(&p, out))
		return false;
	if (peek(&p) == '=')
		return fail(&p, p.at, p.at + 2, "== stands only in a check, as skip and must");
	return peek(&p) == 0 || fail(&p, p.at, s->text.n, "this stands behind the end of the call");
}

bool check_parse(struct arena *a, const struct scalar *s, struct check *out, struct problems *ps)
{
	struct parse p = {.a = a, .s = s, .ps = ps};
	*out = (struct check){0};
	if (!parse_value(&p, &out->left))
		return false;
	if (peek(&p) == '=' && p.at + 1 < s->text.n && s->text.p[p.at + 1] == '=') {
		p.at += 2;
		out->has_right = true;
		if (!parse_value(&p, &out->right))
			return false;
	}
	return peek(&p) == 0 ||
		   fail(&p, p.at, s->text.n, "a check is a call, or call == value: == is its only operator");
}
