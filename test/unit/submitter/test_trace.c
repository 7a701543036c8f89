/* trace: S2's proof on a chain of made-up blocks, asked from nodes that keep little, ignore, lie and fork. */
#include "submitter/trace.c"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum { BLOCKS = 400, FINAL = 390, NETWORK = 31337 };

/* viem's signAuthorization of key 0x11…11, nonce 7 on chain 31337 */
static const struct authorization signed_7 = {
	.chain_id = {{31337}},
	.address = {0x63, 0xc0, 0xc1, 0x9a, 0x28, 0x2a, 0x1b, 0x52, 0xb0, 0x7d, 0xd5, 0xa6, 0x5b, 0x58, 0x94,
		0x8a, 0x07, 0xda, 0xe3, 0x2b},
	.nonce = 7,
};
static const uint8_t account[20] = {0x19, 0xe7, 0xe3, 0x76, 0xe7, 0xc2, 0x13, 0xb7, 0xe7, 0xe7, 0xe4, 0x6c,
	0xc7, 0x0a, 0x5d, 0xd0, 0x86, 0xda, 0xff, 0x2a};
static struct authorization auth_7; /* signed_7, whole */

struct chain {
	uint64_t count[BLOCKS]; /* behind each block */
	struct body_tx txs[BLOCKS][2];
	size_t ntxs[BLOCKS];
	bool has_code;
	/* the node */
	uint64_t states;      /* kept; 0: all */
	bool ignores;         /* its count is always that of the newest block */
	uint64_t lies_from;   /* one more than the truth from there on; 0: never */
	bool fork_between;    /* two machines: the parent's state is another's */
	uint64_t bodies_from; /* older ones are gone */
	uint64_t breaks_at;   /* that block's parent is another one */
	unsigned asked, bodies;
};
static struct chain c;

static void hash_of(uint8_t out[32], uint64_t number)
{
	memset(out, 0, 32);
	out[0] = 0xb1;
	out[30] = (uint8_t)(number >> 8);
	out[31] = (uint8_t)number;
}

static void fresh(void)
{
	c = (struct chain){.asked = 0};
	auth_7 = signed_7;
	uint8_t r[32], s[32];
	assert_true(hex_from(r, 32, STR("0b06293e3cbb53f2116af3c3b6dc4fc3e6e075489099e01e3d1a0bb8295c3a39")));
	assert_true(hex_from(s, 32, STR("1fd685c1e9ce30af67629f35f104246eb25b8be0eeadbba8dfaa25821c089ba3")));
	auth_7.r = u256_from_be(r);
	auth_7.s = u256_from_be(s);
}

/* From that block on the count is n. */
static void counts(uint64_t block, uint64_t n)
{
	for (uint64_t i = block; i < BLOCKS; i++)
		c.count[i] = n;
}

static struct body_tx *put(uint64_t block, uint8_t id, bool own, uint64_t nonce)
{
	struct body_tx *x = &c.txs[block][c.ntxs[block]++];
	*x = (struct body_tx){.type = 2, .nonce = nonce, .has_to = true};
	memset(x->hash, id, 32);
	if (own)
		memcpy(x->from, account, 20);
	else
		memset(x->from, 0x99, 20);
	return x;
}

static void authorized(uint64_t block, uint8_t id)
{
	struct body_tx *x = put(block, id, false, 3);
	x->type = BODY_SET_CODE;
	x->auths = &auth_7;
	x->nauths = 1;
}

static bool state_of(uint64_t at, uint64_t *count)
{
	if (c.states && at + c.states < BLOCKS)
		return false;
	*count = c.count[c.ignores ? BLOCKS - 1 : at] + (c.lies_from && at >= c.lies_from);
	return true;
}

static void answer_bodies(struct trace *t, struct trace_ask ask)
{
	for (unsigned i = 0; i < ask.n; i++) {
		uint64_t at = ask.at - i;
		struct body b = {.number = at, .time = 1000 + at, .txs = c.txs[at], .ntxs = c.ntxs[at]};
		hash_of(b.hash, at);
		hash_of(b.parent, at - 1);
		if (c.breaks_at == at)
			b.parent[5] = 1;
		c.bodies++;
		trace_body(t, at < c.bodies_from ? NULL : &b);
	}
}

