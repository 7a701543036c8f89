#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "submitter/hand_check.c"

#include <stdio.h>

#define OURS   "4646464646464646464646464646464646464646464646464646464646464646"
#define THEIRS "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"

static const uint8_t data[] = {0xde, 0xad, 0xbe, 0xef};
static struct key *ours, *theirs;
static struct arena mem;

static struct tx asked(enum tx_type type)
{
	struct tx t = {
		.type = type, .chain_id = 31337, .nonce = 7, .gas = 90000, .value = u256_of(5), .data = {data, 4}};
	t.fee = u256_of(2000000000);
	t.tip = type == TX_FEE_MARKET ? u256_of(1000000) : u256_of(0);
	memset(t.to, 0x5f, 20);
	return t;
}

static struct str hex_of(const void *p, size_t n)
{
	char *out = arena_alloc(&mem, 2 * n + 3);
	hex_to_0x(out, p, n);
	return str_of(out);
}

static struct str raw_of(const struct tx *t, const struct key *k)
{
	struct buf b = {0};
	uint8_t hash[32];
	tx_sign(t, k, &b, hash);
	struct str s = hex_of(b.p, b.n);
	buf_fini(&b);
	return s;
}

/* r ‖ s ‖ v, the first n bytes of it */
static struct str signature_of(const struct tx *t, const struct key *k, int v, size_t n)
{
	uint8_t digest[32], bytes[65];
	struct signature sig;
	tx_digest(t, digest);
	key_sign(k, digest, &sig);
	memcpy(bytes, sig.r, 32);
	memcpy(bytes + 32, sig.s, 32);
	bytes[64] = (uint8_t)(v + sig.recid);
	return hex_of(bytes, n);
}

static void whole(const struct signing *s, const struct tx *t)
{
	struct tx back;
	struct signature sig;
	uint8_t sender[20], hash[32];
	struct err e = {0};
	assert_true(tx_decode(&mem, (struct bytes){s->raw, s->nraw}, &back, &sig, sender, hash, &e));
	assert_memory_equal(hash, s->hash, 32);
	assert_memory_equal(sender, key_address(ours), 20);
	assert_int_equal(back.nonce, t->nonce);
}

static void test_taken(void **state)
{
	(void)state;
	static const enum tx_type types[] = {TX_LEGACY, TX_ACCESS_LIST, TX_FEE_MARKET};
	for (size_t i = 0; i < 3; i++)
		for (uint64_t nonce = 0; nonce < 8; nonce++) { /* both parities */
			struct signing s = {.tx = asked(types[i])};
			struct err e = {0};
			s.tx.nonce = nonce;
			const struct {
				int v;
				size_t n;
			} forms[] = {{0, 65}, {27, 65}, {0, 64}};
			for (size_t k = 0; k < 3; k++) {
				s.raw = NULL;
				assert_true(hand_check_signature(
					&s, key_address(ours), &mem, signature_of(&s.tx, ours, forms[k].v, forms[k].n), &e));
				whole(&s, &s.tx);
			}
			s.raw = NULL;
			assert_true(hand_check_raw(&s, key_address(ours), &mem, raw_of(&s.tx, ours), &e));
			whole(&s, &s.tx);
		}
}

static void refuse_signature(const struct tx *t, struct str hex, const char *text)
{
	struct signing s = {.tx = *t};
	struct err e = {0};
	if (hand_check_signature(&s, key_address(ours), &mem, hex, &e) || !strstr(e.text, text))
		fail_msg("%s: %s", text, e.text);
	assert_null(s.raw);
}

static void test_signatures_refused(void **state)
{
	(void)state;
	struct tx t = asked(TX_FEE_MARKET), other = t;
	other.nonce++;
	refuse_signature(&t, signature_of(&t, theirs, 27, 65), "of another key, or of another transaction");
	refuse_signature(&t, signature_of(&t, theirs, 27, 64), "of another key, or of another transaction");
	refuse_signature(&t, signature_of(&other, ours, 27, 65), "of another key, or of another transaction");
	refuse_signature(&t, signature_of(&t, ours, 35, 65), "whose v is 3");
	refuse_signature(&t, signature_of(&t, ours, 2, 65), "whose v is");
	refuse_signature(&t, signature_of(&t, ours, 27, 63), "it gave no signature: that is 65 bytes of hex");
	refuse_signature(&t, STR(""), "it gave no signature");
	refuse_signature(&t, STR("0x"), "it gave no signature");
	refuse_signature(&t, STR("hello"), "it gave no signature");
	char *text = arena_textn(&mem, signature_of(&t, ours, 27, 65).p, 132);
	text[131] = 'z';
	refuse_signature(&t, str_of(text), "it gave no signature");
	uint8_t zero[65] = {0}, most[65];
	memset(most, 0xff, sizeof most);
	most[64] = 27;
	refuse_signature(&t, hex_of(zero, 65), "it gave no signature that counts");
	refuse_signature(&t, hex_of(most, 65), "it gave no signature that counts");
}

/* n − s with the other parity is the same signature to the curve, and malleable: EIP-2 wants the lower half.
 */
