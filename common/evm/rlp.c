#include "common/evm/rlp.h"

/* The length of an item stands in its first byte: 0x80 (string) or 0xc0 (list) + n for n ≤ 55, else + 55 +
 * the number of length bytes that follow. A single byte below 0x80 is its own encoding. */
enum { STRING = 0x80, LIST = 0xc0, SHORT_MAX = 55 };

/* Writes a header into out (9 bytes are enough) and returns its size. */
static size_t put_header(uint8_t *out, uint8_t base, size_t n)
{
	if (n <= SHORT_MAX) {
		out[0] = (uint8_t)(base + n);
		return 1;
	}
	size_t size = 0;
	for (size_t rest = n; rest > 0; rest >>= 8)
		size++;
	out[0] = (uint8_t)(base + SHORT_MAX + size);
	for (size_t i = 0; i < size; i++)
		out[size - i] = (uint8_t)(n >> (8 * i));
	return size + 1;
}

void rlp_bytes(struct buf *b, const uint8_t *p, size_t n)
{
	uint8_t header[9];
	if (n != 1 || p[0] >= STRING)
		buf_put(b, header, put_header(header, STRING, n));
	buf_put(b, p, n);
}

void rlp_u256(struct buf *b, struct u256 v)
{
	uint8_t be[32];
	size_t skip = 0;
	u256_to_be(be, v);
	while (skip < 32 && be[skip] == 0)
		skip++;
	rlp_bytes(b, be + skip, 32 - skip);
}

void rlp_u64(struct buf *b, uint64_t v)
{
	rlp_u256(b, u256_of(v));
}

size_t rlp_list_open(struct buf *b)
{
	return b->n;
}

void rlp_list_close(struct buf *b, size_t mark)
{
	must(mark <= b->n);
	uint8_t header[9];
	size_t n = b->n - mark, size = put_header(header, LIST, n);
	buf_put(b, header, size);
	memmove(b->p + mark + size, b->p + mark, n);
	memcpy(b->p + mark, header, size);
}

/* The long form: size length bytes, no leading zero, a value that the short form could not hold. */
static bool long_length(struct rlp *r, size_t size, size_t *n, struct err *e)
{
	if (size > r->n)
		return err_set(e, ERR_MALFORMED, "RLP ends inside a length");
	if (r->p[0] == 0)
		return err_set(e, ERR_MALFORMED, "RLP length has a leading zero");
	_Static_assert(sizeof *n == 8, "a length has up to 8 bytes");
	*n = 0;
	for (size_t i = 0; i < size; i++)
		*n = *n << 8 | r->p[i];
	if (*n <= SHORT_MAX)
		return err_set(e, ERR_MALFORMED, "RLP length %zu is written in the long form", *n);
	r->p += size;
	r->n -= size;
	return true;
}

bool rlp_next(struct rlp *r, bool *is_list, struct bytes *payload, struct err *e)
{
	if (r->n == 0)
		return err_set(e, ERR_MALFORMED, "RLP ends where an item should stand");
	uint8_t first = r->p[0];
	if (first < STRING) {
		*is_list = false;
		*payload = (struct bytes){r->p, 1};
		r->p++;
		r->n--;
		return true;
	}
	*is_list = first >= LIST;
	struct rlp rest = {r->p + 1, r->n - 1};
	size_t n = (size_t)(first - (*is_list ? LIST : STRING));
	if (n > SHORT_MAX && !long_length(&rest, n - SHORT_MAX, &n, e))
		return false;
	if (n > rest.n)
		return err_set(e, ERR_MALFORMED, "RLP ends %zu bytes inside an item", n - rest.n);
	if (!*is_list && n == 1 && rest.p[0] < STRING)
		return err_set(e, ERR_MALFORMED, "RLP has a prefix before a byte that is its own encoding");
	*payload = (struct bytes){rest.p, n};
	*r = (struct rlp){rest.p + n, rest.n - n};
	return true;
}

bool rlp_next_bytes(struct rlp *r, struct bytes *out, struct err *e)
{
	bool is_list;
	if (!rlp_next(r, &is_list, out, e))
		return false;
	return is_list ? err_set(e, ERR_MALFORMED, "RLP has a list where bytes should stand") : true;
}

bool rlp_next_list(struct rlp *r, struct rlp *out, struct err *e)
{
	bool is_list;
	struct bytes payload;
	if (!rlp_next(r, &is_list, &payload, e))
		return false;
	*out = (struct rlp){payload.p, payload.n};
	return is_list ? true : err_set(e, ERR_MALFORMED, "RLP has bytes where a list should stand");
}

bool rlp_next_u256(struct rlp *r, struct u256 *out, struct err *e)
{
	struct bytes b;
	uint8_t be[32] = {0};
	if (!rlp_next_bytes(r, &b, e))
		return false;
	if (b.n > 32)
		return err_set(e, ERR_MALFORMED, "RLP number has %zu bytes, over 32", b.n);
	if (b.n > 0 && b.p[0] == 0)
		return err_set(e, ERR_MALFORMED, "RLP number has a leading zero");
	if (b.n > 0)
		memcpy(be + 32 - b.n, b.p, b.n);
	*out = u256_from_be(be);
	return true;
}

bool rlp_next_u64(struct rlp *r, uint64_t *out, struct err *e)
{
	struct u256 v;
	if (!rlp_next_u256(r, &v, e))
		return false;
	return u256_to_u64(v, out) ? true : err_set(e, ERR_MALFORMED, "RLP number is over 64 bits");
}

bool rlp_whole(struct bytes in, bool *is_list, struct bytes *payload, struct err *e)
{
	struct rlp r = {in.p, in.n};
	if (!rlp_next(&r, is_list, payload, e))
		return false;
	return r.n == 0 ? true : err_set(e, ERR_MALFORMED, "RLP has %zu bytes behind its item", r.n);
}
