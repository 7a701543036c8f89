/* policy: what a signer may sign: a table of refusals, made of every limit and every neighbour of what is
 * allowed. */
#include "submitter/policy.c"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const uint8_t self[20] = {0xaa, 1}, other[20] = {0xbb, 2}, shop[20] = {0xcc, 3}, vault[20] = {0xdd, 4};
static const uint8_t mate[1][20] = {{0xee, 5}};
static const uint8_t data[] = {0x12, 0x34, 0x56, 0x78, 9, 9, 9, 9};
static const struct policy_call calls[] = {
	{{0xcc, 3}, {0x12, 0x34, 0x56, 0x78}, false}, {{0xcc, 3}, {0, 0, 0, 1}, false}, {{0xdd, 4}, {0}, true}};

static struct u256 gwei(uint64_t n)
{
	return u256_of(n * 1000000000u);
}

static struct policy strict(void)
{
	return (struct policy){.chain_id = 5,
		.self = self,
		.calls = calls,
		.ncalls = 3,
		.pool = mate,
		.npool = 1,
		.pool_value = gwei(100),
		.max_value = u256_of(0),
		.has_max = true,
		.max = gwei(50),
		.has_cancel_max = true,
		.cancel_max = gwei(80),
		.has_max_cost = true,
		.max_cost = gwei(5000000),
		.has_spend = true,
		.spend = gwei(9000000),
		.gas_max = 200000};
}

static struct tx good(void)
{
	struct tx t = {
		.type = TX_FEE_MARKET, .chain_id = 5, .nonce = 7, .fee = gwei(40), .tip = gwei(2), .gas = 100000};
	memcpy(t.to, shop, 20);
	t.data = (struct bytes){data, sizeof data};
	return t;
}

static int refusals, allowed;

static void allows(const struct policy *p, const struct tx *t)
{
	struct buf why = {0};
	if (!policy_allows(p, t, &why))
		fail_msg("refused: %s", why.p);
	assert_null(why.p);
	allowed++;
	buf_fini(&why);
}

static void refuses(const struct policy *p, const struct tx *t, const char *code, const char *numbers)
{
	struct buf why = {0};
	if (policy_allows(p, t, &why))
		fail_msg("allowed; %s wanted", code);
	if (!reason_is((struct str){why.p, why.n}, code) || !strstr(why.p, numbers))
		fail_msg("%s; %s %s wanted", why.p, code, numbers);
	assert_false(policy_allows(p, t, NULL)); /* the same without words */
	refusals++;
	buf_fini(&why);
}

static void the_plain_ones_pass(void **state)
{
	(void)state;
	struct policy p = strict();
	struct tx t = good();
	allows(&p, &t);
	t.type = TX_LEGACY;
	allows(&p, &t);
	t = good();
	memcpy(t.to, vault, 20); /* whatever it is told */
	allows(&p, &t);
	t.data.n = 0;
	allows(&p, &t);
	t.fee = gwei(50); /* at its caps */
	allows(&p, &t);
	t.gas = 200000;
	t.fee = gwei(25);
	allows(&p, &t);
	struct tx noop = {.type = TX_FEE_MARKET, .chain_id = 5, .fee = gwei(80), .tip = gwei(80), .gas = 21000};
	memcpy(noop.to, self, 20);
	allows(&p, &noop);
	struct tx float_ = {
		.type = TX_FEE_MARKET, .chain_id = 5, .fee = gwei(50), .gas = 21000, .value = gwei(100)};
	memcpy(float_.to, mate[0], 20);
	allows(&p, &float_);
	struct policy open = {.chain_id = 5, .self = self, .calls = calls, .ncalls = 3, .gas_max = 1 << 24};
	t = good();
	t.fee = gwei(1000000);
	allows(&open, &t);
}

/* Every selector and address that differs from an allowed one in one bit. */
static void neighbours_of_a_call(void **state)
{
	(void)state;
	struct policy p = strict();
	uint8_t bytes[sizeof data];
	for (size_t bit = 0; bit < 32; bit++) {
		struct tx t = good();
		memcpy(bytes, data, sizeof data);
		bytes[bit / 8] = (uint8_t)(bytes[bit / 8] ^ 1u << bit % 8);
		t.data.p = bytes;
		refuses(&p, &t, "policy_call", "selector=0x");
	}
	for (size_t bit = 0; bit < 160; bit += 5) {
		struct tx t = good();
		t.to[bit / 8] = (uint8_t)(t.to[bit / 8] ^ 1u << bit % 8);
		refuses(&p, &t, "policy_to", "to=0x");
	}
	for (size_t n = 0; n < 4; n++) { /* too short for a selector */
		struct tx t = good();
		t.data.n = n;
		refuses(&p, &t, "policy_call", "to=0xcc03");
	}
	struct tx t = good();
	memcpy(t.to, other, 20);
	refuses(&p, &t, "policy_to", "to=0xbb02");
	memcpy(t.to, self, 20); /* a call of itself is no no-op */
	refuses(&p, &t, "policy_to", "to=0xaa01");
	memcpy(t.to, mate[0], 20);
	refuses(&p, &t, "policy_to", "to=0xee05");
	p.ncalls = 0;
	t = good();
	refuses(&p, &t, "policy_to", "to=0xcc03");
}

