#include "common/evm/keystore.h"
#include "common/evm/address.h"
#include "common/evm/keccak.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <stdio.h>
#include <yajl/yajl_tree.h>

/* ── fields ── */

/* One object of the file and where it stands in it, "" or "crypto.". */
struct place {
	yajl_val object;
	char path[40];
};

static size_t count(const struct place *in, const char *name, yajl_val *out)
{
	size_t found = 0, n = YAJL_IS_OBJECT(in->object) ? YAJL_GET_OBJECT(in->object)->len : 0;
	for (size_t i = 0; i < n; i++)
		if (strcmp(YAJL_GET_OBJECT(in->object)->keys[i], name) == 0) {
			*out = YAJL_GET_OBJECT(in->object)->values[i];
			found++;
		}
	return found;
}

/* Twice is refused: which of two a reader takes differs between clients. */
static yajl_val member(const struct place *in, const char *name, struct err *e)
{
	yajl_val v = NULL;
	size_t n = count(in, name, &v);
	if (n == 1)
		return v;
	err_put(e, ERR_MALFORMED, "%s%s %s", in->path, name, n ? "stands there twice" : "is not there");
	return NULL;
}

static bool take_object(const struct place *in, const char *name, struct place *out, struct err *e)
{
	yajl_val v = member(in, name, e);
	if (!v)
		return false;
	if (!YAJL_IS_OBJECT(v))
		return err_set(e, ERR_MALFORMED, "%s%s is no object", in->path, name);
	out->object = v;
	snprintf(out->path, sizeof out->path, "%.24s%.12s.", in->path, name);
	return true;
}

static bool take_number(const struct place *in, const char *name, uint64_t *out, struct err *e)
{
	yajl_val v = member(in, name, e);
	if (!v)
		return false;
	if (!YAJL_IS_INTEGER(v) || YAJL_GET_INTEGER(v) < 1)
		return err_set(e, ERR_MALFORMED, "%s%s is no whole number above 0", in->path, name);
	*out = (uint64_t)YAJL_GET_INTEGER(v);
	return true;
}

static bool take_text(const struct place *in, const char *name, struct str *out, struct err *e)
{
	yajl_val v = member(in, name, e);
	if (!v)
		return false;
	if (!YAJL_IS_STRING(v))
		return err_set(e, ERR_MALFORMED, "%s%s is no text in quotes", in->path, name);
	*out = str_of(YAJL_GET_STRING(v));
	return true;
}

static bool take_bytes(const struct place *in, const char *name, uint8_t *out, size_t n, struct err *e)
{
	struct str s;
	if (!take_text(in, name, &s, e))
		return false;
	if (!hex_from(out, n, s))
		return err_set(
			e, ERR_MALFORMED, "%s%s is no %zu bytes of hex, which are %zu digits", in->path, name, n, 2 * n);
	return true;
}

static bool take_word(
	const struct place *in, const char *name, const char *word, const char *why, struct err *e)
{
	struct str s;
	if (!take_text(in, name, &s, e))
		return false;
	if (!str_is(s, word))
		return err_set(e, ERR_MALFORMED, "%s%s is not %s; %s", in->path, name, word, why);
	return true;
}

/* ── the parts ── */

static bool take_version(const struct place *file, struct err *e)
{
	uint64_t version;
	if (!take_number(file, "version", &version, e))
		return false;
	if (version == 4)
		return err_set(e, ERR_MALFORMED,
			"version is 4, a validator's key (EIP-2335), which signs no transactions; an account's is 3");
	if (version != 3)
		return err_set(e, ERR_MALFORMED,
			"version is %" PRIu64 ", not 3; import the key into a current client and export it anew",
			version);
	return true;
}

static bool take_salt(struct keystore *k, const struct place *in, struct err *e)
{
	struct str s;
	if (!take_text(in, "salt", &s, e))
		return false;
	size_t digits = s.n >= 2 && s.p[0] == '0' && (s.p[1] | 32) == 'x' ? s.n - 2 : s.n;
	k->nsalt = digits / 2;
	if (digits == 0 || digits % 2 || k->nsalt > KEYSTORE_SALT_MAX || !hex_from(k->salt, k->nsalt, s))
		return err_set(e, ERR_MALFORMED, "%ssalt is no hex of 1 to %d bytes", in->path, KEYSTORE_SALT_MAX);
	return true;
}

