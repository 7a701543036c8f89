#include "common/evm/address.h"
#include "common/evm/keccak.h"
#include "common/evm/rlp.h"

/* EIP-55: "if the ith digit is a letter … print it in uppercase if the 4*ith bit of the hash of the lowercase
 * hexadecimal address is 1". The hash is over the 40 digits without 0x. */
void address_to_eip55(char out[ADDRESS_TEXT], const uint8_t a[20])
{
	uint8_t hash[32];
	hex_to_0x(out, a, 20);
	keccak256(hash, out + 2, 40);
	for (size_t i = 0; i < 40; i++) {
		unsigned nibble = i % 2 ? hash[i / 2] & 15u : hash[i / 2] >> 4;
		if (out[2 + i] >= 'a' && nibble >= 8)
			out[2 + i] = (char)(out[2 + i] - 'a' + 'A');
	}
}

static bool one_case(struct str digits)
{
	bool lower = false, upper = false;
	for (size_t i = 0; i < digits.n; i++) {
		lower |= digits.p[i] >= 'a';
		upper |= digits.p[i] >= 'A' && digits.p[i] <= 'F';
	}
	return !(lower && upper);
}

bool address_from_text(uint8_t out[20], struct str s, struct err *e)
{
	char right[ADDRESS_TEXT];
	if (s.n < 2 || s.p[0] != '0' || s.p[1] != 'x')
		return err_set(e, ERR_MALFORMED, "an address begins with 0x and has 40 hex digits behind it");
	if (s.n != 42)
		return err_set(e, ERR_MALFORMED, "an address has 40 hex digits behind 0x, this one %zu", s.n - 2);
	if (!hex_from(out, 20, (struct str){s.p + 2, 40}))
		return err_set(e, ERR_MALFORMED, "an address has only the digits 0-9 and a-f behind 0x");
	address_to_eip55(right, out);
	if (one_case((struct str){s.p + 2, 40}) || memcmp(right, s.p, 42) == 0)
		return true;
	return err_set(e, ERR_MALFORMED,
		"the address's capitals do not fit its digits (EIP-55 checksum); its right spelling is %s, "
		"if no digit is wrong",
		right);
}

void address_of_create(uint8_t out[20], const uint8_t sender[20], uint64_t nonce)
{
	struct buf b = {0};
	uint8_t hash[32];
	size_t list = rlp_list_open(&b);
	rlp_bytes(&b, sender, 20);
	rlp_u64(&b, nonce);
	rlp_list_close(&b, list);
	keccak256(hash, b.p, b.n);
	memcpy(out, hash + 12, 20);
	buf_fini(&b);
}
