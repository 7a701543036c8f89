#include "listener/bound.h"

#include <stdlib.h>
#include <string.h>

void bound_fini(struct bound *b)
{
	free(b->logs);
	*b = (struct bound){0};
}

static bool same(const struct bound_log *a, const struct bound_log *b)
{
	return a->block == b->block && a->log_index == b->log_index &&
		   memcmp(a->block_hash, b->block_hash, 32) == 0 && memcmp(a->tx_hash, b->tx_hash, 32) == 0;
}

static void drop(struct bound *b, size_t i)
{
	memmove(&b->logs[i], &b->logs[i + 1], (b->n - i - 1) * sizeof *b->logs);
	b->n--;
}

void bound_add(struct bound *b, const struct bound_log *l)
{
	for (size_t i = 0; i < b->n; i++)
		if (same(&b->logs[i], l))
			return;
	if (b->n == BOUND_MOST)
		drop(b, 0);
	if (b->n == b->cap) {
		b->cap = b->cap ? b->cap * 2 : 16;
		b->logs = mem_grow(b->logs, b->cap, sizeof *b->logs);
	}
	b->logs[b->n++] = *l;
}

void bound_add_log(struct bound *b, const struct log *l)
{
	struct bound_log x = {
		.block = (int64_t)l->block, .log_index = l->log_index, .ntopics = l->ntopics, .has_content = true};
	memcpy(x.block_hash, l->block_hash, 32);
	memcpy(x.tx_hash, l->tx_hash, 32);
	memcpy(x.address, l->address, 20);
	memcpy(x.topics, l->topics, sizeof x.topics);
	bound_add(b, &x);
}

static void keep(struct bound *b, int64_t from, int64_t to)
{
	size_t n = 0;
	for (size_t i = 0; i < b->n; i++)
		if (b->logs[i].block >= from && b->logs[i].block <= to)
			b->logs[n++] = b->logs[i];
	b->n = n;
}

void bound_cut(struct bound *b, int64_t from)
{
	keep(b, INT64_MIN, from - 1);
}

void bound_forget(struct bound *b, int64_t upto)
{
	keep(b, upto + 1, INT64_MAX);
}

static const struct block_header *header_of(
	const struct block_header *headers, size_t n, const struct bound_log *l)
{
	for (size_t i = 0; i < n; i++)
		if ((int64_t)headers[i].number == l->block && memcmp(headers[i].hash, l->block_hash, 32) == 0)
			return &headers[i];
	return NULL;
}

static bool holds(const struct log *logs, size_t n, const struct bound_log *l)
{
	for (size_t i = 0; i < n; i++)
		if (logs[i].log_index == l->log_index && (int64_t)logs[i].block == l->block &&
			memcmp(logs[i].tx_hash, l->tx_hash, 32) == 0)
			return true;
	return false;
}

/* The bloom of a header whose hash is ours holds every log of the block (Yellow Paper 4.3.1). A chain that
 * does not fill it is one where no log stands in it: then it is all zero, and refutes nothing. */
static bool refuted(const struct block_header *h, const struct bound_log *l)
{
	static const uint8_t none[256];
	if (!l->has_content || memcmp(h->bloom, none, sizeof none) == 0)
		return false;
	bool may = bloom_may_hold(h->bloom, l->address, 20);
	for (unsigned i = 0; i < l->ntopics; i++)
		may = may && bloom_may_hold(h->bloom, l->topics[i], 32);
	return !may;
}

const struct bound_log *bound_lacks(struct bound *b, const struct block_header *headers, size_t nheaders,
	const struct log *logs, size_t nlogs)
{
	size_t first = SIZE_MAX;
	for (size_t i = 0; i < b->n;) {
		struct bound_log *l = &b->logs[i];
		const struct block_header *h = header_of(headers, nheaders, l);
		if (!h || holds(logs, nlogs, l)) {
			i++;
		} else if (refuted(h, l) || (++l->tries >= l->most && l->most > 0)) {
			drop(b, i);
		} else {
			first = first == SIZE_MAX ? i : first;
			i++;
		}
	}
	return first == SIZE_MAX ? NULL : &b->logs[first];
}
