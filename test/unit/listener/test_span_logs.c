/* span_logs: which logs of an answer become rows, and that a row has its own log's id, whenever that is
 * worked out. No endpoint is asked: the answers are made here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "listener/encode.c"
#include "listener/filter.c"
#include "listener/filter_ask.c"
#include "listener/filter_where.c"
#include "listener/learner.c"
#include "listener/proof.c"
#include "listener/proof_run.c"
#include "listener/provider.c"
#include "listener/provider_ident.c"
#include "listener/provider_pick.c"
#include "listener/refusal.c"
#include "listener/refusal_text.c"
#include "listener/span.c"
#include "listener/span_dense.c"
#include "listener/span_hang.c"
#include "listener/span_logs.c"
#include "listener/span_proof.c"
#include "listener/span_times.c"

enum { LOGS = 401, EVENTS = 2 };

static struct fixture {
	struct arena mem;
	uint8_t address[1][20];
	struct contract_decl contract;
	struct abi_entry entry[EVENTS];
	struct event_decl event[EVENTS];
	struct filter filter;
	struct encoder encoders[EVENTS];
	struct span_world world;
	struct proof_trust trust;
	struct pipe_seg seg;
	struct span *s;
	struct log logs[LOGS];     /* in chain order */
	struct buf wanted[EVENTS]; /* the rows of all of them, numbered from `base` */
	struct buf got[EVENTS];
	size_t nbad;
} f;

static const int64_t base = 1000;

static uint64_t seed;
static uint64_t any(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return seed >> 33;
}

static void declare(size_t i, const char *line)
{
	size_t at;
	struct err e;
	const char **columns = arena_alloc(&f.mem, 2 * sizeof *columns);
	columns[0] = "a";
	columns[1] = "b";
	assert_true(abi_parse_line(&f.mem, str_of(line), &f.entry[i], &at, &e));
	f.event[i] = (struct event_decl){&f.contract, &f.entry[i], i ? "texts" : "pairs", columns, {0}};
}

/* One of few contents, so that many are alike; every ninth is broken. */
static void make_log(struct log *l, uint64_t block, uint64_t index)
{
	const size_t what = any() % EVENTS, text = what ? any() % 3 * 320 : 0, n = 64 + text;
	uint8_t *data = arena_alloc(&f.mem, n);
	*l = (struct log){.block = block, .tx_index = index / 4, .log_index = index, .ntopics = 1};
	l->block_hash[0] = (uint8_t)block;
	l->block_hash[1] = 1;
	if (l->tx_index % 2) { /* else it has none */
		l->tx_hash[0] = 1;
		l->tx_hash[1] = (uint8_t)l->tx_index;
		l->tx_hash[2] = (uint8_t)block;
	}
	l->has_time = any() % 2;
	l->time = 1700000000 + block;
	memcpy(l->address, f.address[0], 20);
	memcpy(l->topics[0], f.entry[what].hash, 32);
	data[31] = what ? 32 : 1;
	data[62] = (uint8_t)(text >> 8);
	data[63] = (uint8_t)text;
	memset(data + 64, 'x', text);
	l->data = (struct bytes){data, any() % 9 ? n : 5};
}

/* The same logs, identified all together and encoded one by one. */
static void make_wanted(void)
{
	struct run_rows runs[EVENTS] = {{.n = 0}};
	int64_t ordinal = 0;
	struct log *l = arena_copy(&f.mem, f.logs, sizeof f.logs);
	logs_identify(l, LOGS, f.world.network);
	for (size_t i = 0; i < LOGS; i++) {
		const size_t what = memcmp(l[i].topics[0], f.entry[1].hash, 32) == 0;
		const struct encode_head h = {.ordinal = ordinal, .chain_id = f.world.chain_id};
		struct err e;
		if (rows_put(&runs[what], &f.encoders[what], &l[i], &h, &e))
			ordinal++;
		else
			f.nbad++;
	}
	for (size_t i = 0; i < EVENTS; i++) {
		assert_true(runs[i].n > LOGS / 4);
		rows_rebase(&runs[i], base);
		f.wanted[i] = runs[i].bytes;
		runs[i].bytes = (struct buf){0};
		rows_fini(&runs[i]);
	}
	assert_true(f.nbad > 10);
}