static void numbers_above_their_caps(void **state)
{
	(void)state;
	static const uint64_t above[] = {1, 2, 1000, UINT32_MAX, UINT64_MAX / 2};
	for (size_t i = 0; i < sizeof above / sizeof *above; i++) {
		struct policy p = strict();
		struct tx t = good();
		must(u256_add(&t.fee, p.max, u256_of(above[i])));
		refuses(&p, &t, "policy_price", "most=50000000000");
		t = good();
		t.value = u256_of(above[i]);
		refuses(&p, &t, "policy_value", "most=0");
		memcpy(t.to, vault, 20); /* an address of which all is allowed, but no money */
		refuses(&p, &t, "policy_value", "most=0");
		t = good();
		t.gas = p.gas_max + above[i];
		refuses(&p, &t, "policy_gas", "most=200000");
		t = good();
		must(u256_add(&t.tip, t.fee, u256_of(above[i])));
		refuses(&p, &t, "policy_price", "has=");
		t = good();
		t.chain_id += above[i];
		refuses(&p, &t, "policy_chain", "want=5");
		p.max_cost = u256_of(0);
		must(u256_sub(&p.max_cost, policy_cost(&(struct tx){.fee = gwei(40), .gas = 100000}),
			u256_of(above[i] % 1000 + 1)));
		t = good();
		refuses(&p, &t, "policy_cost", "has=4000000000000000");
		p.has_max_cost = false;
		p.spend = p.max_cost;
		refuses(&p, &t, "policy_spend", "has=4000000000000000");
		struct tx pool = {.type = TX_FEE_MARKET, .chain_id = 5, .fee = gwei(50), .gas = 21000};
		memcpy(pool.to, mate[0], 20);
		must(u256_add(&pool.value, p.pool_value, u256_of(above[i])));
		refuses(&p, &pool, "policy_value", "most=100000000000");
		struct tx noop = {.type = TX_FEE_MARKET, .chain_id = 5, .gas = 21000};
		memcpy(noop.to, self, 20);
		must(u256_add(&noop.fee, p.cancel_max, u256_of(above[i])));
		refuses(&p, &noop, "policy_price", "most=80000000000");
		noop.fee = gwei(1);
		noop.value = u256_of(above[i]);
		refuses(&p, &noop, "policy_to", "to=0xaa01");
		noop.value = u256_of(0);
		noop.gas = 200000 + above[i];
		refuses(&p, &noop, "policy_gas", "most=200000");
	}
	struct policy p = strict();
	struct tx t = good();
	t.fee = u256_from_be((const uint8_t[32]){[0 ... 31] = 0xff});
	p.has_max = false;
	refuses(&p, &t, "policy_cost",
		"has=115792089237316195423570985008687907853269984665640564039457584007913129639935");
}

static void other_kinds(void **state)
{
	(void)state;
	struct policy p = strict();
	struct tx t = good();
	t.create = true;
	refuses(&p, &t, "policy_kind", "");
	t = good();
	t.type = TX_ACCESS_LIST;
	refuses(&p, &t, "policy_kind", "");
	struct tx_access list = {.nkeys = 0};
	t = good();
	t.access = &list;
	t.naccess = 1;
	refuses(&p, &t, "policy_kind", "");
}

/* A no-op needs neither room nor a low cost: a slot is never left without an end (S3). */
static void a_noop_is_bound_by_the_price_of_a_gas_alone(void **state)
{
	(void)state;
	struct policy p = strict();
	p.max_cost = p.spend = u256_of(0);
	p.gas_max = 100;
	struct tx noop = {.type = TX_FEE_MARKET, .chain_id = 5, .fee = gwei(80), .gas = 21000};
	memcpy(noop.to, self, 20);
	allows(&p, &noop);
	p.has_cancel_max = false;
	refuses(&p, &noop, "policy_price", "most=50000000000");
	noop.fee = gwei(50);
	allows(&p, &noop);
}

/* ── signed bytes ── */

static struct buf signed_of(const struct tx *t)
{
	struct err e = {0};
	struct key *k =
		key_from_hex(STR("0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"), &e);
	struct buf raw = {0};
	uint8_t hash[32];
	tx_sign(t, k, &raw, hash);
	key_free(k);
	return raw;
}

