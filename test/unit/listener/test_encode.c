/* encode: a log as a tuple of binary COPY. The same random logs go the way of rows.c and this one into real
 * PostgreSQL, which must then give the same bytes for both. */
#include "test/unit/ledger/world.h"
#include "test/unit/io/spin.h"

#include "listener/encode.c"
#include "listener/filter.c"
#include "listener/filter_where.c"
#include "listener/rows.c"

#include "common/io/pg.h"

#include <inttypes.h>

/* ── numbers ── */

static struct u256 dec(const char *text)
{
	struct u256 v;
	assert_true(u256_from_dec(&v, str_of(text)));
	return v;
}

#define MAX_256 "115792089237316195423570985008687907853269984665640564039457584007913129639935"
#define HALF    "57896044618658097711785492504343953926634992332820282019728792003956564819968"

/* numeric_send's parts as text: digits, weight, sign, scale: digits base 10000. */
static void numeric_is(const char *want, const char *number, bool negative)
{
	uint8_t b[NUMERIC_MAX];
	const size_t n = numeric_of_u256(b, dec(number), negative);
	struct buf got = {0};
	assert_int_equal(n, 8 + 2 * (b[0] << 8 | b[1]));
	buf_printf(&got, "%d %d %x %d:", b[0] << 8 | b[1], b[2] << 8 | b[3], b[4] << 8 | b[5], b[6] << 8 | b[7]);
	for (size_t i = 8; i < n; i += 2)
		buf_printf(&got, " %d", b[i] << 8 | b[i + 1]);
	assert_string_equal(got.p, want);
	buf_fini(&got);
}

static void numbers_are_exact(void **state)
{
	(void)state;
	numeric_is("0 0 0 0:", "0", false);
	numeric_is("0 0 0 0:", "0", true);
	numeric_is("1 0 0 0: 1", "1", false);
	numeric_is("1 0 4000 0: 1", "1", true);
	numeric_is("1 0 0 0: 9999", "9999", false);
	numeric_is("1 1 0 0: 1", "10000", false);
	numeric_is("2 1 0 0: 1 1", "10001", false);
	numeric_is("1 4 0 0: 100", "1000000000000000000", false);
	numeric_is("1 4 0 0: 1", "10000000000000000", false);
	numeric_is("5 4 0 0: 1844 6744 737 955 1615", "18446744073709551615", false);
	numeric_is(
		"20 19 0 0: 11 5792 892 3731 6195 4235 7098 5008 6879 785 3269 9846 6564 564 394 5758 4007 9131 2963 "
		"9935",
		MAX_256, false);
	numeric_is(
		"20 19 4000 0: 5 7896 446 1865 8097 7117 8549 2504 3439 5392 6634 9923 3282 282 197 2879 2003 9565 "
		"6481 9968",
		HALF, true);
}

/* ── random logs of every type ── */