static int open_world(void **state)
{
	(void)state;
	static const struct config none = {.nevents = 0};
	memset(&f, 0, sizeof f);
	seed = 7;
	f.address[0][3] = 9;
	f.contract = (struct contract_decl){
		.name = "C", .schema = "c", .addresses = (const uint8_t(*)[20])f.address, .naddresses = 1};
	declare(0, "event Pair(uint256 a, uint256 b)");
	declare(1, "event Text(string a)");
	filter_init_of(&f.filter, &none, (const struct event_decl *const[]){&f.event[0], &f.event[1]}, EVENTS);
	for (size_t i = 0; i < EVENTS; i++)
		encoder_init(&f.encoders[i], &f.event[i]);
	f.world = (struct span_world){.filter = &f.filter,
		.encoders = f.encoders,
		.network = u256_of(31337),
		.chain_id = 3,
		.trust = &f.trust};
	uint64_t block = 1, index = 0;
	for (size_t i = 0; i < LOGS; i++, index++) {
		make_log(&f.logs[i], block, index);
		if (any() % 8 == 0) {
			block += 1 + any() % 2;
			index = 0;
		}
	}
	f.seg = (struct pipe_seg){.from = 1, .to = (int64_t)block + 5};
	f.s = span_new(&f.world);
	f.s->seg = &f.seg;
	f.s->first = (struct block_header){.number = 1, .hash = {1, 1}};
	memset(f.s->first.bloom, 0xff, sizeof f.s->first.bloom);
	filter_plan_make(&f.s->plan, &f.filter, FILTER_CAP_DEFAULT, FILTER_REQUESTS_MOST);
	assert_int_equal(f.s->plan.n, 1);
	make_wanted();
	return 0;
}

static int close_world(void **state)
{
	(void)state;
	span_free(f.s);
	for (size_t i = 0; i < EVENTS; i++) {
		encoder_fini(&f.encoders[i]);
		buf_fini(&f.wanted[i]);
		buf_fini(&f.got[i]);
	}
	filter_fini(&f.filter);
	arena_fini(&f.mem);
	return 0;
}

/* As the stream gives it: gone behind the call. */
static void tell(size_t i)
{
	struct log l = f.logs[i];
	uint8_t data[1024];
	memcpy(data, l.data.p, l.data.n);
	l.data.p = data;
	if (!span_take_log(f.s, 0, &l))
		fail_msg("%s", f.s->why.text);
	memset(data, 0x55, sizeof data);
}

static void take_rows(void)
{
	for (size_t i = 0; i < EVENTS; i++) {
		struct buf rows = {0};
		span_take_rows(f.s, i, base, &rows);
		buf_put(&f.got[i], rows.p, rows.n);
		buf_fini(&rows);
	}
}

static void rows_are_as_wanted(void)
{
	for (size_t i = 0; i < EVENTS; i++) {
		assert_int_equal(f.got[i].n, f.wanted[i].n);
		assert_memory_equal(f.got[i].p, f.wanted[i].p, f.got[i].n);
	}
	assert_int_equal(f.s->nbad, f.nbad);
}

static void test_as_they_come(void **state)
{
	(void)state;
	for (size_t i = 0; i < LOGS; i++)
		tell(i);
	take_rows();
	rows_are_as_wanted();
	struct log again =
		f.logs[LOGS - 1]; /* K-22: the same one or another at its place: seen when all are gathered */
	assert_false(span_take_log(f.s, 0, &again));
	assert_int_equal(f.s->outcome, SPAN_UNSORTED);
}

