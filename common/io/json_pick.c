#include "common/io/json_pick.h"
#include "common/base/err.h"

#include <yajl_parse.h>

/* level[d] belongs to the d-th open container. live: the paths whose first d-1 names led here; ends: the
 * paths whose value this container is, which began at begin. */
struct pick {
	yajl_handle h;
	struct str text;
	const char *const *paths;
	struct str *out;
	int n;
	size_t depth;
	struct {
		uint32_t live, ends;
		size_t begin;
	} level[JSON_PICK_DEPTH + 1];
	uint32_t next_live, next_ends; /* of the value that follows the key just read */
	size_t key_end;
};

static size_t here(const struct pick *k)
{
	return yajl_get_bytes_consumed(k->h);
}

static void keep(struct pick *k, uint32_t which, size_t begin)
{
	for (int i = 0; i < k->n; i++)
		if (which >> i & 1)
			k->out[i] = (struct str){k->text.p + begin, here(k) - begin};
}

static int on_key(void *ctx, const unsigned char *p, size_t n)
{
	struct pick *k = ctx;
	k->next_live = k->next_ends = 0;
	k->key_end = here(k);
	if (k->depth > JSON_PICK_DEPTH)
		return 1;
	uint32_t live = k->level[k->depth].live;
	for (int i = 0; live >> i; i++) {
		if (!(live >> i & 1))
			continue;
		const char *name = k->paths[i];
		for (size_t d = 1; d < k->depth && name; d++) {
			name = strchr(name, '.');
			name += name != NULL;
		}
		if (!name || strncmp(name, (const char *)p, n) != 0 || (name[n] && name[n] != '.'))
			continue;
		*(name[n] ? &k->next_live : &k->next_ends) |= 1U << i;
	}
	return 1;
}

static int on_scalar(struct pick *k)
{
	if (k->next_ends) {
		size_t at = k->key_end;
		while (at < k->text.n && strchr(" \t\r\n:", k->text.p[at]))
			at++;
		keep(k, k->next_ends, at);
	}
	k->next_live = k->next_ends = 0;
	return 1;
}

static int on_open(void *ctx)
{
	struct pick *k = ctx;
	k->depth++;
	if (k->depth <= JSON_PICK_DEPTH) {
		k->level[k->depth].live = k->depth == 1 ? (uint32_t)((1ULL << k->n) - 1) : k->next_live;
		k->level[k->depth].ends = k->next_ends;
		k->level[k->depth].begin = here(k) - 1;
	}
	k->next_live = k->next_ends = 0;
	return 1;
}

static int on_open_array(void *ctx)
{
	struct pick *k = ctx;
	on_open(k);
	if (k->depth <= JSON_PICK_DEPTH)
		k->level[k->depth].live = 0; /* no path leads through an array */
	return 1;
}

static int on_close(void *ctx)
{
	struct pick *k = ctx;
	if (k->depth <= JSON_PICK_DEPTH)
		keep(k, k->level[k->depth].ends, k->level[k->depth].begin);
	k->depth--;
	return 1;
}

static int on_null(void *ctx)
{
	return on_scalar(ctx);
}
static int on_bool(void *ctx, int v)
{
	(void)v;
	return on_scalar(ctx);
}
static int on_number(void *ctx, const char *p, size_t n)
{
	(void)p, (void)n;
	return on_scalar(ctx);
}
static int on_string(void *ctx, const unsigned char *p, size_t n)
{
	(void)p, (void)n;
	return on_scalar(ctx);
}

static bool parse_all(yajl_handle h, struct str text)
{
	return yajl_parse(h, (const unsigned char *)text.p, text.n) == yajl_status_ok &&
		   yajl_complete_parse(h) == yajl_status_ok;
}

bool json_pick(struct str *out, const char *const *paths, int n, struct str text)
{
	static const yajl_callbacks calls = {on_null, on_bool, NULL, NULL, on_number, on_string, on_open, on_key,
		on_close, on_open_array, on_close};
	must(n > 0 && n <= JSON_PICK_PATHS);
	struct pick k = {.text = text, .paths = paths, .out = out, .n = n};
	for (int i = 0; i < n; i++)
		out[i] = (struct str){0};
	k.h = yajl_alloc(&calls, NULL, &k);
	must(k.h);
	bool ok = text.n > 0 && parse_all(k.h, text);
	yajl_free(k.h);
	for (int i = 0; i < n && !ok; i++)
		out[i] = (struct str){0};
	return ok;
}

struct unquote {
	struct arena *a;
	struct str *out;
	bool found;
};

static int on_text(void *ctx, const unsigned char *p, size_t n)
{
	struct unquote *u = ctx;
	*u->out = (struct str){arena_textn(u->a, (const char *)p, n), n};
	u->found = true;
	return 1;
}

bool json_pick_text(struct arena *a, struct str *out, struct str raw)
{
	static const yajl_callbacks calls = {.yajl_string = on_text};
	*out = (struct str){0};
	if (raw.n < 2 || raw.p[0] != '"')
		return false;
	struct unquote u = {a, out, false};
	yajl_handle h = yajl_alloc(&calls, NULL, &u);
	must(h);
	bool ok = parse_all(h, raw);
	yajl_free(h);
	return ok && u.found;
}
