#include "common/io/rpc_json.h"
#include "common/io/json_pick.h"

#include <stdlib.h>
#include <yajl_parse.h>

struct span {
	size_t at, n; /* n == 0: not there */
};
struct found {
	struct span result, error;
};
enum member { MEMBER_NONE, MEMBER_ID, MEMBER_RESULT, MEMBER_ERROR };

struct rpc_json {
	yajl_handle h;
	const struct buf *body;
	size_t base; /* offset in body of the piece being fed */
	size_t fed;  /* bytes of body given to the parser */
	uint64_t first_id;
	int calls, answered;
	struct found *answers; /* by call */
	struct found whole;    /* an error that bears no id: it is about the whole request */
	size_t depth;          /* open containers */
	bool array;            /* the body is an array of answers */
	bool failed;           /* no more is read */
	const char *wrong;     /* JSON, but no JSON-RPC reply: why; NULL: not JSON */
	enum member member;    /* of the value being read, in an answer's own object */
	size_t key_end;
	struct span id;
	struct found now; /* the answer being read */
};

static size_t here(const struct rpc_json *j)
{
	return j->base + yajl_get_bytes_consumed(j->h);
}

/* Ends the parse: nothing behind this can mend the reply. */
static int give_up(struct rpc_json *j, const char *why)
{
	j->wrong = why;
	return 0;
}

static size_t answer_depth(const struct rpc_json *j)
{
	return j->array ? 2 : 1;
}

static bool is_null(const struct rpc_json *j, struct span s)
{
	return s.n == 4 && memcmp(j->body->p + s.at, "null", 4) == 0;
}

static bool has_error(const struct rpc_json *j, const struct found *f)
{
	return f->error.n && !is_null(j, f->error);
}

static int end_answer(struct rpc_json *j)
{
	struct found f = j->now;
	if (!has_error(j, &f) && !f.result.n)
		return give_up(j, "JSON without result and error, not JSON-RPC");
	if (j->id.n == 0 || is_null(j, j->id)) {
		if (!has_error(j, &f))
			return give_up(j, "a result without an id");
		j->whole = f;
		return 1;
	}
	uint64_t id;
	if (!str_to_u64((struct str){j->body->p + j->id.at, j->id.n}, &id) || id < j->first_id ||
		id - j->first_id >= (uint64_t)j->calls)
		return give_up(j, "with an id that was not asked");
	struct found *slot = &j->answers[id - j->first_id];
	if (slot->result.n || slot->error.n)
		return give_up(j, "the same id twice");
	*slot = f;
	j->answered++;
	return 1;
}

static int end_value(struct rpc_json *j)
{
	struct span *s = j->member == MEMBER_ID       ? &j->id
					 : j->member == MEMBER_RESULT ? &j->now.result
					 : j->member == MEMBER_ERROR  ? &j->now.error
												  : NULL;
	j->member = MEMBER_NONE;
	if (!s)
		return 1;
	if (s->n)
		return give_up(j, "the same member twice in one answer");
	size_t at = j->key_end;
	while (at < here(j) && strchr(" \t\r\n:", j->body->p[at]))
		at++;
	*s = (struct span){at, here(j) - at};
	return 1;
}

static int on_scalar(struct rpc_json *j)
{
	if (j->depth < answer_depth(j))
		return give_up(j, "JSON that is no object, not JSON-RPC");
	return j->depth == answer_depth(j) ? end_value(j) : 1;
}

static int on_open(struct rpc_json *j, bool map)
{
	if (j->depth == 0)
		j->array = !map;
	if (j->depth + 1 == answer_depth(j)) {
		if (!map)
			return give_up(j, "JSON that is no object, not JSON-RPC");
		j->now = (struct found){0};
		j->id = (struct span){0};
		j->member = MEMBER_NONE;
	}
	j->depth++;
	return 1;
}

static int on_close(void *ctx)
{
	struct rpc_json *j = ctx;
	j->depth--;
	if (j->depth == answer_depth(j))
		return end_value(j);
	return j->depth + 1 == answer_depth(j) ? end_answer(j) : 1;
}

static int on_key(void *ctx, const unsigned char *p, size_t n)
{
	struct rpc_json *j = ctx;
	if (j->depth != answer_depth(j))
		return 1;
	struct str key = {(const char *)p, n};
	j->member = str_is(key, "id")       ? MEMBER_ID
				: str_is(key, "result") ? MEMBER_RESULT
				: str_is(key, "error")  ? MEMBER_ERROR
										: MEMBER_NONE;
	j->key_end = here(j);
	return 1;
}

