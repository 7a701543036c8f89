#include "reconciler/serve/path.h"

#include <stdlib.h>

enum { DEEP = 64 }; /* most segments of a request's path */

struct path_node {
	struct str word;                 /* of the segment that leads here; of a parameter: empty */
	struct path_node *words, *param; /* below: the words, and the one parameter */
	struct path_node *next;          /* beside: another word */
	const void *here[PATH_METHODS];
	const void *rest[PATH_METHODS]; /* {rest*} below */
};
struct path_table {
	struct arena mem;
	struct path_node root;
};

struct path_table *path_table_new(void)
{
	return mem_alloc(sizeof(struct path_table));
}

void path_table_free(struct path_table *t)
{
	if (t)
		arena_fini(&t->mem);
	free(t);
}

bool path_method_of(struct str word, enum path_method *m)
{
	static const char *const words[PATH_METHODS] = {"GET", "POST", "PUT", "PATCH", "DELETE", "ANY"};
	for (int i = 0; i < PATH_METHODS; i++)
		if (str_is(word, words[i])) {
			*m = (enum path_method)i;
			return true;
		}
	return false;
}

size_t path_segments(struct arena *a, const char *path, const struct route_segment **out)
{
	struct route_segment *list = arena_alloc(a, (strlen(path) + 1) * sizeof *list);
	size_t n = 0;
	*out = list;
	if (text_is(path, "/"))
		return 0;
	for (const char *p = path; *p == '/';) {
		size_t len = strcspn(++p, "/");
		bool name = *p == '{';
		const char *text = name ? arena_textn(a, p + 1, len - 2) : arena_textn(a, p, len);
		list[n] = name ? (struct route_segment){.name = text} : (struct route_segment){.word = text};
		if (name && text_is(strrchr(text, '*'), "*")) {
			list[n].rest = true;
			list[n].name = arena_textn(a, text, strlen(text) - 1);
		}
		n++;
		p += len;
	}
	return n;
}

static struct path_node *below(struct path_table *t, struct path_node *n, const struct route_segment *s)
{
	struct path_node **at = s->word ? &n->words : &n->param;
	while (s->word && *at && !str_is((*at)->word, s->word))
		at = &(*at)->next;
	if (!*at) {
		*at = arena_alloc(&t->mem, sizeof **at);
		(*at)->word = str_of(s->word);
	}
	return *at;
}

static bool put(const void **at, const void *target)
{
	if (*at)
		return false;
	*at = target;
	return true;
}

bool path_add(struct path_table *t, enum path_method m, const struct route_segment *segments, size_t n,
	const void *target)
{
	struct path_node *at = &t->root;
	for (size_t i = 0; i < n; i++) {
		if (segments[i].rest)
			return put(&at->rest[m], target);
		if (segments[i].optional && !put(&at->here[m], target))
			return false;
		at = below(t, at, &segments[i]);
	}
	return put(&at->here[m], target);
}

struct str path_decode(struct arena *a, struct str s, bool plus)
{
	if (!memchr(s.p, '%', s.n) && !(plus && memchr(s.p, '+', s.n))) /* bytes may stand there as they are */
		return utf8_valid(s) && !memchr(s.p, 0, s.n) ? s : (struct str){NULL, 0};
	char *out = arena_alloc(a, s.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++) {
		if (!s.p[i])
			return (struct str){NULL, 0};
		if (s.p[i] != '%') {
			out[n++] = plus && s.p[i] == '+' ? ' ' : s.p[i];
			continue;
		}
		int high = i + 1 < s.n ? hex_digit(s.p[i + 1]) : -1;
		int low = i + 2 < s.n ? hex_digit(s.p[i + 2]) : -1;
		if (high < 0 || low < 0 || (high == 0 && low == 0))
			return (struct str){NULL, 0};
		out[n++] = (char)(high * 16 + low);
		i += 2;
	}
	struct str r = {out, n};
	return utf8_valid(r) ? r : (struct str){NULL, 0};
}

struct search {
	enum path_method m;
	struct str raw[DEEP], parts[DEEP]; /* as they came; decoded */
	size_t n;
	struct str path; /* without one "/" at the end */
	struct path_match *out;
};

static bool stands(struct search *s, const void *const *here)
{
	for (int i = 0; i < PATH_METHODS; i++)
		if (here[i])
			s->out->allowed |= 1U << i;
	s->out->target = here[s->m] ? here[s->m] : here[PATH_ANY];
	return s->out->target != NULL;
}

/* {rest*} from segment i on; what it takes is decoded by the caller. */
static bool stands_rest(struct search *s, const struct path_node *n, size_t i, size_t values)
{
	if (values == PATH_VALUES || !stands(s, n->rest))
		return false;
	size_t from = i < s->n ? (size_t)(s->raw[i].p - s->path.p) : s->path.n;
	s->out->values[values] = (struct str){s->path.p + from, s->path.n - from};
	s->out->n = values + 1;
	s->out->has_rest = true;
	return true;
}

/* From node n on with segments i …; values: how many parameters lie behind. */
static bool walk(struct search *s, const struct path_node *n, size_t i, size_t values)
{
	if (i == s->n) {
		s->out->n = values;
		return stands(s, n->here) || stands_rest(s, n, i, values);
	}
	const struct path_node *w = n->words;
	while (w && !str_eq(w->word, s->parts[i]))
		w = w->next;
	if (w && walk(s, w, i + 1, values))
		return true;
	if (n->param && s->parts[i].n && values < PATH_VALUES) {
		struct str mine = s->parts[i];
		if (walk(s, n->param, i + 1, values + 1)) {
			s->out->values[values] = mine;
			return true;
		}
	}
	return stands_rest(s, n, i, values);
}

/* Parts between slashes. */
static enum path_result split(struct search *s, struct arena *a, struct str path)
{
	if (!path.n || path.p[0] != '/')
		return PATH_NONE;
	if (path.n > 1 && path.p[path.n - 1] == '/')
		path.n--;
	s->path = path;
	for (size_t i = 1; path.n > 1 && i <= path.n;) {
		const char *slash = i < path.n ? memchr(path.p + i, '/', path.n - i) : NULL;
		size_t to = slash ? (size_t)(slash - path.p) : path.n;
		if (s->n == DEEP)
			return PATH_NONE;
		s->raw[s->n] = (struct str){path.p + i, to - i};
		s->parts[s->n] = path_decode(a, s->raw[s->n], false);
		if (!s->parts[s->n++].p)
			return PATH_BAD;
		i = to + 1;
	}
	return PATH_FOUND;
}

enum path_result path_find(
	const struct path_table *t, enum path_method m, struct str path, struct arena *a, struct path_match *out)
{
	struct search s;
	s.m = m;
	s.n = 0;
	s.out = out;
	out->target = NULL;
	out->allowed = 0;
	out->n = 0;
	out->has_rest = false;
	enum path_result got = split(&s, a, path);
	if (got != PATH_FOUND)
		return got;
	if (!walk(&s, &t->root, 0, 0))
		return out->allowed ? PATH_OTHER : PATH_NONE;
	if (out->has_rest)
		out->values[out->n - 1] = path_decode(a, out->values[out->n - 1], false);
	return PATH_FOUND;
}
