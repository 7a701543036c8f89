#define _GNU_SOURCE /* memmem, memrchr */
#include "common/app/expand.h"

static bool name_char(char c, bool first)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || (!first && c >= '0' && c <= '9');
}

static const struct profile_var *in_profile(const struct vars *v, struct str name)
{
	for (const struct profile_var *p = v->set; p; p = p->next)
		if (str_is(name, p->name))
			return p;
	return NULL;
}

static bool look_up(struct vars *v, struct str name, struct str *value)
{
	const char *env = v->env(v->arg, arena_textn(v->a, name.p, name.n));
	if (env) {
		*value = str_of(arena_text(v->a, env));
		return true;
	}
	const struct profile_var *p = in_profile(v, name);
	if (p)
		*value = p->value;
	return p && p->set;
}

static void use_add(struct vars *v, struct str name, enum var_use use, struct pos at)
{
	struct used_var *u = arena_alloc(v->a, sizeof *u);
	*u = (struct used_var){name, use, at, v->used};
	v->used = u;
	const struct profile_var *p = in_profile(v, name);
	if (p && p->from)
		use_add(v, str_of(p->from), use, at);
}

/* One ${…}: [from, to) of the text, its name and what stands behind it. */
struct found {
	size_t from, to;
	struct str name, rest; /* rest: behind ":-" or ":?" */
	char mode;             /* 0, '-' or '?' */
};

static bool parse(struct vars *v, const struct scalar *s, size_t from, struct found *f)
{
	struct str t = s->text;
	size_t i = from + 2;
	while (i < t.n && name_char(t.p[i], i == from + 2))
		i++;
	const char *close = memchr(t.p + i, '}', t.n - i);
	*f = (struct found){.from = from, .name = {t.p + from + 2, i - from - 2}};
	f->to = close ? (size_t)(close - t.p) + 1 : t.n;
	if (f->name.n && close) {
		if (t.p[i] == '}')
			return true;
		f->mode = i + 1 < t.n && t.p[i] == ':' ? t.p[i + 1] : 0;
		if (f->mode == '-' || f->mode == '?') {
			f->rest = (struct str){t.p + i + 2, f->to - 1 - (i + 2)};
			return true;
		}
	}
	problem_add(v->ps, scalar_pos(s, f->from, f->to),
		"no variable: write ${VAR}, ${VAR:-default} or ${VAR:?message}; the characters ${ are written $${");
	return false;
}

static struct str value_of(struct vars *v, const struct scalar *s, const struct found *f, bool *set)
{
	struct str value = {"", 0};
	bool found = look_up(v, f->name, &value);
	*set = true;
	if (f->mode ? found && value.n : found)
		return value;
	if (f->mode == '-')
		return f->rest;
	*set = false;
	if (v->may_miss)
		return (struct str){"", 0};
	if (!found && in_profile(v, f->name))
		return (struct str){"", 0}; /* reported where the profile's value stands */
	struct pos at = scalar_pos(s, f->from, f->to);
	int n = (int)f->name.n;
	if (f->mode == '?' && f->rest.n)
		problem_add(v->ps, at, "%.*s: %.*s", n, f->name.p, (int)f->rest.n, f->rest.p);
	else if (v->profile)
		problem_add(v->ps, at, "%.*s is not set; put it into the environment or into profile %s", n,
			f->name.p, v->profile);
	else
		problem_add(v->ps, at, "%.*s is not set; put it into the environment", n, f->name.p);
	return (struct str){"", 0};
}

static size_t count(struct str t)
{
	size_t n = 0;
	for (size_t i = 0; i + 1 < t.n; i++)
		n += t.p[i] == '$' && t.p[i + 1] == '{';
	return n;
}

void expand(struct vars *v, struct scalar *s, enum var_use use)
{
	struct str t = s->text;
	size_t max = count(t), n = 0;
	struct var_part *parts = max ? arena_alloc(v->a, max * sizeof *parts) : NULL;
	for (size_t i = 0; i + 1 < t.n && n < max;) {
		if (t.p[i] != '$') {
			i++;
		} else if (t.p[i + 1] == '$' && i + 2 < t.n && t.p[i + 2] == '{') {
			parts[n++] = (struct var_part){i, i + 3, {"", 0}, STR("${"), true};
			i += 3;
		} else if (t.p[i + 1] == '{') {
			struct found f;
			bool set = false, good = parse(v, s, i, &f);
			struct str value = good ? value_of(v, s, &f, &set) : (struct str){"", 0};
			parts[n++] = (struct var_part){f.from, f.to, f.name, value, set};
			if (good)
				use_add(v, f.name, use, scalar_pos(s, f.from, f.to));
			i = f.to;
		} else {
			i++;
		}
	}
	s->vars = parts;
	s->nvars = n;
}

bool expand_secret(struct vars *v, struct scalar *s, bool may_miss)
{
	v->may_miss = may_miss;
	expand(v, s, USE_SECRET);
	v->may_miss = false;
	const struct var_part *p = s->vars;
	const struct profile_var *in = s->nvars ? in_profile(v, p->name) : NULL;
	bool whole = s->nvars == 1 && p->from == 0 && p->to == s->text.n && p->name.n;
	const char *def = whole ? memmem(s->text.p, s->text.n, ":-", 2) : NULL;
	bool no_default = !def || def + 3 == s->text.p + s->text.n;
	if (s->text.n == 0 ||
		(whole && no_default &&
			(!in || in->from || in->value.n == 0 || v->env(v->arg, arena_textn(v->a, p->name.p, p->name.n)))))
		return true;
	problem_add(v->ps, s->at,
		"a secret written out; it is ${VAR} and nothing else, and its value stands in the environment");
	return false;
}

void expand_check_secrets(struct vars *v)
{
	for (const struct used_var *u = v->used; u; u = u->next) {
		const struct used_var *secret = v->used;
		while (secret && !(secret->use == USE_SECRET && str_eq(secret->name, u->name)))
			secret = secret->next;
		if (u->use == USE_OPEN && secret)
			problem_add(v->ps, u->at, "%.*s is a secret (line %d); it can't stand in sql, text or a call",
				(int)u->name.n, u->name.p, secret->at.line);
	}
}