/* RFC 7914, 2: N "must be larger than 1, a power of 2"; r·p < 2^30. Ours are narrower: what a start may cost.
 */
static bool check_scrypt(const struct keystore *k, struct err *e)
{
	if (k->n < 2 || (k->n & (k->n - 1)))
		return err_set(
			e, ERR_MALFORMED, "crypto.kdfparams.n is %" PRIu64 ", which is no power of 2 above 1", k->n);
	bool huge = k->n > KEYSTORE_WORK_MAX || k->r > KEYSTORE_WORK_MAX || k->p > KEYSTORE_WORK_MAX;
	if (huge || k->r * (k->n + k->p + 2) > KEYSTORE_MEMORY_MAX / 128 + 1024)
		return err_set(e, ERR_MALFORMED,
			"crypto.kdfparams.n, r and p ask for more than %d MiB of memory; geth's are 262144, 8 and 1, "
			"export "
			"the key with those",
			KEYSTORE_MEMORY_MAX >> 20);
	if (k->p > KEYSTORE_WORK_MAX / (k->n * k->r))
		return err_set(e, ERR_MALFORMED,
			"crypto.kdfparams.n × r × p is more than %d, minutes of work; geth's are 262144, 8 and 1, export "
			"the "
			"key with those",
			KEYSTORE_WORK_MAX);
	return true;
}

static bool take_kdf(struct keystore *k, const struct place *crypto, struct err *e)
{
	struct str kdf;
	struct place in = {0};
	uint64_t dklen;
	if (!take_text(crypto, "kdf", &kdf, e) || !take_object(crypto, "kdfparams", &in, e))
		return false;
	k->kdf = str_is(kdf, "scrypt") ? KEYSTORE_SCRYPT : KEYSTORE_PBKDF2;
	if (!str_is(kdf, "scrypt") && !str_is(kdf, "pbkdf2"))
		return err_set(e, ERR_MALFORMED, "%skdf is neither scrypt nor pbkdf2", crypto->path);
	if (!take_number(&in, "dklen", &dklen, e) || !take_salt(k, &in, e))
		return false;
	if (dklen != 32)
		return err_set(e, ERR_MALFORMED, "%sdklen is %" PRIu64 ", not 32", in.path, dklen);
	if (k->kdf == KEYSTORE_SCRYPT)
		return take_number(&in, "n", &k->n, e) && take_number(&in, "r", &k->r, e) &&
			   take_number(&in, "p", &k->p, e) && check_scrypt(k, e);
	if (!take_number(&in, "c", &k->c, e) ||
		!take_word(&in, "prf", "hmac-sha256", "the definition knows no other", e))
		return false;
	if (k->c > KEYSTORE_ROUNDS_MAX)
		return err_set(e, ERR_MALFORMED,
			"%sc is %" PRIu64 ", more than %d rounds, minutes of work; clients use 262144", in.path, k->c,
			KEYSTORE_ROUNDS_MAX);
	return true;
}

static bool take_crypto(struct keystore *k, const struct place *crypto, struct err *e)
{
	struct place iv = {0};
	return take_word(crypto, "cipher", "aes-128-ctr", "version 3 knows no other", e) &&
		   take_object(crypto, "cipherparams", &iv, e) && take_bytes(&iv, "iv", k->iv, sizeof k->iv, e) &&
		   take_bytes(crypto, "ciphertext", k->ciphertext, sizeof k->ciphertext, e) &&
		   take_kdf(k, crypto, e) && take_bytes(crypto, "mac", k->mac, sizeof k->mac, e);
}

/* Clients write it without 0x; the definition lets it be absent. */
static bool take_address(struct keystore *k, const struct place *file, struct err *e)
{
	yajl_val v = NULL;
	size_t n = count(file, "address", &v);
	k->has_address = n > 0 && !YAJL_IS_NULL(v) && !(YAJL_IS_STRING(v) && !*YAJL_GET_STRING(v));
	return !k->has_address || take_bytes(file, "address", k->address, sizeof k->address, e);
}

