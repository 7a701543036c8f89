#include "common/evm/rlp.h"

/* What the RLP decoder accepts, encoded again, is the input: there is one encoding of each value. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { DEPTH_MAX = 200 };

static bool walk(bool is_list, struct bytes payload, struct buf *out, unsigned depth)
{
	if (!is_list) {
		rlp_bytes(out, payload.p, payload.n);
		return true;
	}
	struct rlp r = {payload.p, payload.n};
	size_t list = rlp_list_open(out);
	while (r.n > 0) {
		struct err e = {0};
		if (depth == DEPTH_MAX || !rlp_next(&r, &is_list, &payload, &e)) {
			must(depth == DEPTH_MAX || (e.class == ERR_MALFORMED && e.text[0]));
			return false;
		}
		if (!walk(is_list, payload, out, depth + 1))
			return false;
	}
	rlp_list_close(out, list);
	return true;
}

/* Numbers are refused where they have leading zeros, so they too come back as they were. */
static void walk_numbers(struct rlp r)
{
	struct rlp before = r;
	struct u256 v;
	struct buf b = {0};
	while (r.n > 0 && rlp_next_u256(&r, &v, NULL)) {
		rlp_u256(&b, v);
		size_t used = (size_t)(r.p - before.p);
		must(b.n == used && memcmp(b.p, before.p, used) == 0);
	}
	buf_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool is_list;
	struct bytes payload;
	struct buf out = {0};
	if (rlp_whole((struct bytes){data, size}, &is_list, &payload, NULL) && walk(is_list, payload, &out, 0))
		must(out.n == size && memcmp(out.p, data, size) == 0);
	walk_numbers((struct rlp){data, size});
	buf_fini(&out);
	return 0;
}
