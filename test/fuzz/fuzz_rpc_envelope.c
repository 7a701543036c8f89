/* The bodies of JSON-RPC replies, in pieces and whole: both ways must agree, and every slice must lie inside.
 */
#include "common/base/err.h"
#include "common/io/json_pick.h"
#include "common/io/rpc_json.h"

enum { CALLS = 3 };
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static bool inside(struct str s, const struct buf *b)
{
	return !s.p || (s.p >= b->p && s.p + s.n <= b->p + b->n);
}

static bool parse(const uint8_t *p, size_t n, size_t piece)
{
	struct buf body = {0};
	struct arena a = {0};
	struct rpc_answer answers[CALLS];
	struct err e = {0};
	struct rpc_json *j = rpc_json_new(&body, 1, CALLS);
	for (size_t at = 0; at < n; at += piece) {
		buf_put(&body, p + at, n - at < piece ? n - at : piece);
		if (!rpc_json_feed(j))
			break;
	}
	bool ok = rpc_json_end(j, &a, answers, &e);
	must(ok == (e.class == ERR_NONE));
	for (int i = 0; i < CALLS && ok; i++) {
		struct buf revert = {0};
		must(inside(answers[i].result, &body) && inside(answers[i].data, &body));
		must(answers[i].ok == (answers[i].result.n > 0));
		rpc_is_revert(&answers[i], &revert);
		buf_fini(&revert);
	}
	rpc_json_free(j);
	buf_fini(&body);
	arena_fini(&a);
	return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	if (n == 0)
		return 0;
	bool whole = parse(p, n, n);
	must(parse(p, n, 1 + p[0] % 16) == whole);
	return 0;
}
