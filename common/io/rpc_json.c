#include "common/io/rpc_json.h"
#include "common/io/json_list.h"
#include "common/io/json_pick.h"

#include <stdlib.h>
#include <yajl_parse.h>

struct span {
	size_t at, n; /* of kept; n == 0: not there */
};
struct found {
	struct span result, error;
	bool streamed; /* the result was told */
};
enum member { MEMBER_NONE, MEMBER_ID, MEMBER_RESULT, MEMBER_ERROR };

struct rpc_json {
	yajl_handle h;
	struct str piece; /* being read */
	uint64_t bytes;   /* of the body so far */
	uint64_t first_id;
	int calls, answered;
	struct found *answers; /* by call */
	struct found whole;    /* an error that bears no id: it is about the whole request */
	size_t depth;          /* open containers */
	bool array;            /* the body is an array of answers */
	bool failed;           /* no more is read */
	const char *wrong;     /* JSON, but no JSON-RPC reply: why; NULL: not JSON */
	struct buf head;
	/* the value being read, of a member of an answer's own object */
	enum member member;
	bool taking;      /* its bytes go to kept, where it begins at `at` */
	size_t at, taken; /* taken: offset in piece of what is not there yet */
	struct buf kept;
	/* the answer being read */
	bool id_seen, id_good; /* id_good: it is no null */
	uint64_t id;           /* UINT64_MAX: none that we ask with */
	struct found now;
	/* the streamed call */
	const struct sax *sax; /* NULL: there is none */
	void *ctx;
	uint64_t stream_id;
	struct json_list *list;      /* reads it */
	bool streaming, stream_used; /* inside its result; a list was told */
	bool stop, unwanted;
};