/* A range that is written while it is read: inside blocks, with any number of ids not worked out. */
static void test_rows_are_taken_on_the_way(void **state)
{
	(void)state;
	for (size_t i = 0; i < LOGS; i++) {
		tell(i);
		if (any() % 5 == 0)
			take_rows();
	}
	take_rows();
	assert_int_equal(span_bytes(f.s), 0);
	rows_are_as_wanted();
}

/* The last answer that breaks off ends in the block that the next one begins with. */
static void test_asked_again(void **state)
{
	(void)state;
	for (size_t cut = 9; cut > 0; cut--) {
		for (size_t i = 0; i < cut; i++)
			tell(i);
		span_cancel(f.s);
	}
	for (size_t i = 0; i < LOGS; i++)
		tell(i);
	take_rows();
	rows_are_as_wanted();
}

static void test_gathered(void **state)
{
	(void)state;
	f.s->gather = true;
	f.s->last.number = (uint64_t)f.seg.to;
	for (size_t i = 0; i < LOGS; i++) {
		tell(i * 7 % LOGS);
		if (i % 3 == 0)
			tell(i * 7 % LOGS); /* the same one, told twice (K-22) */
	}
	assert_int_equal(span_bytes(f.s), (LOGS + (LOGS + 2) / 3) * sizeof(struct log));
	assert_true(span_settle(f.s));
	take_rows();
	rows_are_as_wanted();
}

/* ── ranges whose blocks are proved first ── */

static uint8_t hash_at(int64_t block, size_t i)
{
	return i == 0 ? (uint8_t)block : i == 1;
}

/* As if the answer about a range was complete: headers of all its blocks, and the logs. */
static void answer(enum proof_level want, size_t logs)
{
	f.world.want = want;
	size_t n = (size_t)span_headers(f.s);
	f.s->headers = arena_alloc(&f.s->mem, n * sizeof *f.s->headers);
	f.s->blocks = arena_alloc(&f.s->mem, n * sizeof *f.s->blocks);
	f.s->gather = f.s->ended = true;
	for (size_t k = 0; k < n; k++) {
		struct block_header *h = &f.s->headers[k];
		h->number = (uint64_t)span_header_at(f.s, (int)k);
		h->time = 1700000000 + h->number;
		for (size_t i = 0; i < 2; i++)
			h->hash[i] = hash_at((int64_t)h->number, i);
	}
	for (size_t i = logs; i-- > 0;)
		tell(i);
}

/* The logs of a block as a proof gives them. */
static struct proof_block proved_block(uint64_t number, enum proof_level level)
{
	size_t from = 0, to;
	while (from < LOGS && f.logs[from].block < number)
		from++;
	for (to = from; to < LOGS && f.logs[to].block == number;)
		to++;
	return (struct proof_block){.level = level, .logs = f.logs + from, .nlogs = to - from};
}

static void test_proved(void **state)
{
	(void)state;
	answer(PROOF_RECEIPTS, LOGS / 2); /* the other half was left out */
	assert_true(span_wants_proof(f.s));
	size_t n = (size_t)span_headers(f.s), given = 0;
	assert_int_equal(n, f.seg.to);
	struct proof_filter filter = span_filter(f.s);
	const struct proof_given *g = span_given(f.s, &filter);
	for (size_t k = 0; k < n; k++) {
		assert_true(g[k].known);
		for (size_t i = 0; i < g[k].n; i++)
			assert_int_equal(g[k].logs[i].block, k + 1);
		given += g[k].n;
	}
	assert_int_equal(given, LOGS / 2);
	struct proof_block *blocks = arena_alloc(&f.mem, n * sizeof *blocks);
	for (size_t k = 0; k < n; k++)
		blocks[k] = proved_block(k + 1, k % 2 ? PROOF_RECEIPTS : PROOF_NONE);
	assert_true(span_proved(f.s, blocks));
	assert_false(span_wants_proof(f.s));
	uint64_t rows = 0;
	for (size_t k = 0; k < n; k++) {
		assert_int_equal(f.s->blocks[k].level, k % 2 ? PROOF_RECEIPTS : PROOF_NONE);
		assert_true(f.s->blocks[k].rows <= blocks[k].nlogs);
		rows += f.s->blocks[k].rows;
	}
	assert_int_equal(rows, LOGS - f.nbad);
	for (size_t e = 0; e < EVENTS; e++) /* times are those of the headers, without a question */
		for (size_t i = 0; i < f.s->runs[e].n; i++) {
			const char *tuple = rows_tuple(&f.s->runs[e], i);
			assert_int_equal(encode_get_time(tuple), 1700000000 + encode_get_block(tuple));
		}
	take_rows();
	for (size_t i = 0; i < EVENTS; i++)
		assert_int_equal(f.got[i].n, f.wanted[i].n);
	assert_int_equal(f.s->nbad, f.nbad);
}

