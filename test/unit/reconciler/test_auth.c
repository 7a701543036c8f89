/* auth, accept: who may, what a peer takes. */
#include "../../../reconciler/serve/accept.c"
#include "../../../reconciler/serve/auth.c"
#include "../../../reconciler/serve/json.c"
#include "../../../reconciler/serve/names.c"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct arena mem;
static const int64_t now = 1700000000;

static struct str b64(const void *p, size_t n)
{
	char *out = arena_alloc(&mem, sodium_base64_encoded_len(n, sodium_base64_VARIANT_URLSAFE_NO_PADDING));
	sodium_bin2base64(out, sodium_base64_encoded_len(n, sodium_base64_VARIANT_URLSAFE_NO_PADDING), p, n,
		sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	return str_of(out);
}

static const char *head_and_claims(const char *head, const char *claims)
{
	return arena_printf(&mem, "%s.%s", b64(head, strlen(head)).p, b64(claims, strlen(claims)).p);
}

static const char *hs256(const char *secret, const char *head, const char *claims)
{
	const char *text = head_and_claims(head, claims);
	crypto_auth_hmacsha256_state s;
	uint8_t mac[32];
	crypto_auth_hmacsha256_init(&s, (const uint8_t *)secret, strlen(secret));
	crypto_auth_hmacsha256_update(&s, (const uint8_t *)text, strlen(text));
	crypto_auth_hmacsha256_final(&s, mac);
	return arena_printf(&mem, "Bearer %s.%s", text, b64(mac, 32).p);
}

static const char *try(const struct auth_key *k, const char *header, struct serve_names *names)
{
	const char *why;
	*names = (struct serve_names){.a = &mem};
	return auth_let_in(k, str_of(header), now, names, &why) ? "in" : why;
}

static struct auth_key *jwt_key(const char *secret)
{
	struct err e = {0};
	struct auth_decl d = {.name = "u", .is_jwt = true, .jwt = {arena_text(&mem, secret)}};
	struct auth_key *k = auth_key_new(&d, &e);
	if (!k)
		fail_msg("%s", e.text);
	return k;
}

#define HEAD "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"
#define BAD  "The token is no JWT that this key signed"

static void bearer(void **state)
{
	struct err e = {0};
	struct auth_decl d = {.name = "admin", .bearer = {(char *)(uintptr_t) "s3cret"}},
					 none = {.name = "admin"};
	struct auth_key *k = auth_key_new(&d, &e), *empty = auth_key_new(&none, &e);
	struct serve_names names;
	(void)state;
	assert_string_equal(try(k, "Bearer s3cret", &names), "in");
	assert_string_equal(try(k, "bearer   s3cret", &names), "in");
	assert_string_equal(try(k, "Bearer s3cre", &names), "The token is not the right one");
	assert_string_equal(try(k, "Bearer s3cretx", &names), "The token is not the right one");
	assert_string_equal(try(k, "Bearer ", &names), "Send Authorization: Bearer and a token");
	assert_string_equal(try(k, NULL, &names), "Send Authorization: Bearer and a token");
	assert_string_equal(try(k, "Basic s3cret", &names), "Send Authorization: Bearer and a token");
	assert_string_equal(try(empty, "Bearer x", &names), "The token is not the right one");
	auth_key_free(k);
	auth_key_free(empty);
}

static void shared_key(void **state)
{
	static const char secret[] = "0123456789abcdef0123456789abcdef";
	struct auth_key *k = jwt_key(secret), *empty = jwt_key("");
	struct serve_names n;
	(void)state;
	const char *good =
		hs256(secret, HEAD, "{\"sub\":\"u-1\",\"n\":12345678901234567890,\"roles\":[\"a\"],\"x\":null}");
	assert_string_equal(try(k, good, &n), "in");
	assert_true(str_is(names_find(&n, STR("auth.sub"))->text, "u-1"));
	assert_true(str_is(names_find(&n, STR("auth.n"))->text, "12345678901234567890"));
	assert_true(str_is(names_find(&n, STR("auth.roles"))->text, "[\"a\"]"));
	assert_null(names_find(&n, STR("auth.x"))->text.p);
	assert_string_equal(try(empty, good, &n), "The token is not the right one");
	assert_string_equal(try(k, hs256("another", HEAD, "{}"), &n), BAD);
	assert_string_equal(try(k, hs256(secret, "{\"alg\":\"none\"}", "{}"), &n), BAD);
	assert_string_equal(try(k, hs256(secret, "{\"alg\":\"HS512\"}", "{}"), &n), BAD);
	assert_string_equal(try(k, hs256(secret, "{\"alg\":\"HS256\",\"crit\":[\"b64\"]}", "{}"), &n), BAD);
	assert_string_equal(try(k, hs256(secret, HEAD, "[]"), &n), BAD);
	assert_string_equal(try(k, hs256(secret, HEAD, "{"), &n), BAD);
	assert_string_equal(try(k, "Bearer a.b", &n), BAD);
	assert_string_equal(try(k, "Bearer ..", &n), BAD);
	assert_string_equal(try(k, arena_printf(&mem, "%s=", good), &n), BAD);
	assert_string_equal(
		try(k, arena_printf(&mem, "Bearer %s.", head_and_claims("{\"alg\":\"none\"}", "{}")), &n), BAD);
	assert_string_equal(
		try(k, hs256(secret, HEAD, "{\"exp\":1699999969}"), &n), "The token has expired; get a new one");
	assert_string_equal(try(k, hs256(secret, HEAD, "{\"exp\":1699999971.5}"), &n), "in");
	assert_string_equal(
		try(k, hs256(secret, HEAD, "{\"exp\":\"never\"}"), &n), "The token's exp or nbf is no time");
	assert_string_equal(
		try(k, hs256(secret, HEAD, "{\"nbf\":1700000031}"), &n), "The token is not valid yet");
	auth_key_free(k);
	auth_key_free(empty);
}

/* RFC 8037 appendix A.4 */
static void ed25519(void **state)
{
	static const char token[] =
		"Bearer eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_"
		"MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
	struct auth_key *k = jwt_key("ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
	struct serve_names n;
	uint8_t pk[32], sk[64], sig[64];
	(void)state;
	struct token t;
	struct str raw = {0};
	assert_true(part((struct str){token + 7, strlen(token) - 7}, &t) && decode(&mem, t.signature, &raw));
	assert_true(signature_good(k, &t, raw));
	assert_string_equal(try(k, token, &n), BAD); /* what it says is no object of claims */
	auth_key_free(k);
	crypto_sign_seed_keypair(pk, sk, (const uint8_t *)"0123456789abcdef0123456789abcdef");
	uint8_t der[44] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
	memcpy(der + 12, pk, 32);
	char pem[128];
	sodium_bin2base64(pem, sizeof pem, der, sizeof der, sodium_base64_VARIANT_ORIGINAL);
	k = jwt_key(arena_printf(&mem, "-----BEGIN PUBLIC KEY-----\n%s\n-----END PUBLIC KEY-----\n", pem));
	const char *text = head_and_claims("{\"alg\":\"EdDSA\"}", "{\"sub\":\"ed\"}");
	crypto_sign_detached(sig, NULL, (const uint8_t *)text, strlen(text), sk);
	assert_string_equal(try(k, arena_printf(&mem, "Bearer %s.%s", text, b64(sig, 64).p), &n), "in");
	sig[5] ^= 1;
	assert_string_equal(try(k, arena_printf(&mem, "Bearer %s.%s", text, b64(sig, 64).p), &n), BAD);
	/* its public key as a shared one: the classic confusion */
	assert_string_equal(try(k, hs256(pem, HEAD, "{}"), &n), BAD);
	auth_key_free(k);
}

static void es256k(void **state)
{
	static const uint8_t secret[32] = {[31] = 7};
	secp256k1_context *c = secp256k1_context_create(SECP256K1_CONTEXT_SIGN);
	secp256k1_pubkey pub;
	secp256k1_ecdsa_signature s;
	uint8_t point[65], hash[32], sig[64];
	size_t n = 65;
	char hex[131];
	struct serve_names names;
	(void)state;
	assert_true(secp256k1_ec_pubkey_create(c, &pub, secret));
	secp256k1_ec_pubkey_serialize(c, point, &n, &pub, SECP256K1_EC_UNCOMPRESSED);
	hex_to(hex, point, 65);
	struct auth_key *k = jwt_key(arena_printf(&mem, "es256k:%s", hex));
	const char *text = head_and_claims("{\"alg\":\"ES256K\"}", "{\"sub\":\"k\"}");
	crypto_hash_sha256(hash, (const uint8_t *)text, strlen(text));
	assert_true(secp256k1_ecdsa_sign(c, &s, hash, secret, NULL, NULL));
	secp256k1_ecdsa_signature_serialize_compact(c, sig, &s);
	assert_string_equal(try(k, arena_printf(&mem, "Bearer %s.%s", text, b64(sig, 64).p), &names), "in");
	sig[63] ^= 1;
	assert_string_equal(try(k, arena_printf(&mem, "Bearer %s.%s", text, b64(sig, 64).p), &names), BAD);
	assert_string_equal(try(k, arena_printf(&mem, "Bearer %s.%s", text, b64(sig, 10).p), &names), BAD);
	auth_key_free(k);
	secp256k1_context_destroy(c);
}

static void bad_keys(void **state)
{
	static const char *const bad[] = {"ed25519:00", "es256k:zz",
		"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END X", "-----BEGIN",
		"es256k:020000000000000000000000000000000000000000000000000000000000000000"};
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct err e = {0};
		struct auth_decl d = {.name = "u", .is_jwt = true, .jwt = {(char *)(uintptr_t)bad[i]}};
		assert_null(auth_key_new(&d, &e));
		assert_true(text_starts(e.text, "is no"));
	}
}

static void accepts(void **state)
{
	(void)state;
	assert_int_equal(accept_weight((struct str){NULL, 0}, "application/json"), 1000);
	assert_int_equal(accept_weight(STR("*/*"), "application/json"), 1000);
	assert_int_equal(
		accept_weight(STR("text/html, application/*;q=0.8, */*;q=0.1"), "application/json"), 800);
	assert_int_equal(accept_weight(STR("application/json;q=0, */*"), "application/json"), 0);
	assert_int_equal(accept_weight(STR("text/plain"), "application/json"), 0);
	assert_int_equal(
		accept_weight(STR("Application/JSON ; charset=utf-8 ; q=0.25"), "application/json"), 250);
	assert_true(is_json_type(STR("application/json; charset=utf-8")));
	assert_true(is_json_type(STR("application/vnd.api+json")));
	assert_false(is_json_type(STR("text/json5")));
	assert_false(is_json_type(STR("application/x-www-form-urlencoded")));
	const char *const list[] = {"https://a.example"}, *const any[] = {"*"};
	assert_true(origin_allowed(STR("https://a.example"), list, 1));
	assert_false(origin_allowed(STR("https://a.example.evil"), list, 1));
	assert_true(origin_allowed(STR("null"), any, 1));
	/* whose page asks */
	const struct str none = {NULL, 0}, host = STR("a.example:3000");
	assert_false(is_foreign(none, none, none, host));
	assert_false(is_foreign(STR("https://A.example:3000"), none, none, host));
	assert_false(
		is_foreign(STR("http://elsewhere"), STR("same-origin"), none, host)); /* a proxy renamed Host */
	assert_false(is_foreign(none, STR("none"), STR("navigate"), host));
	assert_false(is_foreign(none, STR("cross-site"), STR("navigate"), host)); /* a link */
	assert_true(
		is_foreign(STR("http://b"), STR("cross-site"), STR("navigate"), host)); /* a form that posts */
	assert_true(is_foreign(STR("http://a.example:3000"), STR("same-site"), STR("cors"), host));
	assert_true(is_foreign(none, STR("cross-site"), STR("no-cors"), host)); /* a script, a picture */
	assert_true(is_foreign(STR("null"), none, none, host));
	assert_true(is_foreign(STR("http://a.example"), none, none, host));
	assert_true(is_foreign(STR("http://a.example:3000.evil"), none, none, host));
	assert_true(is_foreign(STR("http://"), none, none, none));
	/* whose name was asked */
	static const char *const listen[] = {"Door.example:8080", "0.0.0.0:80"}, *const cors[] = {
																				 "*", "https://app.example"};
	const struct serve_decl s = {.listen = listen, .nlisten = 2, .cors = cors, .ncors = 2};
	static const char *const own[] = {"", "127.0.0.1:3000", "10.0.0.7", "[::1]:3000", "[fe80::1]",
		"localhost:3000", "a.LOCALHOST", "reconciler:3000", "door.example", "door.example.:9",
		"App.example:3000"};
	static const char *const others[] = {"evil.example", "evil.example:3000", "127.0.0.1.evil.example",
		"127.0.0.256", "xlocalhost.a", "notlocalhost.example", ".localhost", "door.example.evil:8080",
		"a.app.example", "app.example.evil"};
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		if (!is_own_host(str_of(own[i]), &s))
			fail_msg("%s", own[i]);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if (is_own_host(str_of(others[i]), &s))
			fail_msg("%s", others[i]);
	assert_true(is_own_host(none, &s));
	assert_false(is_token_list(STR("X-A\r\nSet-Cookie: a")));
	assert_true(is_token_list(STR("authorization, content-type")));
}

static int end(void **state)
{
	(void)state;
	arena_fini(&mem);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(bearer), cmocka_unit_test(shared_key),
		cmocka_unit_test(ed25519), cmocka_unit_test(es256k), cmocka_unit_test(bad_keys),
		cmocka_unit_test(accepts)};
	return cmocka_run_group_tests(tests, NULL, end);
}
