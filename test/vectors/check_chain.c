#include "common/evm/address.h"
#include "common/evm/keccak.h"
#include "common/evm/rlp.h"
#include "common/evm/tx.h"
#include "test/vectors/check.h"

#include <stdlib.h>

/* Vectors of what a chain is made of: hashes, numbers, RLP, addresses, keys, transactions. */

void check_keccak(const struct vector *v)
{
	struct bytes in = hex_field(v, 2), wanted = hex_field(v, 3);
	uint8_t whole[32], parts[32];
	struct keccak k;
	keccak256(whole, in.p, in.n);
	same_bytes(v, (struct bytes){whole, 32}, wanted, "the hash of the whole");
	keccak_init(&k);
	for (size_t i = 0; i < in.n; i++)
		keccak_add(&k, in.p + i, 1);
	keccak_end(&k, parts);
	same_bytes(v, (struct bytes){parts, 32}, wanted, "the hash byte by byte");
}

void check_number(const struct vector *v)
{
	struct u256 n, wanted, back;
	bool read = u256_from_dec(&n, v->field[2]) || u256_from_hex(&n, v->field[2]);
	if (!check(v, read == !str_is(v->field[3], "none"), "is taken or refused") || !read)
		return;
	check(v, u256_from_hex(&wanted, v->field[3]) && u256_cmp(n, wanted) == 0, "the number read");
	char dec[U256_DEC_MAX], hex[U256_HEX_MAX];
	u256_to_dec(dec, n);
	u256_to_hex(hex, n);
	check(v, u256_from_dec(&back, str_of(dec)) && u256_cmp(back, n) == 0, "decimal and back");
	check(v, u256_from_hex(&back, str_of(hex)) && u256_cmp(back, n) == 0, "hex and back");
}

/* 0x12 or [0x12,[…]] → RLP; returns what is left of the text. */
static struct str encode_tree(struct arena *a, struct str s, struct buf *out)
{
	if (s.n > 0 && s.p[0] == '[') {
		size_t list = rlp_list_open(out);
		s = (struct str){s.p + 1, s.n - 1};
		while (s.n > 0 && s.p[0] != ']') {
			s = encode_tree(a, s, out);
			if (s.n > 0 && s.p[0] == ',')
				s = (struct str){s.p + 1, s.n - 1};
		}
		rlp_list_close(out, list);
		return (struct str){s.p + 1, s.n - 1};
	}
	size_t n = 0;
	while (n < s.n && s.p[n] != ',' && s.p[n] != ']')
		n++;
	size_t bytes = n / 2 - 1;
	uint8_t *p = arena_alloc(a, bytes);
	must(hex_from(p, bytes, (struct str){s.p, n}));
	rlp_bytes(out, p, bytes);
	return (struct str){s.p + n, s.n - n};
}

static bool write_item(bool is_list, struct bytes payload, struct buf *out)
{
	if (!is_list) {
		buf_text(out, "0x");
		buf_hex(out, payload.p, payload.n);
		return true;
	}
	struct rlp r = {payload.p, payload.n};
	buf_char(out, '[');
	for (bool first = true; r.n > 0; first = false) {
		if (!first)
			buf_char(out, ',');
		if (!rlp_next(&r, &is_list, &payload, NULL) || !write_item(is_list, payload, out))
			return false;
	}
	buf_char(out, ']');
	return true;
}

static bool decode_tree(const struct vector *v, struct bytes in, void *ctx)
{
	(void)v;
	bool is_list;
	struct bytes payload;
	struct buf *text = ctx;
	buf_clear(text);
	return rlp_whole(in, &is_list, &payload, NULL) && write_item(is_list, payload, text);
}

void check_rlp(const struct vector *v)
{
	struct bytes encoded = hex_field(v, 2);
	struct buf made = {0}, text = {0};
	encode_tree(v->arena, v->field[3], &made);
	same_bytes(v, (struct bytes){(const uint8_t *)made.p, made.n}, encoded, "encoding");
	if (check(v, decode_tree(v, encoded, &text), "decoding"))
		check(v, str_eq((struct str){text.p, text.n}, v->field[3]), "what was decoded");
	check_cuts(v, encoded, decode_tree, &text);
	buf_fini(&made);
	buf_fini(&text);
}

void check_address(const struct vector *v)
{
	struct bytes wanted = hex_field(v, 2);
	char text[ADDRESS_TEXT];
	uint8_t got[20];
	address_to_eip55(text, wanted.p);
	check(v, str_is(v->field[3], text), "the checksum written");
	check(
		v, address_from_text(got, v->field[3], NULL) && memcmp(got, wanted.p, 20) == 0, "the checksum read");
	check(v, address_from_text(got, v->field[2], NULL) && memcmp(got, wanted.p, 20) == 0, "lower case read");
	for (size_t i = 2; i < 42; i++) {
		char c = text[i];
		text[i] = (char)(c >= 'a' ? c - 32 : c >= 'A' ? c + 32 : c);
		struct str other = str_of(text);
		/* one turned capital is a wrong checksum, unless it leaves one case alone */
		bool lower = strpbrk(text + 2, "abcdef"), upper = strpbrk(text + 2, "ABCDEF");
		if (text[i] != c && lower && upper)
			check(v, !address_from_text(got, other, NULL), "a wrong capital is refused");
		text[i] = c;
	}
}