static int on_open_map(void *ctx)
{
	return on_open(ctx, true);
}
static int on_open_array(void *ctx)
{
	return on_open(ctx, false);
}
static int on_close_array(void *ctx)
{
	struct rpc_json *j = ctx;
	j->depth--;
	return j->depth == answer_depth(j) ? end_value(j) : 1;
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

struct rpc_json *rpc_json_new(const struct buf *body, uint64_t first_id, int calls)
{
	static const yajl_callbacks callbacks = {on_null, on_bool, NULL, NULL, on_number, on_string, on_open_map,
		on_key, on_close, on_open_array, on_close_array};
	must(calls > 0);
	struct rpc_json *j = mem_alloc(sizeof *j);
	j->body = body;
	j->first_id = first_id;
	j->calls = calls;
	j->answers = mem_alloc((size_t)calls * sizeof *j->answers);
	j->h = yajl_alloc(&callbacks, NULL, j);
	must(j->h);
	return j;
}

bool rpc_json_feed(struct rpc_json *j)
{
	if (j->failed || j->fed == j->body->n)
		return !j->failed;
	j->base = j->fed;
	j->fed = j->body->n;
	const unsigned char *piece = (const unsigned char *)j->body->p + j->base;
	j->failed = yajl_parse(j->h, piece, j->fed - j->base) != yajl_status_ok;
	return !j->failed;
}

static struct str slice(const struct rpc_json *j, struct span s)
{
	return s.n ? (struct str){j->body->p + s.at, s.n} : (struct str){0};
}

/* The error object of JSON-RPC 2.0 section 5.1; some nodes send a bare string in its place. */
static void read_error(struct rpc_answer *out, struct arena *a, struct str raw)
{
	static const char *const paths[] = {"code", "message", "data"};
	struct str v[3];
	*out = (struct rpc_answer){0};
	if (json_pick_text(a, &out->message, raw) || !json_pick(v, paths, 3, raw))
		return;
	bool minus = v[0].n && v[0].p[0] == '-';
	uint64_t code;
	if (v[0].n && str_to_u64((struct str){v[0].p + minus, v[0].n - minus}, &code) && code <= INT32_MAX)
		out->code = minus ? -(int)code : (int)code;
	json_pick_text(a, &out->message, v[1]);
	if (!str_is(v[2], "null"))
		out->data = v[2];
}

static void read_answer(
	const struct rpc_json *j, struct rpc_answer *out, struct arena *a, const struct found *f)
{
	if (has_error(j, f))
		read_error(out, a, slice(j, f->error));
	else
		*out = (struct rpc_answer){.ok = true, .result = slice(j, f->result)};
}

static bool not_json(const struct rpc_json *j, bool cut, struct err *e)
{
	if (j->body->n == 0)
		return err_set(e, ERR_MALFORMED, "nothing");
	const char *p = j->body->p, *end = p + j->body->n;
	while (p < end && strchr(" \t\r\n", *p))
		p++;
	if (p == end)
		return err_set(e, ERR_MALFORMED, "nothing");
	if (*p == '<')
		return err_set(e, ERR_MALFORMED, "HTML");
	if (cut)
		return err_set(e, ERR_MALFORMED, "JSON that ends after %zu bytes", j->body->n);
	return err_set(e, ERR_MALFORMED, "text that is not JSON");
}

bool rpc_json_end(struct rpc_json *j, struct arena *a, struct rpc_answer *answers, struct err *e)
{
	rpc_json_feed(j);
	bool cut = !j->failed;
	j->base = j->fed;
	if (j->failed || yajl_complete_parse(j->h) != yajl_status_ok)
		return j->wrong ? err_set(e, ERR_MALFORMED, "%s", j->wrong) : not_json(j, cut, e);
	struct found stand_in = j->whole;
	/* geth refuses a batch that is too large by one error that bears the first call's id. */
	if (!stand_in.error.n && j->answered == 1)
		for (int i = 0; i < j->calls; i++)
			if (has_error(j, &j->answers[i]))
				stand_in = j->answers[i];
	if (j->answered < j->calls && !stand_in.error.n)
		return err_set(e, ERR_MALFORMED, "%d of %d calls", j->answered, j->calls);
	for (int i = 0; i < j->calls; i++) {
		const struct found *f = &j->answers[i];
		read_answer(j, &answers[i], a, f->result.n || f->error.n ? f : &stand_in);
	}
	return true;
}

void rpc_json_free(struct rpc_json *j)
{
	if (!j)
		return;
	yajl_free(j->h);
	free(j->answers);
	free(j);
}
