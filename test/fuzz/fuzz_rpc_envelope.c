/* The bodies of JSON-RPC replies, in pieces and whole, kept and streamed: every way must agree, and every
 * slice must be readable. */
#include "common/base/err.h"
#include "common/base/mem.h"
#include "common/io/json_pick.h"
#include "common/io/rpc_json.h"
#include "common/io/rpc_route.h"

#include <stdlib.h>

enum { CALLS = 3 };
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* What was told, as a text. */
struct told {
	struct buf text;
	int depth, lists;
};

static bool put(void *ctx, char c, struct str s)
{
	struct told *t = ctx;
	must(t->depth > 0);
	buf_char(&t->text, c);
	buf_str(&t->text, s);
	return t->text.n < 1 << 16;
}
static bool on_null(void *ctx)
{
	return put(ctx, 'n', (struct str){0});
}
static bool on_bool(void *ctx, bool v)
{
	return put(ctx, v ? 't' : 'f', (struct str){0});
}
static bool on_number(void *ctx, struct str s)
{
	return put(ctx, '#', s);
}
static bool on_string(void *ctx, struct str s)
{
	return put(ctx, '"', s);
}
static bool on_key(void *ctx, struct str s)
{
	return put(ctx, ':', s);
}
static bool on_open_map(void *ctx)
{
	((struct told *)ctx)->depth++;
	return put(ctx, '{', (struct str){0});
}
static bool on_open_array(void *ctx)
{
	struct told *t = ctx;
	t->lists += t->depth++ == 0;
	return put(ctx, '[', (struct str){0});
}
static bool on_close_map(void *ctx)
{
	bool more = put(ctx, '}', (struct str){0});
	((struct told *)ctx)->depth--;
	return more;
}
static bool on_close_array(void *ctx)
{
	bool more = put(ctx, ']', (struct str){0});
	((struct told *)ctx)->depth--;
	return more;
}
static const struct sax sax = {
	on_null, on_bool, on_number, on_string, on_open_map, on_key, on_close_map, on_open_array, on_close_array};

static void put_answer(struct buf *b, const struct rpc_answer *a)
{
	struct buf revert = {0};
	buf_printf(b, "%d %d %d", a->ok, a->code, rpc_is_revert(a, &revert));
	buf_str(b, a->result);
	buf_str(b, a->data);
	buf_str(b, a->message);
	buf_fini(&revert);
}

/* out: all that is known behind the end. stream: the call whose result is told, -1: none. */
static bool parse(struct buf *out, const uint8_t *p, size_t n, size_t piece, int stream)
{
	struct arena a = {0};
	struct rpc_answer answers[CALLS];
	struct err e = {0};
	struct told told = {0};
	struct rpc_json *j = rpc_json_new(1, CALLS);
	if (stream >= 0)
		rpc_json_stream(j, stream, &sax, &told);
	for (size_t at = 0; at < n; at += piece) {
		char *copy = mem_textn((const char *)p + at, n - at < piece ? n - at : piece);
		bool more = rpc_json_feed(j, (struct str){copy, n - at < piece ? n - at : piece});
		free(copy);
		if (!more)
			break;
	}
	bool ok = rpc_json_end(j, &a, answers, &e);
	must(ok == (e.class == ERR_NONE) && told.lists <= 1);
	for (int i = 0; i < CALLS && ok; i++) {
		must(!answers[i].ok || i == stream || answers[i].result.n);
		must(!answers[i].ok || i != stream || (answers[i].result.n == 0) == (told.lists == 1));
		put_answer(out, &answers[i]);
	}
	must(!ok || told.depth == 0);
	if (ok)
		buf_put(out, told.text.p, told.text.n);
	rpc_json_free(j);
	buf_fini(&told.text);
	arena_fini(&a);
	return ok;
}

static enum route route(const uint8_t *p, size_t n, size_t piece, uint64_t *id)
{
	struct rpc_route *r = rpc_route_new();
	enum route found = ROUTE_MORE;
	*id = 0;
	for (size_t at = 0; at < n; at += piece)
		found = rpc_route_feed(r, (struct str){(const char *)p + at, n - at < piece ? n - at : piece}, id);
	rpc_route_free(r);
	return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	if (n == 0)
		return 0;
	size_t piece = 1 + p[0] % 16;
	uint64_t id, same;
	enum route found = route(p, n, n, &id);
	must(route(p, n, piece, &same) == found && same == id);
	for (int stream = -1; stream < CALLS; stream++) {
		struct buf whole = {0}, pieces = {0};
		bool ok = parse(&whole, p, n, n, stream);
		must(parse(&pieces, p, n, piece, stream) == ok);
		must(whole.n == pieces.n && memcmp(whole.n ? whole.p : "", pieces.n ? pieces.p : "", whole.n) == 0);
		buf_fini(&whole);
		buf_fini(&pieces);
	}
	return 0;
}