static void bytes_are_what_was_asked_for(void **state)
{
	(void)state;
	struct policy p = strict();
	struct tx asked = good(), t;
	struct buf raw = signed_of(&asked), why = {0};
	assert_true(policy_allows_raw(&p, &asked, (struct bytes){(uint8_t *)raw.p, raw.n}, &why));
	/* any byte that changes a field, or the form, is seen; one of the signature is the hand's to see */
	int seen = 0;
	for (size_t i = 0; i + 67 < raw.n; i++) {
		raw.p[i] = (char)(raw.p[i] ^ 1);
		if (!policy_allows_raw(&p, &asked, (struct bytes){(uint8_t *)raw.p, raw.n}, &why)) {
			assert_true(reason_is((struct str){why.p, why.n}, "policy_bytes"));
			seen++;
		}
		raw.p[i] = (char)(raw.p[i] ^ 1);
	}
	assert_int_equal(seen, raw.n - 67);
	refusals += seen;
	buf_fini(&raw);
	struct tx wrong[6];
	for (int i = 0; i < 6; i++)
		wrong[i] = asked;
	wrong[0].nonce++;
	wrong[1].tip = gwei(3);
	wrong[2].gas--;
	wrong[3].value = u256_of(1);
	wrong[4].data.n--;
	wrong[5].chain_id = 6;
	for (int i = 0; i < 6; i++) {
		t = wrong[i];
		raw = signed_of(&t);
		assert_false(policy_allows_raw(&p, &asked, (struct bytes){(uint8_t *)raw.p, raw.n}, &why));
		refusals++;
		buf_fini(&raw);
	}
	/* what was asked for and may not be is refused behind the signature too */
	t = good();
	t.fee = gwei(51);
	raw = signed_of(&t);
	assert_false(policy_allows_raw(&p, &t, (struct bytes){(uint8_t *)raw.p, raw.n}, &why));
	assert_true(reason_is((struct str){why.p, why.n}, "policy_price"));
	buf_fini(&raw);
	buf_fini(&why);
}

/* ── from the file, and PostgreSQL's word ── */

static void the_file_names_what_may_be_called(void **state)
{
	(void)state;
	struct arena a = {0};
	struct abi_entry set = {.hash = {1, 2, 3, 4}}, get = {.hash = {5, 6, 7, 8}};
	uint8_t at[2][20] = {{9}, {10}};
	struct contract_decl c = {.addresses = at, .naddresses = 2};
	struct signer_decl s = {.max_value = u256_of(3)}, two = {.name = "two"};
	struct batch_decl batches[] = {{.signer = &s, .send = {.contract = &c, .fn = &set}},
		{.signer = &s, .send = {.contract = &c, .fn = &set}},
		{.signer = &two, .send = {.contract = &c, .fn = &get}}};
	struct config f = {.batches = batches, .nbatches = 3};
	struct policy p = {0};
	policy_of(&p, &a, &f, &s);
	assert_int_equal(p.ncalls, 1); /* one call, said twice; the other signer's is not ours */
	assert_memory_equal(p.calls[0].selector, set.hash, 4);
	assert_memory_equal(p.calls[0].to, at[0], 20);
	assert_false(p.calls[0].any);
	assert_int_equal(p.gas_max, PRICE_GAS_CAP);
	struct allow_decl allow[] = {{{7}, NULL}, {{9}, &get}};
	s.has_allow = true;
	s.allow = allow;
	s.nallow = 2;
	s.gas_limit = 90000;
	s.spend_ms = 1;
	policy_of(&p, &a, &f, &s);
	assert_int_equal(p.ncalls, 2);
	assert_true(p.calls[0].any);
	assert_memory_equal(p.calls[1].selector, get.hash, 4);
	assert_int_equal(p.gas_max, 90000);
	assert_true(p.has_spend);
	arena_fini(&a);
}

static void the_word_of_postgresql(void **state)
{
	(void)state;
	struct policy_refusal r;
	policy_refused(
		STR("policy_limit used=\"97\" most=\"100\" per=\"3600000\" room=\"3\" until=\"1763755755757\""), &r);
	assert_true(r.limit && !r.spend && !r.frozen);
	assert_int_equal(u256_cmp(r.room, u256_of(3)), 0);
	assert_int_equal(r.until_ms, 1763755755757);
	policy_refused(STR("policy_spend used=\"1\" most=\"1\" room=\"0\" until=\"x\""), &r);
	assert_true(r.spend && u256_is_zero(r.room) && r.until_ms == 0);
	policy_refused(STR("policy_frozen signer=\"owner\""), &r);
	assert_true(r.frozen && u256_is_zero(r.room) && r.until_ms == 0);
	policy_refused(STR("something else"), &r);
	assert_true(!r.frozen && !r.limit && !r.spend);
}

static void counted(void **state)
{
	(void)state;
	print_message("%d refusals, %d allowed\n", refusals, allowed);
	assert_true(refusals >= 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_plain_ones_pass),
		cmocka_unit_test(neighbours_of_a_call),
		cmocka_unit_test(numbers_above_their_caps),
		cmocka_unit_test(other_kinds),
		cmocka_unit_test(a_noop_is_bound_by_the_price_of_a_gas_alone),
		cmocka_unit_test(bytes_are_what_was_asked_for),
		cmocka_unit_test(the_file_names_what_may_be_called),
		cmocka_unit_test(the_word_of_postgresql),
		cmocka_unit_test(counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