static void test_high_s(void **state)
{
	(void)state;
	static const uint8_t order[32] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xfe, 0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0,
		0x36, 0x41, 0x41};
	struct tx t = asked(TX_FEE_MARKET);
	uint8_t digest[32], bytes[65];
	struct signature sig;
	struct u256 high;
	tx_digest(&t, digest);
	key_sign(ours, digest, &sig);
	assert_true(u256_sub(&high, u256_from_be(order), u256_from_be(sig.s)));
	memcpy(bytes, sig.r, 32);
	u256_to_be(bytes + 32, high);
	bytes[64] = (uint8_t)(27 + !sig.recid);
	refuse_signature(&t, hex_of(bytes, 65), "upper half (EIP-2)");
	refuse_signature(&t, hex_of(bytes, 64), "upper half (EIP-2)");
	struct signature odd = {.recid = !sig.recid};
	memcpy(odd.r, sig.r, 32);
	u256_to_be(odd.s, high);
	struct buf b = {0};
	tx_encode(&t, &odd, &b);
	struct signing s = {.tx = t};
	struct err e = {0};
	assert_false(hand_check_raw(&s, key_address(ours), &mem, hex_of(b.p, b.n), &e));
	assert_non_null(strstr(e.text, "it gave no signed transaction"));
	buf_fini(&b);
}

static void refuse_raw(const struct tx *t, struct str hex, const char *text)
{
	struct signing s = {.tx = *t};
	struct err e = {0};
	if (hand_check_raw(&s, key_address(ours), &mem, hex, &e) || !strstr(e.text, text))
		fail_msg("%s: %s", text, e.text);
	assert_null(s.raw);
}

static void test_transactions_refused(void **state)
{
	(void)state;
	static const uint8_t other_data[] = {0xde, 0xad, 0xbe, 0xee};
	static const struct tx_access access = {.nkeys = 0};
	const struct tx t = asked(TX_FEE_MARKET);
	struct tx o;
#define WITH(change, text) (o = t, change, refuse_raw(&t, raw_of(&o, ours), text))
	WITH(o.nonce = 8, "the nonce is 8, asked was 7");
	WITH(o.nonce = 6, "the nonce is 6, asked was 7");
	WITH(o.chain_id = 1, "the chain id is 1, asked was 31337");
	WITH(o.gas++, "the gas limit is 90001, asked was 90000");
	WITH(o.value = u256_of(6), "value is 6 wei, asked was 5");
	WITH(o.value = u256_of(0), "value is 0 wei, asked was 5");
	WITH(o.fee = u256_of(2000000001), "the price of gas is 2000000001 wei, asked was 2000000000");
	WITH(o.tip = u256_of(0), "the tip is 0 wei, asked was 1000000");
	WITH(o.to[0] = 0, "to is 0x00");
	WITH(o.create = true, "one without to");
	WITH((o.data.p = other_data), "its data is not what was asked");
	WITH(o.data.n = 3, "its data is not what was asked");
	WITH(o.data.n = 0, "its data is not what was asked");
	WITH((o.type = TX_LEGACY, o.tip = u256_of(0)), "type is 0, asked was 2");
	WITH(o.type = TX_ACCESS_LIST, "type is 1, asked was 2");
	WITH((o.access = &access, o.naccess = 1), "an access list is in it");
	refuse_raw(&t, raw_of(&t, theirs), "of another key, or of another transaction");
	refuse_raw(&t, STR(""), "it gave a transaction that is no hex");
	refuse_raw(&t, STR("0x"), "it gave a transaction that is no hex");
	refuse_raw(&t, STR("0x0"), "it gave a transaction that is no hex");
	refuse_raw(&t, STR("nothing"), "it gave a transaction that is no hex");
	refuse_raw(&t, STR("0x02c0"), "it gave no signed transaction");
	struct str raw = raw_of(&t, ours);
	refuse_raw(&t, (struct str){raw.p, raw.n - 2}, "it gave no signed transaction");
	struct buf longer = {0};
	buf_str(&longer, raw);
	buf_text(&longer, "00");
	refuse_raw(&t, (struct str){longer.p, longer.n}, "it gave no signed transaction");
	buf_fini(&longer);
	struct buf unsigned_tx = {0};
	tx_encode(&t, NULL, &unsigned_tx);
	refuse_raw(&t, hex_of(unsigned_tx.p, unsigned_tx.n), "it gave no signed transaction");
	buf_fini(&unsigned_tx);
}

/* Whatever digit of it changes, it is refused: never sent, never taken for another's. */
static void test_each_digit(void **state)
{
	(void)state;
	struct signing s = {.tx = asked(TX_FEE_MARKET)};
	struct str raw = raw_of(&s.tx, ours), sig = signature_of(&s.tx, ours, 27, 65);
	for (int whole_tx = 0; whole_tx < 2; whole_tx++)
		for (size_t i = 2; i < (whole_tx ? raw : sig).n; i++) {
			char *text = arena_textn(&mem, (whole_tx ? raw : sig).p, (whole_tx ? raw : sig).n);
			struct err e = {0};
			text[i] = text[i] == '0' ? '1' : '0';
			assert_false((whole_tx ? hand_check_raw : hand_check_signature)(
				&s, key_address(ours), &mem, str_of(text), &e));
			assert_true(e.text[0] && !s.raw);
		}
}

static int set_up(void **state)
{
	(void)state;
	ours = key_from_hex(STR(OURS), NULL);
	theirs = key_from_hex(STR(THEIRS), NULL);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	key_free(ours);
	key_free(theirs);
	arena_fini(&mem);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_taken),
		cmocka_unit_test(test_signatures_refused), cmocka_unit_test(test_high_s),
		cmocka_unit_test(test_transactions_refused), cmocka_unit_test(test_each_digit)};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
