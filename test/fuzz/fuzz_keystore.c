#include "common/evm/keystore.h"

/* Any bytes as a keystore. What is accepted is within the bounds of what a start may cost. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct keystore k;
	struct err e = {0};
	if (!keystore_parse(&k, (struct str){(const char *)data, size}, &e)) {
		must(e.class == ERR_MALFORMED && e.text[0]);
		return 0;
	}
	must(k.nsalt >= 1 && k.nsalt <= KEYSTORE_SALT_MAX);
	if (k.kdf == KEYSTORE_SCRYPT)
		must(k.n >= 2 && k.r * (k.n + k.p) * 128 <= KEYSTORE_MEMORY_MAX + (128 << 10) &&
			 k.n * k.r * k.p <= KEYSTORE_WORK_MAX);
	else
		must(k.c >= 1 && k.c <= KEYSTORE_ROUNDS_MAX);
	if (k.kdf == KEYSTORE_SCRYPT ? k.n * k.r * k.p <= 64 : k.c <= 16) {
		struct key *key = keystore_open(&k, STR("testpassword"), &e);
		must(key || e.text[0]);
		key_free(key);
	}
	return 0;
}