static size_t here(const struct rpc_json *j)
{
	return yajl_get_bytes_consumed(j->h);
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

static struct str slice(const struct rpc_json *j, struct span s)
{
	return s.n ? (struct str){j->kept.p + s.at, s.n} : (struct str){0};
}

static bool has_error(const struct rpc_json *j, const struct found *f)
{
	return f->error.n && !str_is(slice(j, f->error), "null");
}

static int end_answer(struct rpc_json *j)
{
	struct found f = j->now;
	if (!has_error(j, &f) && !f.result.n && !f.streamed)
		return give_up(j, "JSON without result and error, not JSON-RPC");
	if (!j->id_good) {
		if (!has_error(j, &f))
			return give_up(j, "a result without an id");
		j->whole = f;
		return 1;
	}
	if (j->id < j->first_id || j->id - j->first_id >= (uint64_t)j->calls)
		return give_up(j, "with an id that was not asked");
	if (f.streamed && j->id != j->stream_id)
		return give_up(j, "a list under the id of another call");
	struct found *slot = &j->answers[j->id - j->first_id];
	if (slot->result.n || slot->error.n || slot->streamed)
		return give_up(j, "the same id twice");
	*slot = f;
	j->answered++;
	return 1;
}

static void take_to(struct rpc_json *j, size_t end)
{
	buf_put(&j->kept, j->piece.p + j->taken, end - j->taken);
	j->taken = end;
}

static int end_id(struct rpc_json *j, struct str raw)
{
	if (j->id_seen)
		return give_up(j, "the same member twice in one answer");
	j->id_seen = true;
	j->id_good = !str_is(raw, "null");
	if (!str_to_u64(raw, &j->id))
		j->id = UINT64_MAX;
	j->kept.n = j->at;
	return 1;
}

static int end_value(struct rpc_json *j)
{
	enum member member = j->member;
	j->member = MEMBER_NONE;
	if (member == MEMBER_NONE)
		return 1;
	j->taking = false;
	take_to(j, here(j));
	struct span v = {j->at, j->kept.n - j->at};
	while (v.n && strchr(" \t\r\n:", j->kept.p[v.at]))
		v.at++, v.n--;
	if (member == MEMBER_ID)
		return end_id(j, slice(j, v));
	struct span *s = member == MEMBER_RESULT ? &j->now.result : &j->now.error;
	if (s->n || (member == MEMBER_RESULT && j->now.streamed))
		return give_up(j, "the same member twice in one answer");
	*s = v;
	return 1;
}

static int on_scalar(struct rpc_json *j)
{
	if (j->depth < answer_depth(j))
		return give_up(j, "JSON that is no object, not JSON-RPC");
	return j->depth == answer_depth(j) ? end_value(j) : 1;
}

/* ---- the streamed result ---- */

static int told(struct rpc_json *j, bool wanted)
{
	j->unwanted = !wanted;
	return wanted && !j->stop ? 1 : give_up(j, "what was not wanted any more");
}

/* Whether the list that begins here is the streamed one. An id that stands behind its result is not known
 * yet: end_answer looks at it. */
static bool stream_begins(const struct rpc_json *j)
{
	return j->sax && !j->stream_used && j->member == MEMBER_RESULT && j->depth == answer_depth(j) &&
		   !j->now.result.n && (!j->id_seen || j->id == j->stream_id);
}

static int stream_begin(struct rpc_json *j)
{
	j->taking = false;
	j->kept.n = j->at;
	j->streaming = j->stream_used = true;
	j->list = json_list_new(j->sax, j->ctx);
	j->depth++;
	return told(j, j->sax->on_open_array(j->ctx));
}

static int stream_end(struct rpc_json *j)
{
	j->depth--;
	j->streaming = false;
	j->member = MEMBER_NONE;
	j->now.streamed = true;
	return told(j, j->sax->on_close_array(j->ctx));
}

/* ---- yajl's events ---- */

static int on_open(struct rpc_json *j, bool map)
{
	if (j->depth == 0)
		j->array = !map;
	if (j->depth + 1 == answer_depth(j)) {
		if (!map)
			return give_up(j, "JSON that is no object, not JSON-RPC");
		j->now = (struct found){0};
		j->id_seen = j->id_good = false;
		j->member = MEMBER_NONE;
	}
	j->depth++;
	return 1;
}

static int on_close_map(void *ctx)
{
	struct rpc_json *j = ctx;
	j->depth--;
	if (j->depth == answer_depth(j))
		return end_value(j);
	return j->depth + 1 == answer_depth(j) ? end_answer(j) : 1;
}

static int on_close_array(void *ctx)
{
	struct rpc_json *j = ctx;
	if (j->streaming)
		return stream_end(j);
	j->depth--;
	return j->depth == answer_depth(j) ? end_value(j) : 1;
}

static int on_key(void *ctx, const unsigned char *p, size_t n)
{
	struct rpc_json *j = ctx;
	struct str key = {(const char *)p, n};
	if (j->depth != answer_depth(j))
		return 1;
	j->member = str_is(key, "id")       ? MEMBER_ID
				: str_is(key, "result") ? MEMBER_RESULT
				: str_is(key, "error")  ? MEMBER_ERROR
										: MEMBER_NONE;
	j->taking = j->member != MEMBER_NONE;
	j->taken = here(j);
	j->at = j->kept.n;
	return 1;
}

static int on_open_map(void *ctx)
{
	return on_open(ctx, true);
}
static int on_open_array(void *ctx)
{
	struct rpc_json *j = ctx;
	return stream_begins(j) ? stream_begin(j) : on_open(j, false);
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

/* ---- the outside ---- */

struct rpc_json *rpc_json_new(uint64_t first_id, int calls)
{
	static const yajl_callbacks callbacks = {on_null, on_bool, NULL, NULL, on_number, on_string, on_open_map,
		on_key, on_close_map, on_open_array, on_close_array};
	must(calls > 0);
	struct rpc_json *j = mem_alloc(sizeof *j);
	j->first_id = first_id;
	j->calls = calls;
	j->answers = mem_alloc((size_t)calls * sizeof *j->answers);
	j->h = yajl_alloc(&callbacks, NULL, j);
	must(j->h);
	return j;
}

void rpc_json_stream(struct rpc_json *j, int call, const struct sax *sax, void *ctx)
{
	must(call >= 0 && call < j->calls && j->bytes == 0);
	j->sax = sax;
	j->ctx = ctx;
	j->stream_id = j->first_id + (unsigned)call;
	yajl_config(j->h, yajl_dont_validate_strings, 1);
}

/* Up to a bracket that may begin the streamed list, which is not for yajl. */
static size_t feed_yajl(struct rpc_json *j, struct str piece)
{
	const char *bracket = j->sax && !j->stream_used ? memchr(piece.p, '[', piece.n) : NULL;
	if (bracket)
		piece.n = (size_t)(bracket - piece.p) + 1;
	j->piece = piece;
	j->taken = 0;
	j->failed = yajl_parse(j->h, (const unsigned char *)piece.p, piece.n) != yajl_status_ok;
	if (j->taking && !j->failed)
		take_to(j, piece.n);
	return piece.n;
}

/* yajl gets the bracket that ends the list: for it, the list was empty. */
static size_t feed_list(struct rpc_json *j, struct str piece)
{
	size_t used;
	enum json_list_took took = json_list_feed(j->list, piece, &used);
	if (took == JSON_LIST_STOPPED)
		told(j, j->stop); /* by whoever gave it up, or by its listener */
	j->failed = took == JSON_LIST_BROKEN || took == JSON_LIST_STOPPED;
	if (took != JSON_LIST_END)
		return used;
	feed_yajl(j, (struct str){piece.p + used, 1});
	return used + 1;
}

bool rpc_json_feed(struct rpc_json *j, struct str piece)
{
	j->bytes += piece.n;
	if (j->head.n < RPC_JSON_HEAD)
		buf_put(&j->head, piece.p, piece.n < RPC_JSON_HEAD - j->head.n ? piece.n : RPC_JSON_HEAD - j->head.n);
	if (j->failed || piece.n == 0)
		return !j->failed;
	while (piece.n > 0 && !j->failed) {
		size_t used = j->streaming ? feed_list(j, piece) : feed_yajl(j, piece);
		piece.p += used;
		piece.n -= used;
	}
	return !j->failed;
}

void rpc_json_stop(struct rpc_json *j)
{
	j->stop = true;
	if (j->streaming)
		json_list_stop(j->list);
}

bool rpc_json_unwanted(const struct rpc_json *j)
{
	return j->unwanted;
}

size_t rpc_json_kept(const struct rpc_json *j)
{
	return j->kept.n;
}

struct str rpc_json_head(const struct rpc_json *j)
{
	return (struct str){j->head.p, j->head.n};
}

void rpc_json_error(struct rpc_answer *out, struct arena *a, struct str raw)
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
		rpc_json_error(out, a, slice(j, f->error));
	else
		*out = (struct rpc_answer){.ok = true, .result = slice(j, f->result)};
}

static bool not_json(const struct rpc_json *j, bool cut, struct err *e)
{
	const char *p = j->head.p, *end = p + j->head.n;
	while (p < end && strchr(" \t\r\n", *p))
		p++;
	if (p == end)
		return err_set(e, ERR_MALFORMED, "nothing");
	if (*p == '<')
		return err_set(e, ERR_MALFORMED, "HTML");
	if (cut)
		return err_set(e, ERR_MALFORMED, "JSON that ends after %llu bytes", (unsigned long long)j->bytes);
	return err_set(e, ERR_MALFORMED, "text that is not JSON");
}

bool rpc_json_end(struct rpc_json *j, struct arena *a, struct rpc_answer *answers, struct err *e)
{
	bool cut = !j->failed;
	j->piece = STR(" "); /* what yajl reads at the end: a number may end there */
	j->taken = 0;
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
		read_answer(j, &answers[i], a, f->result.n || f->error.n || f->streamed ? f : &stand_in);
	}
	return true;
}

void rpc_json_free(struct rpc_json *j)
{
	if (!j)
		return;
	yajl_free(j->h);
	json_list_free(j->list);
	buf_fini(&j->head);
	buf_fini(&j->kept);
	free(j->answers);
	free(j);
}
