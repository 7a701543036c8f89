#include "reconciler/serve/auth.h"

#include "common/base/mem.h"
#include "reconciler/serve/json.h"

#include <secp256k1.h>
#include <sodium.h>
#include <stdlib.h>
#include <strings.h>

enum { TOKEN_MOST = 8192, SKEW_S = 30 };

enum algorithm { BEARER, HS256, EDDSA, ES256K };
struct auth_key {
	enum algorithm alg;
	bool empty;
	const char *secret; /* BEARER, HS256: the declaration's own */
	uint8_t ed25519[crypto_sign_PUBLICKEYBYTES];
	secp256k1_context *curve;
	secp256k1_pubkey point;
};

/* ── the key ── */

static bool point_of(struct auth_key *k, const uint8_t *p, size_t n)
{
	k->curve = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
	k->alg = ES256K;
	return secp256k1_ec_pubkey_parse(k->curve, &k->point, p, n) == 1;
}

/* SubjectPublicKeyInfo (RFC 5280) of the two curves: RFC 8410, and SEC 2 by RFC 5480. */
static bool from_der(struct auth_key *k, const uint8_t *der, size_t n)
{
	static const uint8_t ed[] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
	static const uint8_t curve[] = {0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
		0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a, 0x03};
	if (n == sizeof ed + 32 && memcmp(der, ed, sizeof ed) == 0) {
		memcpy(k->ed25519, der + sizeof ed, 32);
		k->alg = EDDSA;
		return true;
	}
	/* SEQUENCE, its length, the algorithm, BIT STRING, its length, no unused bits, the point */
	size_t head = 2 + sizeof curve + 2;
	return n > head && der[0] == 0x30 && memcmp(der + 2, curve, sizeof curve) == 0 &&
		   der[2 + sizeof curve] == n - head + 1 && der[head - 1] == 0 && point_of(k, der + head, n - head);
}

static bool from_pem(struct auth_key *k, const char *text, struct err *e)
{
	const char *from = strchr(text, '\n'), *to = strstr(text, "-----END");
	uint8_t der[128];
	size_t n = 0;
	if (!from || !to || to < from ||
		sodium_base642bin(der, sizeof der, from, (size_t)(to - from), " \r\n", &n, NULL,
			sodium_base64_VARIANT_ORIGINAL) != 0 ||
		!from_der(k, der, n))
		return err_set(e, ERR_REJECTED, "is no PEM of an Ed25519 or secp256k1 public key");
	return true;
}

static bool from_hex(struct auth_key *k, const char *text, struct err *e)
{
	uint8_t bytes[65];
	bool ed = text_starts(text, "ed25519:");
	struct str hex = str_of(strchr(text, ':') + 1);
	size_t n = hex.n / 2;
	bool good = n <= sizeof bytes && hex_from(bytes, n, hex) && (ed ? n == 32 : n == 33 || n == 65);
	if (good && ed)
		memcpy(k->ed25519, bytes, 32);
	k->alg = EDDSA;
	if (good && (ed || point_of(k, bytes, n)))
		return true;
	return err_set(e, ERR_REJECTED, "is no public key: %s",
		ed ? "ed25519: and 64 hex digits" : "es256k: and 66 or 130 hex digits");
}

struct auth_key *auth_key_new(const struct auth_decl *d, struct err *e)
{
	struct auth_key *k = mem_alloc(sizeof *k);
	const char *secret = d->is_jwt ? d->jwt.value : d->bearer.value;
	k->secret = secret;
	k->empty = !secret || !*secret;
	k->alg = d->is_jwt ? HS256 : BEARER;
	if (k->empty || !d->is_jwt)
		return k;
	bool good = true;
	if (text_starts(secret, "-----BEGIN"))
		good = from_pem(k, secret, e);
	else if (text_starts(secret, "ed25519:") || text_starts(secret, "es256k:"))
		good = from_hex(k, secret, e);
	if (good)
		return k;
	auth_key_free(k);
	return NULL;
}

void auth_key_free(struct auth_key *k)
{
	if (k && k->curve)
		secp256k1_context_destroy(k->curve);
	free(k);
}

/* ── a token ── */

/* Equal, in a time that tells nothing about where they differ. */
static bool same_secret(struct str given, const char *secret)
{
	uint8_t a[crypto_hash_sha256_BYTES], b[crypto_hash_sha256_BYTES];
	crypto_hash_sha256(a, (const uint8_t *)given.p, given.n);
	crypto_hash_sha256(b, (const uint8_t *)secret, strlen(secret));
	return sodium_memcmp(a, b, sizeof a) == 0;
}

struct token {
	struct str head, claims, signature; /* in base64url */
	struct str signed_part;             /* head.claims */
};

static bool part(struct str t, struct token *out)
{
	const char *first = memchr(t.p, '.', t.n);
	const char *second = first ? memchr(first + 1, '.', t.n - (size_t)(first + 1 - t.p)) : NULL;
	if (!second)
		return false;
	out->head = (struct str){t.p, (size_t)(first - t.p)};
	out->claims = (struct str){first + 1, (size_t)(second - first - 1)};
	out->signature = (struct str){second + 1, t.n - (size_t)(second + 1 - t.p)};
	out->signed_part = (struct str){t.p, (size_t)(second - t.p)};
	return true;
}