static bool take_file(struct keystore *out, const struct place *file, struct err *e)
{
	struct place crypto = {0};
	yajl_val v;
	if (!YAJL_IS_OBJECT(file->object))
		return err_set(e, ERR_MALFORMED, "it is no JSON object; a keystore is one, as a client wrote it");
	const char *name =
		count(file, "Crypto", &v) && !count(file, "crypto", &v) ? "Crypto" : "crypto"; /* old geth */
	if (!take_version(file, e) || !take_object(file, name, &crypto, e))
		return false;
	snprintf(crypto.path, sizeof crypto.path, "crypto.");
	return take_crypto(out, &crypto, e) && take_address(out, file, e);
}

bool keystore_parse(struct keystore *out, struct str json, struct err *e)
{
	struct err own;
	char *text = strndup(json.p ? json.p : "", json.n), why[64];
	e = e ? e : &own;
	*out = (struct keystore){0};
	must(text);
	struct place file = {
		.object = memchr(json.p ? json.p : "", 0, json.n) ? NULL : yajl_tree_parse(text, why, sizeof why)};
	free(text);
	if (!file.object)
		return err_set(e, ERR_MALFORMED, "it is no JSON; a keystore is one object, as a client wrote it");
	bool ok = take_file(out, &file, e);
	yajl_tree_free(file.object);
	return ok;
}

/* ── opening ── */

static bool derive(const struct keystore *k, struct str pass, uint8_t derived[32], struct err *e)
{
	int failed = k->kdf == KEYSTORE_SCRYPT
					 ? crypto_pwhash_scryptsalsa208sha256_ll((const uint8_t *)pass.p, pass.n, k->salt,
						   k->nsalt, k->n, (uint32_t)k->r, (uint32_t)k->p, derived, 32)
					 : !PKCS5_PBKDF2_HMAC(pass.n ? pass.p : "", (int)pass.n, k->salt, (int)k->nsalt,
						   (int)k->c, EVP_sha256(), 32, derived);
	if (failed)
		return err_set(e, ERR_TRANSIENT, "there is no memory to open it: it takes %" PRIu64 " MiB",
			k->kdf == KEYSTORE_SCRYPT ? (k->n * k->r * 128) >> 20 : 1);
	return true;
}

static bool mac_fits(const struct keystore *k, const uint8_t derived[32])
{
	uint8_t both[16 + 32], mac[32];
	memcpy(both, derived + 16, 16);
	memcpy(both + 16, k->ciphertext, 32);
	keccak256(mac, both, sizeof both);
	sodium_memzero(both, sizeof both);
	return sodium_memcmp(mac, k->mac, 32) == 0;
}

static void decrypt(const struct keystore *k, const uint8_t derived[32], uint8_t secret[32])
{
	int n = 0;
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	must(c && EVP_DecryptInit_ex(c, EVP_aes_128_ctr(), NULL, derived, k->iv) == 1);
	must(EVP_DecryptUpdate(c, secret, &n, k->ciphertext, 32) == 1 && n == 32);
	EVP_CIPHER_CTX_free(c); /* wipes */
}

static struct key *open_with(const struct keystore *k, struct str pass, uint8_t guarded[64], struct err *e)
{
	if (!derive(k, pass, guarded, e))
		return NULL;
	if (!mac_fits(k, guarded)) {
		err_put(e, ERR_REJECTED, "the passphrase does not open it");
		return NULL;
	}
	decrypt(k, guarded, guarded + 32);
	struct key *key = key_from_bytes(guarded + 32, e);
	if (key && k->has_address && memcmp(key_address(key), k->address, 20) != 0) {
		char real[ADDRESS_TEXT], said[ADDRESS_TEXT];
		address_to_eip55(real, key_address(key));
		address_to_eip55(said, k->address);
		err_put(e, ERR_MALFORMED, "address says %s, but the key in it is of %s", said, real);
		key_free(key);
		key = NULL;
	}
	return key;
}

struct key *keystore_open(const struct keystore *k, struct str passphrase, struct err *e)
{
	uint8_t *guarded = sodium_init() < 0 ? NULL : sodium_malloc(64); /* derived key, secret */
	if (!guarded) {
		err_put(e, ERR_TRANSIENT, "the system gives no guarded page for a key");
		return NULL;
	}
	struct key *key = open_with(k, passphrase, guarded, e);
	sodium_free(guarded);
	return key;
}