static void answer(struct trace *t, struct trace_ask ask)
{
	uint64_t count = 0, before = 0;
	bool served;
	assert_true(++c.asked < 6000);
	switch (ask.want) {
	case TRACE_COUNT:
		served = state_of(ask.at, &count);
		trace_count(t, served, count);
		break;
	case TRACE_BODIES: answer_bodies(t, ask); break;
	case TRACE_STATES: {
		uint64_t at = (uint64_t)t->hash[30] << 8 | t->hash[31];
		served = state_of(at, &count) && state_of(at - 1, &before);
		trace_states(t, served, c.fork_between ? count : before, count, c.has_code);
		break;
	}
	case TRACE_ENDS: break;
	}
}

static uint8_t ours[2][32];

static struct trace run(const uint64_t *hint)
{
	struct trace t;
	memset(ours[0], 0xa1, 32);
	memset(ours[1], 0xa2, 32);
	trace_begin(&t, account, NETWORK, 7, FINAL, hint, (const uint8_t(*)[32])ours, 2);
	for (struct trace_ask ask; (ask = trace_next(&t)).want != TRACE_ENDS;)
		answer(&t, ask);
	return t;
}

static void assert_foreign(const struct trace *t, enum consumer_kind kind, uint64_t block, uint8_t tx)
{
	uint8_t hash[32];
	if (t->verdict != TRACE_FOREIGN)
		fail_msg("ends with %d: %s", (int)t->verdict, t->why ? t->why : "");
	assert_int_equal(t->consumer.kind, kind);
	assert_int_equal(t->block, block);
	hash_of(hash, block);
	assert_memory_equal(t->hash, hash, 32);
	assert_int_equal(t->consumer.has_tx, tx != 0);
	if (tx)
		assert_int_equal(t->consumer.tx[0], tx);
}

static void early(void **state)
{
	(void)state;
	fresh();
	counts(FINAL + 1, 8);
	assert_int_equal(run(NULL).verdict, TRACE_EARLY);
	assert_int_equal(c.asked, 1);
}

/* By state, from any place to begin. */
static void by_state(void **state)
{
	(void)state;
	uint64_t hints[] = {0, 1, 199, 200, 201, 389, 390, 399};
	for (size_t i = 0; i <= sizeof hints / sizeof *hints; i++) {
		const uint64_t *hint = i ? &hints[i - 1] : NULL;
		fresh();
		counts(200, 8);
		put(200, 0x77, true, 7);
		struct trace t = run(hint);
		assert_foreign(&t, CONSUMER_TRANSACTION, 200, 0x77);
		assert_true(c.asked < 30);
		fresh();
		counts(200, 8);
		put(200, 0xa2, true, 7);
		t = run(hint);
		assert_int_equal(t.verdict, TRACE_OURS);
		assert_int_equal(t.block, 200);
		assert_int_equal(t.consumer.tx[0], 0xa2);
	}
}

static void what_it_was(void **state)
{
	(void)state;
	fresh();
	counts(200, 8);
	authorized(200, 0x44);
	struct trace t = run(NULL);
	assert_foreign(&t, CONSUMER_AUTHORIZATION, 200, 0x44);
	assert_int_equal(t.consumer.by[0], 0x99);

	fresh();
	counts(200, 9); /* two CREATEs at once */
	c.has_code = true;
	put(200, 0x55, false, 1);
	t = run(NULL);
	assert_foreign(&t, CONSUMER_DELEGATED, 200, 0);

	fresh();
	counts(200, 8);
	put(200, 0x66, true, 7)->type = BODY_DEPOSIT;
	t = run(NULL);
	assert_foreign(&t, CONSUMER_DEPOSIT, 200, 0x66);

	/* authorizations that don't count: another chain, another nonce, another's */
	for (int i = 0; i < 3; i++) {
		fresh();
		counts(200, 8);
		authorized(200, 0x44);
		if (i == 0)
			auth_7.chain_id = u256_of(1);
		else if (i == 1)
			auth_7.nonce = 8;
		else
			auth_7.s = u256_of(5);
		assert_int_equal(run(NULL).verdict, TRACE_UNPROVED);
	}
}

