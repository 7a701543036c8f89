/* bare: what a transaction costs that is signed and put into a request, and nothing else: the floor of
 * `figure cpu_per_tx_ratio`. Prints two numbers, µs of CPU a transaction: signed (RFC 6979), hashed, one JSON
 * line; and the same with each signature verified by itself. The median of some rounds. */
#include "common/base/err.h"
#include "common/base/mem.h"
#include "common/evm/keccak.h"
#include "common/evm/tx.h"

#include <secp256k1.h>
#include <secp256k1_recovery.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROUNDS = 7, TRANSACTIONS = 2000 };

static double cpu_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void bare_sign(secp256k1_context *curve, const secp256k1_pubkey *public, const uint8_t secret[32],
	const uint8_t digest[32], bool verify, struct signature *out)
{
	secp256k1_ecdsa_recoverable_signature made;
	secp256k1_ecdsa_signature plain;
	uint8_t both[64];
	must(secp256k1_ecdsa_sign_recoverable(curve, &made, digest, secret, NULL, NULL) == 1);
	secp256k1_ecdsa_recoverable_signature_serialize_compact(curve, both, &out->recid, &made);
	memcpy(out->r, both, 32);
	memcpy(out->s, both + 32, 32);
	if (!verify)
		return;
	secp256k1_ecdsa_recoverable_signature_convert(curve, &plain, &made);
	must(secp256k1_ecdsa_verify(curve, &plain, digest, public) == 1);
}

static double once(secp256k1_context *curve, bool verify)
{
	static const uint8_t secret[32] = {[31] = 7};
	uint8_t data[100] = {0x12, 0x34, 0x56, 0x78, [35] = 0x20, [67] = 1}, digest[32], hash[32];
	struct tx t = {.type = TX_FEE_MARKET,
		.chain_id = 31337,
		.fee = u256_of(2000000000),
		.tip = u256_of(1000000000),
		.gas = 100000,
		.data = {data, sizeof data}};
	struct buf raw = {0}, line = {0};
	struct signature sig;
	secp256k1_pubkey public;
	must(secp256k1_ec_pubkey_create(curve, &public, secret) == 1);
	double start = cpu_us();
	for (uint64_t i = 0; i < TRANSACTIONS; i++) {
		t.nonce = i;
		data[99] = (uint8_t)i;
		data[98] = (uint8_t)(i >> 8);
		buf_clear(&raw);
		buf_clear(&line);
		tx_digest(&t, digest);
		bare_sign(curve, &public, secret, digest, verify, &sig);
		tx_encode(&t, &sig, &raw);
		keccak256(hash, raw.p, raw.n);
		buf_text(
			&line, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_sendRawTransaction\",\"params\":[\"0x");
		buf_hex(&line, (const uint8_t *)raw.p, raw.n);
		buf_text(&line, "\"]}\n");
	}
	double spent = cpu_us() - start;
	buf_fini(&raw);
	buf_fini(&line);
	return spent / TRANSACTIONS;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

int main(void)
{
	secp256k1_context *curve = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
	double plain[ROUNDS], verified[ROUNDS];
	for (int i = 0; i < ROUNDS; i++) {
		plain[i] = once(curve, false);
		verified[i] = once(curve, true);
	}
	qsort(plain, ROUNDS, sizeof *plain, by_size);
	qsort(verified, ROUNDS, sizeof *verified, by_size);
	printf("%.2f %.2f\n", plain[ROUNDS / 2], verified[ROUNDS / 2]);
	secp256k1_context_destroy(curve);
	return 0;
}