static bool decode(struct arena *a, struct str text, struct str *out)
{
	char *bytes = arena_alloc(a, text.n + 1);
	size_t n = 0;
	if (sodium_base642bin((unsigned char *)bytes, text.n + 1, text.p, text.n, NULL, &n, NULL,
			sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0)
		return false;
	*out = (struct str){bytes, n};
	return true;
}

static bool object_of(struct arena *a, struct str base64, struct json *out)
{
	struct str text;
	struct err e = {0};
	if (!decode(a, base64, &text) || !json_check(text, 16, &e))
		return false;
	*out = json_value(text);
	return out->kind == JSON_OBJECT;
}

static bool member(struct arena *a, struct json of, const char *name, struct json *out)
{
	struct str quoted;
	struct json v;
	bool found = false;
	for (size_t at = 0; json_next(of, &at, &quoted, &v);)
		if (str_is(json_string(a, quoted), name)) {
			*out = v;
			found = true; /* the last one counts, as in JavaScript (RFC 7519 section 4) */
		}
	return found;
}

static bool alg_is(struct arena *a, struct json head, enum algorithm alg)
{
	static const char *const names[] = {[HS256] = "HS256", [EDDSA] = "EdDSA", [ES256K] = "ES256K"};
	struct json v;
	return member(a, head, "alg", &v) && v.kind == JSON_STRING && str_is(json_string(a, v.text), names[alg]);
}

static bool signature_good(const struct auth_key *k, const struct token *t, struct str sig)
{
	const uint8_t *message = (const uint8_t *)t->signed_part.p, *s = (const uint8_t *)sig.p;
	size_t n = t->signed_part.n;
	if (k->alg == HS256) {
		crypto_auth_hmacsha256_state state;
		uint8_t mac[crypto_auth_hmacsha256_BYTES];
		crypto_auth_hmacsha256_init(&state, (const uint8_t *)k->secret, strlen(k->secret));
		crypto_auth_hmacsha256_update(&state, message, n);
		crypto_auth_hmacsha256_final(&state, mac);
		return sig.n == sizeof mac && sodium_memcmp(mac, s, sizeof mac) == 0;
	}
	if (sig.n != 64)
		return false;
	if (k->alg == EDDSA)
		return crypto_sign_verify_detached(s, message, n, k->ed25519) == 0;
	uint8_t hash[crypto_hash_sha256_BYTES];
	secp256k1_ecdsa_signature ecdsa, low;
	crypto_hash_sha256(hash, message, n);
	if (!secp256k1_ecdsa_signature_parse_compact(k->curve, &ecdsa, s))
		return false;
	secp256k1_ecdsa_signature_normalize(k->curve, &low, &ecdsa); /* the library takes low s alone */
	return secp256k1_ecdsa_verify(k->curve, &low, hash, &k->point) == 1;
}

/* NumericDate: seconds, maybe with a fraction. false: it is there and no such thing. */
static bool date(struct arena *a, struct json claims, const char *name, double *at)
{
	struct json v;
	if (!member(a, claims, name, &v))
		return true;
	if (v.kind != JSON_NUMBER || v.text.n > 24)
		return false;
	*at = strtod(arena_textn(a, v.text.p, v.text.n), NULL);
	return true;
}

static bool in_time(struct arena *a, struct json claims, int64_t now_s, const char **why)
{
	double now = (double)now_s, expires = now, begins = now;
	if (!date(a, claims, "exp", &expires) || !date(a, claims, "nbf", &begins))
		*why = "The token's exp or nbf is no time";
	else if (expires + SKEW_S < now)
		*why = "The token has expired; get a new one";
	else if (begins - SKEW_S > now)
		*why = "The token is not valid yet";
	else
		return true;
	return false;
}

static void put_claims(struct json claims, struct serve_names *names)
{
	struct str quoted;
	struct json v;
	for (size_t at = 0; json_next(claims, &at, &quoted, &v);) {
		struct str name = json_string(names->a, quoted), text = v.text;
		if (!name.p || name.n > 60)
			continue;
		if (v.kind == JSON_STRING)
			text = json_string(names->a, v.text);
		else if (v.kind == JSON_NULL)
			text = (struct str){NULL, 0};
		bool is_json = v.kind == JSON_OBJECT || v.kind == JSON_ARRAY;
		names_put(names, arena_printf(names->a, "auth.%.*s", (int)name.n, name.p),
			is_json ? NAME_JSON : NAME_TEXT, text);
	}
}

static bool jwt(
	const struct auth_key *k, struct str given, int64_t now_s, struct serve_names *names, const char **why)
{
	struct token t;
	struct json head, claims, critical;
	struct str sig;
	*why = "The token is no JWT that this key signed";
	if (given.n > TOKEN_MOST || !part(given, &t) || !object_of(names->a, t.head, &head) ||
		!alg_is(names->a, head, k->alg) || member(names->a, head, "crit", &critical) ||
		!decode(names->a, t.signature, &sig) || !signature_good(k, &t, sig) ||
		!object_of(names->a, t.claims, &claims) || !in_time(names->a, claims, now_s, why))
		return false;
	put_claims(claims, names);
	return true;
}

bool auth_let_in(const struct auth_key *k, struct str authorization, int64_t now_s, struct serve_names *names,
	const char **why)
{
	*why = "Send Authorization: Bearer and a token";
	if (authorization.n < 8 || strncasecmp(authorization.p, "Bearer ", 7) != 0)
		return false;
	struct str given = {authorization.p + 7, authorization.n - 7};
	while (given.n && given.p[0] == ' ')
		given.p++, given.n--;
	*why = "The token is not the right one";
	if (k->empty || !given.n)
		return false;
	if (k->alg != BEARER)
		return jwt(k, given, now_s, names, why);
	return same_secret(given, k->secret);
}
