#include "test/vectors/check.h"

#include <stdio.h>
#include <stdlib.h>

/* Reads vectors from standard input, checks each in both directions, prints what is wrong, a line for each
 * kind, and closes with "N passed, N failed". Exit 0 only if something passed and nothing failed. */

static struct kind {
	const char *name;
	void (*check)(const struct vector *v);
	unsigned long vectors, passed;
} kinds[] = {
	{"keccak", check_keccak, 0, 0},
	{"number", check_number, 0, 0},
	{"rlp", check_rlp, 0, 0},
	{"address", check_address, 0, 0},
	{"key", check_key, 0, 0},
	{"tx", check_tx, 0, 0},
	{"abi", check_abi, 0, 0},
	{"event", check_event, 0, 0},
	{"block", check_block, 0, 0},
	{"typed", check_typed, 0, 0},
	{"said", check_said, 0, 0},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static unsigned long passed, failed, cuts;

bool check(const struct vector *v, bool ok, const char *what)
{
	if (ok)
		passed++;
	else
		failed++;
	if (!ok)
		printf("not ok %.*s %.*s: %s\n", (int)v->field[0].n, v->field[0].p, (int)v->field[1].n, v->field[1].p,
			what);
	return ok;
}

struct bytes hex_field(const struct vector *v, size_t i)
{
	struct str s = v->field[i];
	size_t n = s.n >= 2 ? s.n / 2 - 1 : 0;
	uint8_t *p = arena_alloc(v->arena, n);
	check(v, hex_from(p, n, s), "a field is hex");
	return (struct bytes){p, n};
}

bool same_bytes(const struct vector *v, struct bytes got, struct bytes wanted, const char *what)
{
	return check(v, got.n == wanted.n && (got.n == 0 || memcmp(got.p, wanted.p, got.n) == 0), what);
}

static void check_cut(const struct vector *v, struct bytes in, decoder *decode, void *ctx)
{
	/* a copy of its own size, so that a sanitizer sees any byte read behind it */
	uint8_t *copy = mem_alloc(in.n);
	if (in.n > 0)
		memcpy(copy, in.p, in.n);
	cuts++;
	check(v, !decode(v, (struct bytes){copy, in.n}, ctx), "a truncation or a byte behind the end is refused");
	free(copy);
}

void check_cuts(const struct vector *v, struct bytes in, decoder *decode, void *ctx)
{
	static const uint8_t tails[][32] = {{0}, {1}, {0x80}, {0xc0}, {0xff}};
	for (size_t n = 0; n < in.n; n++)
		check_cut(v, (struct bytes){in.p, n}, decode, ctx);
	uint8_t *more = mem_alloc(in.n + 32);
	if (in.n > 0)
		memcpy(more, in.p, in.n);
	for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
		memcpy(more + in.n, tails[i], 32);
		check_cut(v, (struct bytes){more, in.n + 1}, decode, ctx);
		check_cut(v, (struct bytes){more, in.n + 32}, decode, ctx);
	}
	free(more);
}

static void check_line(struct arena *a, struct str text)
{
	struct vector v = {.arena = a};
	while (v.n < FIELDS_MAX) {
		const char *tab = memchr(text.p, '\t', text.n);
		size_t n = tab ? (size_t)(tab - text.p) : text.n;
		v.field[v.n++] = (struct str){text.p, n};
		if (!tab)
			break;
		text = (struct str){text.p + n + 1, text.n - n - 1};
	}
	for (size_t i = 0; i < KINDS; i++)
		if (str_is(v.field[0], kinds[i].name)) {
			unsigned long before = passed;
			kinds[i].check(&v);
			kinds[i].vectors++;
			kinds[i].passed += passed - before;
			return;
		}
	check(&v, false, "its kind is known");
}

int main(void)
{
	struct arena a = {0};
	char *text = NULL;
	size_t room = 0;
	for (ssize_t n; (n = getline(&text, &room, stdin)) > 0;) {
		if (text[n - 1] == '\n')
			n--;
		check_line(&a, (struct str){text, (size_t)n});
		arena_reset(&a);
	}
	free(text);
	arena_fini(&a);
	for (size_t i = 0; i < KINDS; i++) {
		printf("%-8s %5lu vectors, %7lu comparisons\n", kinds[i].name, kinds[i].vectors, kinds[i].passed);
		if (kinds[i].vectors == 0)
			failed++;
	}
	printf("%lu truncations and trailing bytes tried\n%lu passed, %lu failed\n", cuts, passed, failed);
	return failed == 0 ? 0 : 1;
}
