#include "listener/encode.h"

#include "common/base/numeric.h"
#include "common/evm/abi.h"

#include <endian.h>
#include <stdlib.h>

/* Where the values of the header columns stand in a tuple: behind the count of columns (2 bytes) each column
 * is its length (4 bytes) and its value. */
enum {
	AT_SEQ = 2 + 4,
	AT_TIME = AT_SEQ + 8 + 4,
	AT_BLOCK = AT_TIME + 8 + 4,
	AT_LOG = AT_BLOCK + 8 + 4,
	AT_CHAIN = AT_LOG + 4 + 4,
	AT_OPEN = AT_CHAIN + 2 + 4,
	AT_SWEPT = AT_OPEN + 1 + 4,
	AT_LATE = AT_SWEPT + 1 + 4,
	AT_BLOCK_HASH = AT_LATE + 1 + 4,
	AT_TX = AT_BLOCK_HASH + 32 + 4,
	AT_ID = AT_TX + 32 + 4,
	AT_ADDRESS = AT_ID + 32 + 4,
	HEADER = AT_ADDRESS + 20,
	HEADER_COLUMNS = 12,
};
static const char header_columns[] =
	"_seq, _at, _block, _log, _chain, _open, _swept, _late, _block_hash, _tx, _id, _address";

/* Types of array items, as pg_type has had them since ever. */
enum { OID_BOOL = 16, OID_INT8 = 20, OID_TEXT = 25, OID_NUMERIC = 1700 };

static void put16(char *to, unsigned v)
{
	const uint16_t be = htobe16((uint16_t)v);
	memcpy(to, &be, 2);
}

static void put32(char *to, uint32_t v)
{
	v = htobe32(v);
	memcpy(to, &v, 4);
}

static void put64(char *to, uint64_t v)
{
	v = htobe64(v);
	memcpy(to, &v, 8);
}

static int64_t get64(const char *from)
{
	uint64_t v;
	memcpy(&v, from, 8);
	return (int64_t)be64toh(v);
}

static void add32(struct buf *out, uint32_t v)
{
	put32(buf_room(out, 4), v);
	out->n += 4;
}

/* ── one value, its length before it ── */

static void add_int8(struct buf *out, uint64_t v)
{
	char *to = buf_room(out, 12);
	put32(to, 8);
	put64(to + 4, v);
	out->n += 12;
}

static void add_numeric(struct buf *out, const struct abi_type *t, struct u256 v)
{
	char *to = buf_room(out, 4 + NUMERIC_MAX);
	const bool negative = t->kind == ABI_INT && v.w[3] >> 63;
	if (negative)
		u256_sub(&v, u256_of(0), v); /* two's complement: the borrow is meant */
	const size_t n = numeric_of_u256((uint8_t *)to + 4, v, negative);
	put32(to, (uint32_t)n);
	out->n += 4 + n;
}

static void add_hex(struct buf *out, struct bytes v)
{
	add32(out, (uint32_t)(2 + 2 * v.n));
	buf_put(out, "0x", 2);
	buf_hex(out, v.p, v.n);
}

/* What is written from `from` on is one value: its length goes into the four bytes that were left before it.
 */
static void close_value(struct buf *out, size_t from)
{
	put32(out->p + from - 4, (uint32_t)(out->n - from));
}

static size_t open_value(struct buf *out)
{
	add32(out, 0);
	return out->n;
}

static bool is_bigint(const struct abi_type *t)
{
	return t->kind == ABI_INT ? t->bits <= 64 : t->bits <= 56;
}

static void add_simple(struct buf *out, const struct abi_type *t, const struct abi_value *v)
{
	size_t from;
	switch (t->kind) {
	case ABI_UINT:
	case ABI_INT:
		if (is_bigint(t))
			add_int8(out, v->number.w[0]);
		else
			add_numeric(out, t, v->number);
		return;
	case ABI_BOOL:
		add32(out, 1);
		buf_char(out, (char)v->number.w[0]);
		return;
	case ABI_STRING:
		from = open_value(out);
		abi_value_text(out, t, v);
		close_value(out, from);
		return;
	default: add_hex(out, v->bytes);
	}
}

static uint32_t oid_of(const struct abi_type *t)
{
	switch (t->kind) {
	case ABI_UINT:
	case ABI_INT: return is_bigint(t) ? OID_INT8 : OID_NUMERIC;
	case ABI_BOOL: return OID_BOOL;
	default: return OID_TEXT;
	}
}

/* array_recv: dimensions, whether there are nulls, type of the items; then of each dimension its size and its
 * first index. */
static void add_array(struct buf *out, const struct abi_type *item, const struct abi_value *v)
{
	const size_t from = open_value(out);
	add32(out, v->n > 0);
	add32(out, 0);
	add32(out, oid_of(item));
	if (v->n > 0) {
		add32(out, (uint32_t)v->n);
		add32(out, 1);
	}
	for (size_t i = 0; i < v->n; i++)
		add_simple(out, item, &v->items[i]);
	close_value(out, from);
}

/* jsonb_recv: version 1, then the text. */
static void add_jsonb(struct buf *out, const struct abi_type *t, const struct abi_value *v)
{
	const size_t from = open_value(out);
	buf_char(out, 1);
	abi_value_json(out, t, v);
	close_value(out, from);
}

static bool is_simple(const struct abi_type *t)
{
	return t->kind != ABI_ARRAY && t->kind != ABI_TUPLE;
}

