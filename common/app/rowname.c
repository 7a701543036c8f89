#include "common/app/rowname.h"

#include <stdio.h>

struct checking {
	void (*say)(void *arg, const char *text);
	void *arg;
	bool good;
};

__attribute__((format(printf, 2, 3))) static void say(struct checking *c, const char *fmt, ...)
{
	char text[320];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	c->good = false;
	c->say(c->arg, text);
}

struct str rowname_key(const char *alias)
{
	struct str s = str_of(alias);
	if (s.n && s.p[s.n - 1] == '!')
		s.n--;
	return s;
}

static bool parts_ok(struct str s)
{
	bool empty = true;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '.' && empty)
			return false;
		empty = s.p[i] == '.';
	}
	return !empty;
}

static bool is_below(struct str inner, struct str outer)
{
	return inner.n > outer.n && inner.p[outer.n] == '.' && memcmp(inner.p, outer.p, outer.n) == 0;
}

static void one(struct checking *c, const char *name, size_t i, bool status, bool keyed)
{
	struct str key = rowname_key(name);
	bool known = (status && str_is(key, "_status")) || (keyed && str_is(key, "_key"));
	if (strcmp(name, "?column?") == 0)
		say(c, "column %zu has no name; write AS and one", i + 1);
	else if (key.n && key.p[0] == '_' && !known && (str_is(key, "_status") || str_is(key, "_key")))
		say(c, "%s means nothing here; it is of %s", name,
			str_is(key, "_key") ? "with" : "one, else, refuse and reply");
	else if (key.n && key.p[0] == '_' && !known)
		say(c, "the column %s: names that begin with _ are _status and _key", name);
	else if (!parts_ok(key))
		say(c, "the column \"%s\" has a part without a name; dots nest, as \"a.b\"", name);
}

bool rowname_check(const char *const *names, size_t n, bool status, bool keyed,
	void (*tell)(void *arg, const char *text), void *arg)
{
	struct checking c = {tell, arg, true};
	for (size_t i = 0; i < n; i++) {
		struct str a = rowname_key(names[i]);
		one(&c, names[i], i, status, keyed);
		for (size_t k = 0; k < i; k++) {
			struct str b = rowname_key(names[k]);
			if (str_eq(a, b) && strcmp(names[i], "?column?") != 0)
				say(&c, "two columns are called %.*s; give one another name", (int)a.n, a.p);
			else if (is_below(a, b) || is_below(b, a))
				say(&c, "%s beside %s: a key is a value or an object", names[k], names[i]);
		}
	}
	return c.good;
}