void check_key(const struct vector *v)
{
	struct bytes address = hex_field(v, 3);
	struct key *k = key_from_hex(v->field[2], NULL);
	if (!check(v, k != NULL, "the key is read"))
		return;
	same_bytes(v, (struct bytes){key_address(k), 20}, address, "its address");
	uint8_t digest[32], signer[20];
	struct signature sig;
	keccak256(digest, v->field[1].p, v->field[1].n);
	key_sign(k, digest, &sig);
	check(v, key_recover(signer, digest, &sig, NULL) && memcmp(signer, address.p, 20) == 0, "its signature");
	key_free(k);
}

static void read_access(const struct vector *v, struct str s, struct tx *t)
{
	if (str_is(s, "none"))
		return;
	struct tx_access *list = arena_alloc(v->arena, (s.n / 43 + 1) * sizeof *list);
	t->access = list;
	while (s.n > 0) {
		struct tx_access *x = &list[t->naccess++];
		must(hex_from(x->address, 20, (struct str){s.p, 42}));
		s = (struct str){s.p + 43, s.n - 43};
		uint8_t(*keys)[32] = arena_alloc(v->arena, (s.n / 66 + 1) * 32);
		x->keys = (const uint8_t(*)[32])keys;
		while (s.n > 0 && s.p[0] != ',') {
			must(hex_from(keys[x->nkeys++], 32, (struct str){s.p, 66}));
			s = (struct str){s.p + 66, s.n - 66};
			if (s.n > 0 && s.p[0] == '+')
				s = (struct str){s.p + 1, s.n - 1};
		}
		if (s.n > 0)
			s = (struct str){s.p + 1, s.n - 1};
	}
}

static struct tx read_tx(const struct vector *v)
{
	struct tx t = {.type = (enum tx_type)(v->field[6].p[0] - '0')};
	check(v,
		str_to_u64(v->field[7], &t.chain_id) && str_to_u64(v->field[8], &t.nonce) &&
			u256_from_dec(&t.fee, v->field[9]) && u256_from_dec(&t.tip, v->field[10]) &&
			str_to_u64(v->field[11], &t.gas) && u256_from_dec(&t.value, v->field[13]),
		"the numbers are read");
	t.create = str_is(v->field[12], "none");
	if (!t.create)
		check(v, hex_from(t.to, 20, v->field[12]), "to is read");
	t.data = hex_field(v, 14);
	read_access(v, v->field[15], &t);
	return t;
}

static bool same_tx(const struct tx *a, const struct tx *b)
{
	bool same = a->type == b->type && a->chain_id == b->chain_id && a->nonce == b->nonce &&
				a->gas == b->gas && u256_cmp(a->fee, b->fee) == 0 && u256_cmp(a->tip, b->tip) == 0 &&
				u256_cmp(a->value, b->value) == 0 && a->create == b->create &&
				memcmp(a->to, b->to, 20) == 0 && a->naccess == b->naccess && a->data.n == b->data.n &&
				(a->data.n == 0 || memcmp(a->data.p, b->data.p, a->data.n) == 0);
	for (size_t i = 0; same && i < a->naccess; i++) {
		const struct tx_access *x = &a->access[i], *y = &b->access[i];
		same = memcmp(x->address, y->address, 20) == 0 && x->nkeys == y->nkeys &&
			   (x->nkeys == 0 || memcmp(x->keys, y->keys, 32 * x->nkeys) == 0);
	}
	return same;
}

struct decoded_tx {
	struct tx tx;
	struct signature sig;
	uint8_t sender[20], hash[32];
};

static bool decode_tx(const struct vector *v, struct bytes in, void *ctx)
{
	struct decoded_tx *d = ctx;
	return tx_decode(v->arena, in, &d->tx, &d->sig, d->sender, d->hash, NULL);
}

void check_tx(const struct vector *v)
{
	struct bytes address = hex_field(v, 3), unsigned_tx = hex_field(v, 4), signed_tx = hex_field(v, 5);
	struct tx t = read_tx(v);
	struct key *k = key_from_hex(v->field[2], NULL);
	struct decoded_tx d, cut;
	struct buf b = {0};
	uint8_t digest[32];
	struct signature sig;
	if (!check(v, k != NULL, "the key is read"))
		return;
	tx_encode(&t, NULL, &b);
	same_bytes(v, (struct bytes){(const uint8_t *)b.p, b.n}, unsigned_tx, "the unsigned bytes");
	tx_digest(&t, digest);
	key_sign(k, digest, &sig);
	buf_clear(&b);
	tx_encode(&t, &sig, &b);
	same_bytes(v, (struct bytes){(const uint8_t *)b.p, b.n}, signed_tx, "the signed bytes");
	if (check(v, decode_tx(v, signed_tx, &d), "decoding")) {
		check(v, same_tx(&t, &d.tx), "the fields decoded");
		same_bytes(v, (struct bytes){d.sender, 20}, address, "the sender");
	}
	check_cuts(v, signed_tx, decode_tx, &cut);
	buf_fini(&b);
	key_free(k);
}
