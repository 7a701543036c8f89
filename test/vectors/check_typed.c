#include "common/evm/key.h"
#include "common/evm/typed.h"
#include "test/vectors/check.h"

#include <stdlib.h>

/* Vectors of what people sign: EIP-712 and EIP-191. */

static struct str bytes_text(const struct vector *v, struct str hex)
{
	size_t n = hex.n / 2;
	uint8_t *p = arena_alloc(v->arena, n + 1);
	check(v, hex_from(p, n, hex), "a text is hex");
	return (struct str){(const char *)p, n};
}

/* "name=6162,other=63" */
static struct str member(const void *arg, const char *name)
{
	const struct vector *v = arg;
	struct str list = v->field[3];
	size_t n = strlen(name);
	while (list.n) {
		const char *comma = memchr(list.p, ',', list.n);
		struct str one = {list.p, comma ? (size_t)(comma - list.p) : list.n};
		if (one.n > n && memcmp(one.p, name, n) == 0 && one.p[n] == '=')
			return bytes_text(v, (struct str){one.p + n + 1, one.n - n - 1});
		list.p += one.n + (comma != NULL);
		list.n -= one.n + (comma != NULL);
	}
	return (struct str){NULL, 0};
}

static const char *text_or_null(const struct vector *v, size_t i)
{
	struct str s = v->field[i];
	return str_is(s, "none") ? NULL : bytes_text(v, (struct str){s.p + 2, s.n - 2}).p;
}

void check_typed(const struct vector *v)
{
	struct err e = {0};
	uint8_t got[32];
	const char *type = arena_textn(v->arena, v->field[2].p, v->field[2].n);
	struct typed_domain d = {.name = text_or_null(v, 4), .version = text_or_null(v, 5)};
	struct bytes digest = hex_field(v, 8);
	const char *const *names;
	size_t n;
	d.chain_id = strtoull(arena_textn(v->arena, v->field[6].p, v->field[6].n), NULL, 10);
	if (!str_is(v->field[7], "none"))
		d.contract = hex_field(v, 7).p;
	check(v, typed_members(v->arena, type, &names, &n, &e), "the type is read");
	if (!check(v, typed_digest(got, type, &d, member, v, &e), e.text))
		return;
	same_bytes(v, (struct bytes){got, 32}, digest, "the digest");
	d.chain_id++;
	check(v, typed_digest(got, type, &d, member, v, &e) && memcmp(got, digest.p, 32) != 0,
		"another chain is another digest");
}

void check_said(const struct vector *v)
{
	struct bytes text = hex_field(v, 2), sig = hex_field(v, 3), who = hex_field(v, 4);
	uint8_t digest[32], got[20];
	struct signature s;
	struct err e = {0};
	typed_personal(digest, (struct str){(const char *)text.p, text.n});
	memcpy(s.r, sig.p, 32);
	memcpy(s.s, sig.p + 32, 32);
	s.recid = sig.p[64] - 27;
	check(v, key_recover(got, digest, &s, &e), "somebody signed it");
	same_bytes(v, (struct bytes){got, 20}, who, "who signed it");
}
