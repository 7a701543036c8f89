#include "listener/heard.h"

#include <string.h>

void heard_fini(struct heard *h)
{
	bound_fini(&h->bound);
	arena_fini(&h->mem);
	*h = (struct heard){0};
}

/* One log in the node's words. false: it is not one, not of that block, or not what was asked for: a hint
 * that says nothing. */
static bool parse(struct arena *a, const struct filter_plan *plan, uint64_t number, const uint8_t block[32],
	struct str json, struct log **log)
{
	struct err e = {0};
	size_t n = 0;
	char *list = arena_alloc(a, json.n + 2);
	list[0] = '[';
	memcpy(list + 1, json.p, json.n);
	list[json.n + 1] = ']';
	return plan->n == 1 && logs_parse(a, (struct str){list, json.n + 2}, log, &n, &e) && n == 1 &&
		   !(*log)->removed && (*log)->block == number && memcmp((*log)->block_hash, block, 32) == 0 &&
		   filter_asked(plan, 0, *log);
}

static void begin_block(struct heard *h, const uint8_t block[32])
{
	if (h->logs && memcmp(h->block, block, 32) == 0)
		return;
	arena_reset(&h->mem);
	memcpy(h->block, block, 32);
	h->logs = arena_alloc(&h->mem, HEARD_BLOCK * sizeof *h->logs);
	h->n = 0;
}

void heard_add(struct heard *h, const struct filter_plan *plan, uint64_t number, const uint8_t block[32],
	struct str json)
{
	struct log *log;
	begin_block(h, block);
	if (h->n == HEARD_BLOCK || h->bound.n >= HEARD_MOST || !parse(&h->mem, plan, number, block, json, &log))
		return;
	size_t before = h->bound.n;
	bound_add_log(&h->bound, log);
	if (h->bound.n > before) /* else it was told twice */
		h->logs[h->n++] = *log;
}

/* Does the answer hold one that was heard? */
static bool held(const struct bound *b, const struct log *logs, size_t nlogs)
{
	for (size_t i = 0; i < b->n; i++)
		for (size_t k = 0; k < nlogs; k++)
			if (b->logs[i].log_index == logs[k].log_index &&
				memcmp(b->logs[i].block_hash, logs[k].block_hash, 32) == 0 &&
				memcmp(b->logs[i].tx_hash, logs[k].tx_hash, 32) == 0)
				return true;
	return false;
}

static size_t give_up(struct bound *b)
{
	size_t n = 0;
	for (size_t i = 0; i < b->n; i++)
		if (b->logs[i].tries < HEARD_TRIES)
			b->logs[n++] = b->logs[i];
	size_t gone = b->n - n;
	b->n = n;
	return gone;
}

const struct bound_log *heard_lacks(struct heard *h, const struct block_header *headers, size_t nheaders,
	const struct log *logs, size_t nlogs, uint64_t now_ms, size_t *given_up)
{
	*given_up = 0;
	h->holds = h->holds || held(&h->bound, logs, nlogs);
	const struct bound_log *l = bound_lacks(&h->bound, headers, nheaders, logs, nlogs);
	if (!l || !h->holds) {
		h->lacking_ms = 0;
		return NULL;
	}
	if (h->lacking_ms == 0)
		h->lacking_ms = now_ms;
	if (l->tries < HEARD_TRIES || now_ms - h->lacking_ms < HEARD_MS)
		return l;
	*given_up = give_up(&h->bound);
	h->holds = false;
	h->lacking_ms = 0;
	return NULL;
}

/* ── what reading gave ── */

static uint64_t key_of(const struct log *l)
{
	uint64_t block, tx;
	memcpy(&block, l->block_hash, 8);
	memcpy(&tx, l->tx_hash, 8);
	return block ^ (tx * 31) ^ (l->log_index << 48);
}

void heard_was_read(struct heard *h, int64_t first, int64_t last, const struct log *logs, size_t nlogs)
{
	if (h->read_to + 1 != first)
		h->read_from = first;
	h->read_to = last;
	for (size_t i = 0; i < nlogs; i++) {
		struct heard_read *x = &h->read[h->reads++ % HEARD_READ];
		if (h->reads > HEARD_READ && x->block >= h->read_from)
			h->read_from = x->block + 1;
		*x = (struct heard_read){(int64_t)logs[i].block, key_of(&logs[i])};
	}
	bound_forget(&h->bound, last);
}

void heard_cut(struct heard *h, int64_t from)
{
	if (h->read_to >= from)
		h->read_to = from - 1;
}

bool heard_missed(const struct heard *h, const struct filter_plan *plan, uint64_t number,
	const uint8_t block[32], struct str json)
{
	struct arena a = {0};
	struct log *log;
	bool missed = (int64_t)number >= h->read_from && (int64_t)number <= h->read_to &&
				  parse(&a, plan, number, block, json, &log);
	uint64_t key = missed ? key_of(log) : 0;
	size_t n = h->reads < HEARD_READ ? h->reads : HEARD_READ;
	for (size_t i = 0; i < n && missed; i++)
		missed = h->read[i].key != key;
	arena_fini(&a);
	return missed;
}
