/* Something does not link: is it a reorg, and how deep? The hashes of the whole window are asked, twice
 * before they count (R5). */
#include "listener/fetch.h"

#include <stdio.h>

static bool take_hashes(struct reader *r, const struct rpc_reply *q, struct window_answer *a)
{
	for (size_t i = 0; i < r->window.n; i++) {
		struct block_header h;
		struct err e = {0};
		bool found = false;
		if (!q->ok) {
			fetch_answer_ok(r, q, 0, "eth_getBlockByNumber");
			return false;
		}
		if (!q->answers[i].ok)
			continue; /* an error is never another hash (R5) */
		if (!header_parse(&r->mem, q->answers[i].result, &h, &found, &e)) {
			fetch_nonsense(r, "eth_getBlockByNumber", &e);
			return false;
		}
		a[i].known = found && h.number == (uint64_t)r->window.blocks[i].number;
		memcpy(a[i].hash, h.hash, 32);
	}
	return true;
}

static void on_hashes(void *arg, const struct rpc_reply *q)
{
	struct reader *r = arg;
	int64_t ancestor = -1;
	if (!reader_back(r))
		return;
	struct window_answer *a = arena_alloc(&r->mem, (r->window.n + 1) * sizeof *a);
	if (!take_hashes(r, q, a))
		return;
	fetch_node_answered(r);
	enum window_verdict v = window_compare(&r->window, a, &ancestor);
	if (v == WINDOW_DEEPER && r->window.blocks[0].number <= r->row.began) {
		ancestor =
			r->window.blocks[0].number - 1; /* nothing of ours stands below: all of it can be read again */
		v = WINDOW_REORG;
	}
	if (v == WINDOW_SAME) {
		if (r->step.step == PLAN_BACK)
			reader_rest(r); /* the endpoint is behind, or it was one wrong message */
		else
			reader_retry(r, "the node's answers about the newest blocks do not agree");
		return;
	}
	if (r->round == 1) {
		r->round = 2;
		r->ancestor = v == WINDOW_REORG ? ancestor : -2;
		reorg_look(r);
		return;
	}
	if (r->ancestor != (v == WINDOW_REORG ? ancestor : -2))
		reader_retry(r, "the chain is being reorganised; looking again");
	else if (v == WINDOW_REORG && ancestor >= r->floor)
		store_retract(r, ancestor);
	else
		store_halt(r);
}

/* Whatever the answer is, short of another hash, is no reorg: null, an old head, an error (R5). */
static void on_top(void *arg, const struct rpc_reply *q)
{
	struct reader *r = arg;
	struct block_header h;
	struct err e = {0};
	bool found = false;
	if (!reader_back(r) || (!q->ok && !fetch_answer_ok(r, q, 0, "eth_getBlockByNumber")))
		return;
	if (q->answers[0].ok && !header_parse(&r->mem, q->answers[0].result, &h, &found, &e)) {
		fetch_nonsense(r, "eth_getBlockByNumber", &e);
		return;
	}
	fetch_node_answered(r);
	const struct window_block *top = window_top(&r->window);
	if (found && h.number == (uint64_t)top->number && memcmp(h.hash, top->hash, 32) != 0) {
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
	struct rpc_request *q = rpc_request(r->rpc);
	fetch_ask_header(q, top->number);
	r->in_flight = true;
	rpc_send(q, on_top, r);
}

void reorg_suspect(struct reader *r)
{
	r->step = (struct plan){.step = PLAN_BACK};
	r->round = 1;
	reorg_look(r);
}

void reorg_look(struct reader *r)
{
	if (r->window.n == 0) {
		reader_retry(r, "the newest block does not link to what the node shows; looking again");
		return;
	}
	reader_enter(r, READER_HASHES);
	struct rpc_request *q = rpc_request(r->rpc);
	for (size_t i = 0; i < r->window.n; i++)
		fetch_ask_header(q, r->window.blocks[i].number);
	r->in_flight = true;
	rpc_send(q, on_hashes, r);
}