static void add_field(struct buf *out, const struct abi_param *p, const struct abi_value *v)
{
	const struct abi_type *t = abi_stored_type(p);
	if (is_simple(t))
		add_simple(out, t, v);
	else if (t->kind == ABI_ARRAY && is_simple(t->item))
		add_array(out, t->item, v);
	else
		add_jsonb(out, t, v);
}

/* ── a tuple ── */

static void put_bool(char *tuple, size_t at, bool v)
{
	put32(tuple + at - 4, 1);
	tuple[at] = v;
}

static void put_bytes(char *tuple, size_t at, const uint8_t *p, size_t n)
{
	put32(tuple + at - 4, (uint32_t)n);
	memcpy(tuple + at, p, n);
}

static void put_header(char *tuple, const struct log *log, const struct encode_head *h, size_t columns)
{
	put16(tuple, (unsigned)columns);
	put32(tuple + AT_SEQ - 4, 8);
	encode_set_seq(tuple, h->ordinal);
	put32(tuple + AT_TIME - 4, 8);
	encode_set_time(tuple, log->has_time ? log->time : 0);
	put32(tuple + AT_BLOCK - 4, 8);
	put64(tuple + AT_BLOCK, log->block);
	put32(tuple + AT_LOG - 4, 4);
	put32(tuple + AT_LOG, (uint32_t)log->log_index);
	put32(tuple + AT_CHAIN - 4, 2);
	put16(tuple + AT_CHAIN, (unsigned)h->chain_id);
	put_bool(tuple, AT_OPEN, h->open);
	put_bool(tuple, AT_SWEPT, h->swept);
	put_bool(tuple, AT_LATE, h->late);
	put_bytes(tuple, AT_BLOCK_HASH, log->block_hash, 32);
	put_bytes(tuple, AT_TX, log->tx_hash, 32);
	put_bytes(tuple, AT_ID, log->id, 32);
	put_bytes(tuple, AT_ADDRESS, log->address, 20);
}

bool encode_row(
	struct buf *out, struct encoder *e, const struct log *log, const struct encode_head *h, struct err *err)
{
	const struct abi_entry *entry = e->event->entry;
	if (log->block > INT64_MAX || log->log_index > INT32_MAX)
		return err_set(err, ERR_MALFORMED, "the log's block number or index is over what a column holds");
	arena_reset(&e->row);
	if (!abi_decode_log(&e->row, entry, log->topics, log->ntopics, log->data, e->values, err))
		return false;
	put_header(buf_room(out, HEADER), log, h, HEADER_COLUMNS + entry->nin);
	out->n += HEADER;
	for (size_t i = 0; i < entry->nin; i++)
		add_field(out, &entry->in[i], &e->values[i]);
	return true;
}

void encode_set_seq(char *tuple, int64_t seq)
{
	put64(tuple + AT_SEQ, (uint64_t)seq);
}

/* timestamptz: microseconds since 2000; the largest number is infinity, and the year 294276 the last. */
void encode_set_time(char *tuple, uint64_t seconds)
{
	const int64_t epoch = 946684800, last = 9223371331200;
	const bool fits = seconds < (uint64_t)last;
	put64(tuple + AT_TIME, fits ? (uint64_t)(((int64_t)seconds - epoch) * 1000000) : (uint64_t)INT64_MAX);
}

uint64_t encode_get_time(const char *tuple)
{
	const int64_t epoch = 946684800, us = get64(tuple + AT_TIME);
	return us == INT64_MAX ? UINT64_MAX : (uint64_t)(us / 1000000 + epoch);
}

int64_t encode_get_seq(const char *tuple)
{
	return get64(tuple + AT_SEQ);
}

int64_t encode_get_block(const char *tuple)
{
	return get64(tuple + AT_BLOCK);
}

void encoder_init(struct encoder *e, const struct event_decl *event)
{
	struct buf sql = {0};
	*e = (struct encoder){.event = event};
	buf_printf(&sql, "COPY \"%s\".\"%s\" (%s", event->contract->schema, event->table, header_columns);
	for (size_t i = 0; i < event->entry->nin; i++)
		buf_printf(&sql, ", \"%s\"", event->columns[i]);
	buf_text(&sql, ") FROM STDIN (FORMAT binary)");
	e->copy_sql = arena_textn(&e->mem, sql.p, sql.n);
	e->values = arena_alloc(&e->mem, (event->entry->nin + 1) * sizeof *e->values);
	buf_fini(&sql);
}

void encoder_fini(struct encoder *e)
{
	arena_fini(&e->mem);
	arena_fini(&e->row);
}

/* ── the tuples of a run ── */

bool rows_put(struct run_rows *r, struct encoder *e, const struct log *log, const struct encode_head *h,
	struct err *err)
{
	const size_t at = r->bytes.n;
	if (!encode_row(&r->bytes, e, log, h, err))
		return false;
	if (r->n == r->cap) {
		r->cap = r->cap ? 2 * r->cap : 64;
		r->at = mem_grow(r->at, r->cap, sizeof *r->at);
	}
	r->at[r->n++] = at;
	return true;
}

void rows_rebase(struct run_rows *r, int64_t base)
{
	for (size_t i = 0; i < r->n; i++)
		encode_set_seq(rows_tuple(r, i), base + encode_get_seq(rows_tuple(r, i)));
}

size_t rows_id_at(const struct run_rows *r, size_t i)
{
	return r->at[i] + AT_ID;
}

void rows_clear(struct run_rows *r)
{
	buf_clear(&r->bytes);
	r->n = 0;
}

void rows_fini(struct run_rows *r)
{
	buf_fini(&r->bytes);
	free(r->at);
	*r = (struct run_rows){.n = 0};
}
