#include "common/evm/abi.h"
#include "common/evm/keccak.h"

/* Any line as a declaration, any text as a JSON ABI. What is accepted has a signature that names itself
 * again: parsed as a type it gives the same text; mistakes are told with a place inside the line. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_entry(const struct abi_entry *x)
{
	struct arena a = {0};
	struct abi_type t;
	uint8_t hash[32];
	char snake[64];
	struct buf b = {0};
	size_t name = strlen(x->name);
	must(memcmp(x->signature, x->name, name) == 0 && x->as);
	keccak256(hash, x->signature, strlen(x->signature));
	must(memcmp(hash, x->hash, 32) == 0);
	if (x->nin > 0) {
		/* a parameter list of types alone is a tuple, unless it stands at the greatest depth already */
		if (abi_parse_type(&a, str_of(x->signature + name), &t, NULL)) {
			abi_type_text(&b, &t);
			must(text_is(b.p, x->signature + name));
		}
	}
	for (size_t i = 0; i < x->nin; i++) {
		abi_snake(snake, sizeof snake, x->in[i].name);
		must(snake[0] && strlen(snake) < sizeof snake && snake[0] != '_');
		buf_clear(&b);
		abi_pg_type(&b, &x->in[i]);
		must(b.n > 0);
	}
	buf_fini(&b);
	arena_fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = {0};
	struct str text = {(const char *)data, size};
	struct abi_entry one, *all;
	struct err e = {0};
	size_t at, n;
	bool ok = abi_parse_line(&a, text, &one, &at, &e);
	must(at <= size);
	must(ok || (e.class == ERR_MALFORMED && e.text[0]));
	if (ok)
		check_entry(&one);
	must(a.used <= 4096 + size * 256);
	arena_reset(&a);
	if (abi_parse_json(&a, text, &all, &n, &e))
		for (size_t i = 0; i < n; i++)
			check_entry(&all[i]);
	must(a.used <= 4096 + size * 256);
	arena_fini(&a);
	return 0;
}