static void test_nothing_wanted(void **state)
{
	(void)state;
	answer(PROOF_NONE, 0);
	assert_int_equal(span_headers(f.s), 2); /* its ends */
	assert_int_equal(span_header_at(f.s, 0), f.seg.from);
	assert_int_equal(span_header_at(f.s, 1), f.seg.to);
	assert_false(span_wants_proof(f.s));
}

/* R2: at level bloom each block is looked at, above it a proof says more. */
static void test_doubtful(void **state)
{
	(void)state;
	answer(PROOF_BLOOM, LOGS);
	assert_false(span_doubtful(f.s));
	struct block_header *h = &f.s->headers[f.seg.to - 1]; /* has no logs */
	log_bloom(&f.logs[0], h->bloom);
	assert_true(span_doubtful(f.s));
	f.world.want = PROOF_SOURCES;
	assert_false(span_doubtful(f.s));
	f.world.want = PROOF_BLOOM;
	memset(h->bloom, 0xff, sizeof h->bloom); /* says yes to anything */
	assert_false(span_doubtful(f.s));
	memset(h->bloom, 0, sizeof h->bloom);
	log_bloom(&f.logs[0], f.s->headers[0].bloom); /* has some */
	assert_false(span_doubtful(f.s));
	log_bloom(&f.logs[0], h->bloom);
	f.s->doubted = (struct provider *)&f; /* it was asked again */
	assert_false(span_doubtful(f.s));
	f.s->doubted = NULL;
}

/* Whatever it waits for: the logs, the children of factories, the times of blocks. */
static void test_silent(void **state)
{
	(void)state;
	struct rpc_request *out = (struct rpc_request *)&f;
	f.s->sent_ms = 100;
	assert_int_equal(span_silent_ms(f.s, 500), 0);
	f.s->request = out;
	f.s->streamed = true;
	assert_int_equal(span_silent_ms(f.s, 500), 400);
	tell(0);
	assert_int_equal(span_silent_ms(f.s, 500), 0); /* it speaks */
	f.s->streamed = false;                         /* what comes behind the logs is another question */
	assert_int_equal(span_silent_ms(f.s, 500), 400);
	f.s->aside = out;
	f.s->aside_ms = 450;
	assert_int_equal(span_silent_ms(f.s, 500), 50);
	f.s->full = true; /* it is we who do not read */
	assert_int_equal(span_silent_ms(f.s, 500), 0);
	f.s->full = false;
	f.s->outcome = SPAN_OK;
	assert_int_equal(span_silent_ms(f.s, 500), 0);
	f.s->request = f.s->aside = NULL;
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, open_world, close_world)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_as_they_come),
		TEST(test_rows_are_taken_on_the_way),
		TEST(test_asked_again),
		TEST(test_gathered),
		TEST(test_proved),
		TEST(test_nothing_wanted),
		TEST(test_doubtful),
		TEST(test_silent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
