#include "common/evm/logs.h"
#include "common/evm/log_wire.h"

#include <stdlib.h>

/* Logs, as eth_getLogs gives them (execution-apis: Log), and their order. */

static bool take_topic(struct wire *w, void *object, struct str text)
{
	struct log *l = object;
	(void)w;
	return l->ntopics < 4 && wire_hex(l->topics[l->ntopics++], 32, text);
}

#define AT(member) offsetof(struct log, member)
static const struct wire_field fields[] = {
	{STR("address"), WIRE_FIXED, true, AT(address), 20, 0},
	{STR("topics"), WIRE_LIST, true, AT(topics), 0, 0},
	{STR("data"), WIRE_DATA, true, AT(data), 0, 0},
	{STR("blockHash"), WIRE_FIXED, true, AT(block_hash), 32, 0},
	{STR("blockNumber"), WIRE_U64, true, AT(block), 0, 0},
	{STR("blockTimestamp"), WIRE_U64, false, AT(time), 0, AT(has_time)},
	{STR("transactionHash"), WIRE_FIXED, true, AT(tx_hash), 32, 0},
	{STR("transactionIndex"), WIRE_U64, true, AT(tx_index), 0, 0},
	{STR("logIndex"), WIRE_U64, true, AT(log_index), 0, 0},
	{STR("removed"), WIRE_BOOL, false, AT(removed), 0, 0},
};
const struct wire_shape log_shape = {.what = "log",
	.fields = fields,
	.nfields = sizeof fields / sizeof fields[0],
	.size = sizeof(struct log),
	.item = take_topic};

/* The required fields of a log take more bytes of JSON than this, so an answer can't hold more logs than its
 * size allows. */
enum { LOG_JSON_MIN = 300 };

static size_t count_objects(struct str json)
{
	size_t n = 0, most = json.n / LOG_JSON_MIN + 1;
	const char *p = json.p, *end = json.p + json.n;
	while (n < most && p < end && (p = memchr(p, '{', (size_t)(end - p)))) {
		n++;
		p++;
	}
	return n;
}

static bool next_room(struct wire *w, void *object)
{
	w->object = (struct log *)object + 1;
	return true;
}

bool logs_parse(struct arena *a, struct str json, struct log **logs, size_t *n, struct err *e)
{
	size_t room = count_objects(json) + 1; /* one more: where the next would go */
	*logs = arena_alloc(a, room * sizeof **logs);
	struct wire w = {
		.shape = &log_shape, .many = true, .each = next_room, .arena = a, .e = e, .object = *logs};
	*n = 0;
	if (!wire_read(&w, json))
		return false;
	must(w.n < room);
	*n = w.n;
	return true;
}

static int in_chain_order(const void *left, const void *right)
{
	const struct log *a = left, *b = right;
	if (a->block != b->block)
		return a->block < b->block ? -1 : 1;
	if (a->tx_index != b->tx_index)
		return a->tx_index < b->tx_index ? -1 : 1;
	return a->log_index < b->log_index ? -1 : a->log_index > b->log_index;
}

void logs_sort(struct log *logs, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (in_chain_order(&logs[i - 1], &logs[i]) > 0) {
			qsort(logs, n, sizeof *logs, in_chain_order);
			return;
		}
}

static bool repeats(const struct log *a, const struct log *b)
{
	return in_chain_order(a, b) == 0 && memcmp(a->block_hash, b->block_hash, 32) == 0 &&
		   memcmp(a->tx_hash, b->tx_hash, 32) == 0 && memcmp(a->address, b->address, 20) == 0 &&
		   a->ntopics == b->ntopics && memcmp(a->topics, b->topics, 32 * (size_t)a->ntopics) == 0 &&
		   a->data.n == b->data.n && (a->data.n == 0 || memcmp(a->data.p, b->data.p, a->data.n) == 0);
}

size_t logs_once(struct log *logs, size_t n)
{
	size_t kept = 0;
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || !repeats(&logs[kept - 1], &logs[i]))
			logs[kept++] = logs[i];
	return kept;
}