static uint64_t seed = 20240501;
static uint64_t any(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static struct u256 power_of_ten(unsigned k)
{
	struct u256 v = u256_of(1);
	while (k-- > 0)
		assert_true(u256_mul(&v, v, u256_of(10)));
	return v;
}

/* An edge or anything, cut to what the type holds. */
static struct u256 any_number(const struct abi_type *t)
{
	struct u256 v = {{any(), any(), any(), any()}};
	switch (any() % 8) {
	case 0: v = u256_of(0); break;
	case 1: v = u256_of(any() % 3); break;
	case 2: v = power_of_ten((unsigned)(any() % 78)); break;
	case 3: v = dec(MAX_256); break;
	case 4: v = dec(HALF); break;
	case 5: v = u256_of(any()); break;
	default: break;
	}
	if (t->kind == ABI_BOOL)
		return u256_of(v.w[0] & 1);
	const unsigned bits = t->bits;
	for (unsigned i = 0; i < 4; i++) {
		const unsigned low = 64 * i;
		const uint64_t keep = bits <= low ? 0 : bits - low >= 64 ? UINT64_MAX : (1ull << (bits - low)) - 1;
		const bool minus = t->kind == ABI_INT && v.w[(bits - 1) / 64] >> ((bits - 1) % 64) & 1;
		if (low + 64 > bits) /* the limb of the sign and those above it */
			v.w[i] = minus ? v.w[i] | ~keep : v.w[i] & keep;
	}
	return v;
}

static struct bytes any_bytes(struct arena *a, const struct abi_type *t)
{
	static const char *const texts[] = {"", "plain", "quote \" back \\ {brace}, NULL", "tab\t line\n bell\a",
		"é€😀", "half \xe2\x82", "\xff\xfe", "{}", "null", " "};
	if (t->kind == ABI_STRING && any() % 3) {
		const char *s = texts[any() % (sizeof texts / sizeof *texts)];
		return (struct bytes){(const uint8_t *)s, strlen(s)};
	}
	size_t n = t->kind == ABI_ADDRESS    ? 20
			   : t->kind == ABI_BYTESN   ? t->bits
			   : t->kind == ABI_FUNCTION ? 24
										 : any() % 70;
	uint8_t *p = arena_alloc(a, n + 1);
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(any() % 4 ? any() : 0);
	return (struct bytes){p, n};
}

static void any_value(struct arena *a, const struct abi_type *t, struct abi_value *v)
{
	size_t n;
	struct abi_value *items;
	*v = (struct abi_value){.n = 0};
	switch (t->kind) {
	case ABI_UINT:
	case ABI_INT:
	case ABI_BOOL: v->number = any_number(t); return;
	case ABI_ARRAY:
	case ABI_TUPLE:
		n = t->kind == ABI_TUPLE ? t->nfields : t->length < 0 ? any() % 4 : (size_t)t->length;
		v->items = items = arena_alloc(a, (n + 1) * sizeof *items);
		v->n = n;
		for (size_t i = 0; i < n; i++)
			any_value(a, t->kind == ABI_TUPLE ? &t->fields[i].type : t->item, &items[i]);
		return;
	default: v->bytes = any_bytes(a, t);
	}
}

/* Topics and data of random values; an indexed value of more than a word is any hash. */
static struct log any_log(struct arena *a, const struct abi_entry *entry, uint64_t number)
{
	struct log l = {
		.block = 1 + number / 3, .log_index = number % 3, .has_time = true, .time = any() % 4000000000};
	struct abi_param plain[16];
	struct abi_value values[16];
	size_t n = 0;
	struct buf b = {0};
	struct err e;
	for (size_t i = 0; i < 32; i++) {
		l.block_hash[i] = (uint8_t)any();
		l.tx_hash[i] = (uint8_t)any();
		l.id[i] = (uint8_t)any();
		l.address[i % 20] = (uint8_t)any();
	}
	memcpy(l.topics[l.ntopics++], entry->hash, 32);
	for (size_t i = 0; i < entry->nin; i++) {
		const struct abi_param one = {.name = entry->in[i].name, .type = *abi_stored_type(&entry->in[i])};
		struct abi_value v;
		any_value(a, &one.type, &v);
		if (!entry->in[i].indexed) {
			plain[n] = one;
			values[n++] = v;
			continue;
		}
		buf_clear(&b);
		assert_true(abi_encode(&b, &one, 1, &v, &e));
		memcpy(l.topics[l.ntopics++], b.p, 32);
	}
	buf_clear(&b);
	assert_true(abi_encode(&b, plain, n, values, &e));
	l.data = (struct bytes){arena_copy(a, b.p, b.n), b.n};
	buf_fini(&b);
	return l;
}

/* ── an event, twice: one table for each way ── */

struct kind {
	struct arena mem;
	struct abi_entry entry;
	struct contract_decl contract[2]; /* text, binary */
	struct event_decl event[2];
};

static void kind_init(struct kind *k, const char *line, int number)
{
	size_t at;
	struct err e;
	memset(k, 0, sizeof *k);
	if (!abi_parse_line(&k->mem, str_of(line), &k->entry, &at, &e))
		fail_msg("%s: %s", line, e.text);
	const char **columns = arena_alloc(&k->mem, (k->entry.nin + 1) * sizeof *columns);
	for (size_t i = 0; i < k->entry.nin; i++)
		columns[i] = arena_printf(&k->mem, "f%zu", i);
	for (int i = 0; i < 2; i++) {
		k->contract[i] = (struct contract_decl){.name = i ? "Bin" : "Txt", .schema = i ? "bin" : "txt"};
		k->event[i] = (struct event_decl){
			&k->contract[i], &k->entry, arena_printf(&k->mem, "e%d", number), columns, {0}};
	}
}

static void declare(struct world *w, const struct event_decl *ev)
{
	struct buf columns = {0};
	for (size_t i = 0; i < ev->entry->nin; i++) {
		buf_printf(&columns, "%s'%s ", i ? ", " : "", ev->columns[i]);
		abi_pg_type(&columns, &ev->entry->in[i]);
		buf_char(&columns, '\'');
	}
	run(w, "SELECT fairlead.declare(1::smallint, '%s', '%s', '%s.%s', '\\x01', ARRAY[%s]::text[])",
		ev->contract->schema, ev->table, ev->contract->name, ev->table, columns.p ? columns.p : "");
	buf_fini(&columns);
}

/* What the text way writes, as the listener does it: through a unit of io/pg. */
struct outcome {
	int calls;
	enum pg_outcome outcome;
	struct err err;
};

static void on_done(void *arg, const struct pg_reply *r)
{
	struct outcome *o = arg;
	o->calls++;
	o->outcome = r->outcome;
	o->err = r->err;
}

static uint64_t own_time(void *arg, const struct log *log)
{
	(void)arg;
	return log->time;
}

static void write_text(struct world *w, const struct event_decl *ev, const struct log *logs, size_t n)
{
	struct loop *loop = loop_new();
	struct pg *pg = pg_open(
		loop, &(struct pg_options){.conninfo = w->conninfo, .application = "unit"}, &(struct pg_events){0});
	/* the filter is not asked here: every log is of this event */
	struct filter f;
	const struct config none = {.nevents = 0};
	struct arena a = {0};
	struct rows r;
	struct outcome o = {0};
	filter_init_of(&f, &none, (const struct event_decl *const[]){ev}, 1);
	rows_init(&r, &f);
	spin_until(loop, pg_is_up(pg));
	for (size_t i = 0; i < n; i++) {
		const struct str *columns;
		struct err e;
		if (!columns_of(&a, ev, &logs[i], &columns, &e))
			fail_msg("%s", e.text);
		struct event_row row = {
			.seq = (int64_t)i + 1, .log = &logs[i], .time = own_time(NULL, &logs[i]), .columns = columns};
		struct pg_unit *u = pg_unit(pg);
		chain_add_events(
			u, &r.inserts[0], ev, 1, (struct event_place){.open = i % 2, .swept = i % 3 == 0}, &row, 1);
		pg_unit_run(u, 0, on_done, &o);
		spin_until(loop, o.calls == (int)i + 1);
		if (o.outcome != PG_OK)
			fail_msg("%s", o.err.text);
	}
	rows_end(&r);
	filter_fini(&f);
	arena_fini(&a);
	pg_close(pg);
	loop_free(loop);
}

static void copy_in(PGconn *pg, const char *sql, const struct run_rows *rows)
{
	static const char head[19] = "PGCOPY\n\377\r\n", tail[2] = {-1, -1};
	PGresult *r = PQexec(pg, sql);
	if (PQresultStatus(r) != PGRES_COPY_IN)
		fail_msg("%s: %s", sql, PQerrorMessage(pg));
	PQclear(r);
	assert_int_equal(PQputCopyData(pg, head, sizeof head), 1);
	assert_int_equal(PQputCopyData(pg, rows->bytes.p, (int)rows->bytes.n), 1);
	assert_int_equal(PQputCopyData(pg, tail, sizeof tail), 1);
	assert_int_equal(PQputCopyEnd(pg, NULL), 1);
	r = PQgetResult(pg);
	if (PQresultStatus(r) != PGRES_COMMAND_OK)
		fail_msg("%s: %s", sql, PQerrorMessage(pg));
	PQclear(r);
	assert_null(PQgetResult(pg));
}

/* Numbers and times are patched afterwards, as for a range whose turn comes late. */
static void write_binary(struct world *w, const struct event_decl *ev, const struct log *logs, size_t n)
{
	struct encoder en;
	struct run_rows rows = {.n = 0};
	encoder_init(&en, ev);
	for (size_t i = 0; i < n; i++) {
		struct log l = logs[i];
		struct err e;
		const struct encode_head h = {
			.ordinal = (int64_t)i - 6, .chain_id = 1, .open = i % 2 == 1, .swept = i % 3 == 0};
		l.has_time = i % 2;
		if (!rows_put(&rows, &en, &l, &h, &e))
			fail_msg("%s", e.text);
		encode_set_time(rows_tuple(&rows, i), l.time);
		assert_int_equal(encode_get_block(rows_tuple(&rows, i)), l.block);
		assert_int_equal(encode_get_seq(rows_tuple(&rows, i)), (int64_t)i - 6);
	}
	rows_rebase(&rows, 7);
	copy_in(w->pg, en.copy_sql, &rows);
	rows_fini(&rows);
	encoder_fini(&en);
}

static struct buf copied_out(PGconn *pg, const struct event_decl *ev)
{
	char sql[256], *p;
	struct buf all = {0};
	int n;
	snprintf(sql, sizeof sql, "COPY (SELECT * FROM %s.%s ORDER BY _seq) TO STDOUT (FORMAT binary)",
		ev->contract->schema, ev->table);
	PGresult *r = PQexec(pg, sql);
	assert_int_equal(PQresultStatus(r), PGRES_COPY_OUT);
	PQclear(r);
	while ((n = PQgetCopyData(pg, &p, 0)) > 0) {
		buf_put(&all, p, (size_t)n);
		PQfreemem(p);
	}
	assert_int_equal(n, -1);
	while ((r = PQgetResult(pg)))
		PQclear(r);
	return all;
}

static const char *const lines[] = {
	"event Transfer(address indexed from, address indexed to, uint256 value)",
	"event Small(int8 a, int24 b, int64 c, uint8 d, uint32 e, uint56 f, bool g)",
	"event Wide(uint64 a, int72 b, uint128 c, int128 d, uint256 e, int256 f, int256 g)",
	"event Indexed(int256 indexed a, string indexed b, uint256[] indexed c, bytes4 d)",
	"event Texts(string a, bytes b, bytes1 c, bytes32 d, string e, function f)",
	"event Lists(uint256[] a, int32[] b, bool[] c, string[] d, bytes[] e, address[2] f, int256[] g, bytes8[] "
	"h)",
	"event Deep((uint256 id, string name, (bool yes, int64[] n) more) a, uint256[][] b, (address a, uint64 "
	"b)[] c)",
	"event Nothing()",
};

static void both_ways_write_the_same(void **state)
{
	(void)state;
	enum { LOGS = 60 };
	struct world w;
	world_empty(&w);
	run(&w, "SELECT fairlead.chain_id('main')");
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		struct kind k;
		struct log logs[LOGS];
		kind_init(&k, lines[i], (int)i);
		for (size_t n = 0; n < LOGS; n++)
			logs[n] = any_log(&k.mem, &k.entry, n);
		declare(&w, &k.event[0]);
		declare(&w, &k.event[1]);
		write_text(&w, &k.event[0], logs, LOGS);
		write_binary(&w, &k.event[1], logs, LOGS);
		struct buf text = copied_out(w.pg, &k.event[0]), binary = copied_out(w.pg, &k.event[1]);
		assert_true(text.n > LOGS * (size_t)HEADER);
		if (text.n != binary.n || memcmp(text.p, binary.p, text.n) != 0)
			fail_msg("%s: the two ways differ", lines[i]);
		buf_fini(&text);
		buf_fini(&binary);
		arena_fini(&k.mem);
	}
	world_close(&w);
}

