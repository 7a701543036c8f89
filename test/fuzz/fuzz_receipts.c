#include "common/evm/receipts.h"
#include "common/evm/rlp.h"

/* Any text as the receipts of a block, and as one receipt, and as a header. What is taken is encoded to RLP
 * that the strict decoder takes, in memory that the text bounds. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_encoding(const struct full_receipt *r)
{
	struct buf b = {0};
	struct bytes payload;
	bool is_list;
	if (receipt_encode(r, &b)) {
		size_t typed = r->type != 0;
		struct bytes rlp = {(const uint8_t *)b.p + typed, b.n - typed};
		must(rlp_whole(rlp, &is_list, &payload, NULL) && is_list);
	}
	buf_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = {0};
	struct str json = {(const char *)data, size};
	struct receipts r = {0};
	struct err e = {0};
	uint8_t root[32];
	uint64_t type;
	bool found;
	if (receipts_parse(&a, json, &r, &found, &e)) {
		for (size_t i = 0; i < r.n; i++)
			check_encoding(&r.list[i]);
		if (r.n > 0 && !receipts_check(&r, r.list[0].block_hash, r.list[0].block, &e))
			must(e.class == ERR_MALFORMED && e.text[0]);
		receipts_root(&r, root, &type);
	} else
		must(e.class == ERR_MALFORMED && e.text[0]);
	must(a.used <= 16384 + size * 16);
	r = (struct receipts){0};
	if (receipts_add(&a, json, &r, &found, &e))
		must(r.n == (found ? 1 : 0));
	header_check(&a, json);
	arena_fini(&a);
	return 0;
}
