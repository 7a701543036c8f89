#include "common/io/rpc_route.h"
#include "common/base/err.h"
#include "common/base/mem.h"

#include <stdlib.h>
#include <yajl_parse.h>

struct rpc_route {
	yajl_handle h;
	size_t depth;
	bool array, at_id;
	enum route found;
	uint64_t id;
};

static int end(struct rpc_route *r, enum route found)
{
	r->found = found;
	return 0;
}

static bool in_message(const struct rpc_route *r)
{
	return r->depth == (r->array ? 2 : 1);
}

static int on_value(struct rpc_route *r)
{
	r->at_id = false;
	return r->depth ? 1 : end(r, ROUTE_NOTHING);
}

static int on_number(void *ctx, const char *p, size_t n)
{
	struct rpc_route *r = ctx;
	if (r->at_id && in_message(r))
		return end(r, str_to_u64((struct str){p, n}, &r->id) ? ROUTE_ID : ROUTE_NOTHING);
	return on_value(r);
}

static int on_null(void *ctx)
{
	return on_value(ctx);
}
static int on_bool(void *ctx, int v)
{
	(void)v;
	return on_value(ctx);
}
static int on_string(void *ctx, const unsigned char *p, size_t n)
{
	(void)p, (void)n;
	return on_value(ctx);
}

static int on_key(void *ctx, const unsigned char *p, size_t n)
{
	struct rpc_route *r = ctx;
	struct str key = {(const char *)p, n};
	if (!in_message(r))
		return 1;
	r->at_id = str_is(key, "id");
	return str_is(key, "method") ? end(r, ROUTE_NOTHING) : 1;
}

static int on_open_map(void *ctx)
{
	struct rpc_route *r = ctx;
	r->at_id = false;
	r->depth++;
	return 1;
}
static int on_open_array(void *ctx)
{
	struct rpc_route *r = ctx;
	if (r->depth == 0)
		r->array = true;
	return on_open_map(ctx);
}
static int on_close(void *ctx)
{
	struct rpc_route *r = ctx;
	r->depth--;
	return 1;
}

struct rpc_route *rpc_route_new(void)
{
	static const yajl_callbacks callbacks = {on_null, on_bool, NULL, NULL, on_number, on_string, on_open_map,
		on_key, on_close, on_open_array, on_close};
	struct rpc_route *r = mem_alloc(sizeof *r);
	r->h = yajl_alloc(&callbacks, NULL, r);
	must(r->h);
	yajl_config(r->h, yajl_dont_validate_strings, 1);
	return r;
}

enum route rpc_route_feed(struct rpc_route *r, struct str piece, uint64_t *id)
{
	if (r->found == ROUTE_MORE && piece.n &&
		yajl_parse(r->h, (const unsigned char *)piece.p, piece.n) != yajl_status_ok && r->found == ROUTE_MORE)
		r->found = ROUTE_NOTHING;
	*id = r->id;
	return r->found;
}

void rpc_route_free(struct rpc_route *r)
{
	if (!r)
		return;
	yajl_free(r->h);
	free(r);
}