/* What a numeric holds is told by the server itself. */
static void the_server_reads_the_edges(void **state)
{
	(void)state;
	struct world w;
	struct kind k;
	struct encoder en;
	struct run_rows rows = {.n = 0};
	struct err e;
	world_empty(&w);
	run(&w, "SELECT fairlead.chain_id('main')");
	kind_init(&k, "event E(uint256 a, int256 b)", 0);
	declare(&w, &k.event[1]);
	encoder_init(&en, &k.event[1]);
	struct log l = any_log(&k.mem, &k.entry, 1);
	uint8_t data[64];
	l.data = (struct bytes){data, 64};
	memset(data, 0xff, 32);
	memset(data + 32, 0, 32);
	data[32] = 0x80;
	assert_true(rows_put(&rows, &en, &l, &(struct encode_head){.ordinal = 1, .chain_id = 1}, &e));
	encode_set_time(rows_tuple(&rows, 0), UINT64_MAX);
	memset(data, 0, 32);
	memset(data + 32, 0xff, 32);
	l.id[0] ^= 1;
	l.has_time = false;
	assert_true(
		rows_put(&rows, &en, &l, &(struct encode_head){.ordinal = 2, .chain_id = 1, .late = true}, &e));
	copy_in(w.pg, en.copy_sql, &rows);
	gives(&w, MAX_256 "|-" HALF "|infinity|f 0|-1|1970-01-01 00:00:00|t",
		"SELECT f0, f1, CASE WHEN isfinite(_at) THEN (_at AT TIME ZONE 'UTC')::text ELSE _at::text END, _late"
		" FROM bin.e0 ORDER BY _seq");
	rows_fini(&rows);
	encoder_fini(&en);
	arena_fini(&k.mem);
	world_close(&w);
}

