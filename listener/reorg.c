/* Something does not link: is it a reorg, and how deep? The block at which the branches part is searched by
 * hashes, and both sides of it are asked once more, of another endpoint where there is one, before it counts
 * (R5). */
#include "listener/fetch.h"

#include <stdio.h>

/* The header of a block as the endpoint has it. *hash: NULL: it has none. */
static bool take_hash(
	struct reader *r, const struct rpc_reply *q, int i, int64_t number, const uint8_t **hash)
{
	struct block_header *h = arena_alloc(&r->mem, sizeof *h);
	struct err e = {0};
	bool found = false;
	*hash = NULL;
	if (!q->answers[i].ok)
		return true; /* an error is never another hash (R5) */
	if (!header_parse(&r->mem, q->answers[i].result, h, &found, &e)) {
		fetch_lie(r, q, "eth_getBlockByNumber", &e);
		return false;
	}
	if (found && h->number == (uint64_t)number)
		*hash = h->hash;
	return true;
}

/* Nothing of ours stands below the first block that was ever read: all of it can be read again. */
static enum window_verdict verdict(const struct reader *r, int64_t *ancestor)
{
	enum window_verdict v = window_search_verdict(&r->search, ancestor);
	if (v == WINDOW_DEEPER && r->window.blocks[0].number <= r->row.began) {
		*ancestor = r->window.blocks[0].number - 1;
		v = WINDOW_REORG;
	}
	return v;
}

static void no_reorg(struct reader *r)
{
	if (r->step.step == PLAN_BACK)
		reader_rest(r); /* the endpoint is behind, or it was one wrong message */
	else
		reader_retry(r, "the node's answers about the newest blocks do not agree");
}

static void ask_both_sides(struct reader *r);

/* Round 1 has found where the branches part, or that they don't. */
static void searched(struct reader *r)
{
	int64_t ancestor = -2;
	if (verdict(r, &ancestor) == WINDOW_SAME) {
		no_reorg(r);
		return;
	}
	r->ancestor = ancestor;
	r->round = 2;
	ask_both_sides(r);
}

/* The answers about blocks by their numbers. false: they are none, and what follows is arranged. */
static bool came(struct reader *r, const struct rpc_reply *q)
{
	return reader_back(r) && (q->ok || fetch_ok(r, q, 0, "eth_getBlockByNumber", -1, -1)) &&
		   !fetch_too_often(r, q, "eth_getBlockByNumber");
}

static void on_both_sides(void *arg, const struct rpc_reply *q)
{
	struct reader *r = arg;
	const uint8_t *hash;
	if (!came(r, q))
		return;
	struct window_search before = r->search;
	window_search_init(&r->search, &r->window);
	r->search.other = before.other + 1 < r->window.n ? before.other + 1 : r->window.n;
	for (int i = 0; i < q->calls; i++) {
		int64_t number = r->window.blocks[before.other].number - i;
		if (!take_hash(r, q, i, number, &hash))
			return;
		window_search_heard(&r->search, number, hash);
	}
	fetch_good(r, q);
	int64_t ancestor = -2;
	enum window_verdict v = verdict(r, &ancestor);
	if (v == WINDOW_SAME || ancestor != r->ancestor)
		reader_retry(r, "the chain is being reorganised; looking again");
	else if (v == WINDOW_REORG && ancestor >= r->floor)
		store_retract(r, ancestor);
	else
		store_halt(r);
}

static void ask_both_sides(struct reader *r)
{
	int64_t other = r->window.blocks[r->search.other].number;
	struct rpc_request *q = fetch_open(r, other, 2, r->p);
	if (!q)
		return;
	fetch_ask_header(q, other);
	if (r->search.equal > 0)
		fetch_ask_header(q, other - 1);
	fetch_send(r, q, on_both_sides);
}

static void ask_hashes(struct reader *r);

/* As many of the n numbers as fit into one request, evenly. */
static size_t some_of(int64_t numbers[WINDOW_PROBES], size_t n, size_t most)
{
	if (most >= n)
		return n;
	for (size_t i = 0; i < most; i++)
		numbers[i] = numbers[(2 * i + 1) * n / (2 * most)];
	return most;
}

static bool none_answered(const struct rpc_reply *q)
{
	for (int i = 0; q->ok && i < q->calls; i++)
		if (q->answers[i].ok)
			return false;
	return q->calls > 0;
}

static void on_hashes(void *arg, const struct rpc_reply *q)
{
	struct reader *r = arg;
	const uint8_t *hash;
	int64_t numbers[WINDOW_PROBES];
	if (!came(r, q))
		return;
	size_t n = some_of(numbers, window_search_next(&r->search, numbers), (size_t)q->calls);
	struct window_search next = r->search;
	if (none_answered(q)) { /* no word about any block, as when the request is too large for the endpoint */
		fetch_ok(r, q, 0, "eth_getBlockByNumber", -1, -1);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		if (!take_hash(r, q, (int)i, numbers[i], &hash))
			return;
		window_search_heard(&next, numbers[i], hash);
	}
	fetch_good(r, q);
	r->search = next;
	if (window_search_next(&r->search, numbers) > 0)
		ask_hashes(r);
	else
		searched(r);
}

static void ask_hashes(struct reader *r)
{
	int64_t numbers[WINDOW_PROBES];
	size_t n = window_search_next(&r->search, numbers);
	struct rpc_request *q = fetch_open(r, -1, (uint32_t)n, NULL);
	if (!q)
		return;
	n = some_of(numbers, n, (size_t)learner_calls(provider_learner(r->p), (int64_t)n));
	for (size_t i = 0; i < n; i++)
		fetch_ask_header(q, numbers[i]);
	fetch_send(r, q, on_hashes);
}

void reorg_look(struct reader *r)
{
	if (r->window.n == 0) {
		reader_retry(r, "the newest block does not link to what the node shows; looking again");
		return;
	}
	reader_enter(r, READER_HASHES);
	r->round = 1;
	window_search_init(&r->search, &r->window);
	ask_hashes(r);
}

/* Whatever the answer is, short of another hash, is no reorg: null, an old head, an error (R5). */
static void on_top(void *arg, const struct rpc_reply *q)
{
	struct reader *r = arg;
	const uint8_t *hash;
	const struct window_block *top = window_top(&r->window);
	if (!came(r, q))
		return;
	if (!take_hash(r, q, 0, top->number, &hash))
		return;
	fetch_good(r, q);
	if (hash && memcmp(hash, top->hash, 32) != 0) {
		reorg_suspect(r);
		return;
	}
	reader_enter(r, READER_IDLE);
	reader_drive(r);
}

void reorg_check(struct reader *r)
{
	const struct window_block *top = window_top(&r->window);
	must(top);
	reader_enter(r, READER_HASHES);
	r->round = 0;
	struct rpc_request *q = fetch_open(r, -1, 1, NULL);
	if (!q)
		return;
	fetch_ask_header(q, top->number);
	fetch_send(r, q, on_top);
}

void reorg_go_on(struct reader *r)
{
	reader_enter(r, READER_HASHES);
	if (r->round == 0)
		reorg_check(r);
	else if (r->round == 1)
		ask_hashes(r);
	else
		ask_both_sides(r);
}

void reorg_suspect(struct reader *r)
{
	r->step = (struct plan){.step = PLAN_BACK};
	reorg_look(r);
}