/* INV-6: our own transaction is in a block; no way of the node's leads to anything but it. */
static void never_foreign(void **state)
{
	(void)state;
	for (int i = 0; i < 6; i++) {
		fresh();
		counts(FINAL + 5, 8); /* not even final */
		put(FINAL + 5, 0xa1, true, 7);
		c.ignores = i == 0;
		c.lies_from = i == 1 ? 100 : i == 2 ? 1 : i == 3 ? FINAL : 0;
		c.has_code = false;
		if (i == 4) {
			c.ignores = true;
			authorized(250, 0x44); /* an authorization that was not valid there */
		}
		if (i == 5) {
			c.lies_from = 250;
			put(250, 0x12, false, 7); /* the nonce of a stranger's */
		}
		struct trace t = run(NULL);
		if (t.verdict != TRACE_EARLY && t.verdict != TRACE_UNPROVED)
			fail_msg("case %d ends with %d", i, (int)t.verdict);
	}
}

/* A node that keeps 128 states, one that ignores the block: bodies decide. */
static void by_bodies(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		uint64_t hint = 10;
		fresh();
		c.states = i == 0 ? 128 : 0;
		c.ignores = i == 1;
		counts(200, 8);
		put(200, 0x77, true, 7);
		struct trace t = run(&hint);
		assert_foreign(&t, CONSUMER_TRANSACTION, 200, 0x77);
		assert_true(c.bodies >= FINAL - 200);

		fresh();
		c.states = i == 0 ? 128 : 0;
		c.ignores = i == 1;
		counts(200, 8);
		put(200, 0xa1, true, 7);
		assert_int_equal(run(&hint).verdict, TRACE_OURS);
	}
	fresh(); /* near enough, though the place to begin is not */
	c.states = 128;
	counts(350, 8);
	c.has_code = true;
	uint64_t hint = 10;
	struct trace t = run(&hint);
	assert_foreign(&t, CONSUMER_DELEGATED, 350, 0);
}

static void bodies_of_others(void **state)
{
	(void)state;
	fresh();
	c.states = 5; /* not even the final block's */
	counts(100, 7);
	put(100, 0x11, true, 6);
	counts(200, 8);
	authorized(200, 0x44);
	put(300, 0x13, true, 8);
	struct trace t = run(NULL);
	assert_foreign(&t, CONSUMER_AUTHORIZATION, 200, 0x44);

	c.ntxs[300] = 0; /* nothing shows that the nonce is consumed */
	assert_int_equal(run(NULL).verdict, TRACE_UNPROVED);
	put(300, 0x13, true, 8);
	c.ntxs[100] = 0; /* nothing shows that it was not before */
	assert_int_equal(run(NULL).verdict, TRACE_UNPROVED);
	put(150, 0xa1, true, 7); /* and indeed it was ours */
	assert_int_equal(run(NULL).verdict, TRACE_OURS);

	c.ntxs[150] = 0;
	put(100, 0x11, true, 6);
	c.breaks_at = 250; /* two branches, one answer */
	assert_int_equal(run(NULL).verdict, TRACE_UNPROVED);
	c.breaks_at = 0;
	c.bodies_from = 150;
	assert_int_equal(run(NULL).verdict, TRACE_UNPROVED);
	c.bodies_from = 0;
	t = run(NULL);
	assert_foreign(&t, CONSUMER_AUTHORIZATION, 200, 0x44);
}

/* A bisection that the block does not bear out is done again, then bodies are walked. */
static void not_borne_out(void **state)
{
	(void)state;
	fresh();
	counts(200, 8);
	c.fork_between = true;
	authorized(200, 0x44);
	struct trace t = run(NULL);
	assert_int_equal(t.verdict, TRACE_UNPROVED);
	assert_non_null(strstr(t.why, "does not bear it out"));
	assert_true(c.bodies > FINAL - 200);
	fresh();
	counts(200, 8);
	c.bodies_from = 250;
	t = run(NULL);
	assert_int_equal(t.verdict, TRACE_UNPROVED);
	assert_non_null(strstr(t.why, "does not give the block"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(early), cmocka_unit_test(by_state),
		cmocka_unit_test(what_it_was), cmocka_unit_test(never_foreign), cmocka_unit_test(by_bodies),
		cmocka_unit_test(bodies_of_others), cmocka_unit_test(not_borne_out)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
