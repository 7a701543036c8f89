#include "common/evm/logs.h"
#include "test/unit/evm/sax_text.h"

#include <stdlib.h>

/* Any text as a node's answer. Whatever is read as logs is sorted and identified, and no two of them get one
 * id. */

static void each_receipt(void *arg, const struct receipt *r)
{
	struct u256 *sum = arg;
	sum->w[0] += r->gas_used;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int by_id(const void *a, const void *b)
{
	return memcmp(((const struct log *)a)->id, ((const struct log *)b)->id, 32);
}

static void check_logs(struct log *logs, size_t n)
{
	logs_sort(logs, n);
	for (size_t i = 1; i < n; i++)
		must(logs[i - 1].block <= logs[i].block);
	logs_identify(logs, n, u256_of(1));
	if (n > 0)
		qsort(logs, n, sizeof *logs, by_id);
	/* one transaction may be claimed for two blocks by a lying node; its logs may then share an id */
	for (size_t i = 1; i < n; i++)
		must(by_id(&logs[i - 1], &logs[i]) != 0 ||
			 memcmp(logs[i - 1].block_hash, logs[i].block_hash, 32) != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = {0};
	struct str json = {(const char *)data, size};
	struct log *logs;
	struct block_header header;
	struct receipt receipt;
	struct bytes bytes;
	struct u256 number;
	uint64_t small;
	size_t n;
	bool found;
	struct err e = {0};
	if (logs_parse(&a, json, &logs, &n, &e))
		check_logs(logs, n);
	else
		must(e.class == ERR_MALFORMED && e.text[0]);
	must(a.used <= 4096 + size * 4);
	header_parse(&a, json, &header, &found, &e);
	receipt_parse(json, &receipt, &found, &e);
	struct receipt_stream *s = receipt_stream_new(each_receipt, &number);
	sax_text_feed(&receipt_stream_sax, s, json, size % 61 + 1);
	must(receipt_stream_end(s, &e) || (e.class == ERR_MALFORMED && e.text[0]));
	receipt_stream_free(s);
	if (quantity_u64(json, &small, &e))
		must(quantity_parse(json, &number, &e) && number.w[0] == small);
	data_parse(&a, json, &bytes, &e);
	must(a.used <= 8192 + size * 8);
	arena_fini(&a);
	return 0;
}