static void what_does_not_decode_leaves_nothing(void **state)
{
	(void)state;
	struct kind k;
	struct encoder en;
	struct buf out = {0};
	struct err e;
	kind_init(&k, lines[0], 0);
	encoder_init(&en, &k.event[1]);
	struct log l = any_log(&k.mem, &k.entry, 1);
	const struct encode_head h = {.chain_id = 1};
	assert_true(encode_row(&out, &en, &l, &h, &e));
	const size_t n = out.n;
	l.ntopics = 2;
	assert_false(encode_row(&out, &en, &l, &h, &e));
	assert_int_equal(e.class, ERR_MALFORMED);
	l.ntopics = 3;
	l.data.n = 31;
	assert_false(encode_row(&out, &en, &l, &h, &e));
	l.data.n = 32;
	l.log_index = 1ull << 31;
	assert_false(encode_row(&out, &en, &l, &h, &e));
	l.log_index = 0;
	l.block = 1ull << 63;
	assert_false(encode_row(&out, &en, &l, &h, &e));
	assert_int_equal(out.n, n);
	assert_string_equal(en.copy_sql, "COPY \"bin\".\"e0\" (_seq, _at, _block, _log, _chain, _open, _swept, "
									 "_late, _block_hash, _tx, _id, _address, "
									 "\"f0\", \"f1\", \"f2\") FROM STDIN (FORMAT binary)");
	buf_fini(&out);
	encoder_fini(&en);
	arena_fini(&k.mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_exact),
		cmocka_unit_test(what_does_not_decode_leaves_nothing),
		cmocka_unit_test(the_server_reads_the_edges),
		cmocka_unit_test(both_ways_write_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
