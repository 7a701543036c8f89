/* check: compares what the codecs do with standard vectors; lines come from make.mjs. */
#ifndef FAIRLEAD_TEST_VECTORS_CHECK_H
#define FAIRLEAD_TEST_VECTORS_CHECK_H

#include "common/base/err.h"
#include "common/base/mem.h"
#include "common/base/str.h"

enum { FIELDS_MAX = 20 };
/* One line: field[0] is the kind, field[1] the vector's name. Everything made while checking it lives in
 * arena. */
struct vector {
	struct str field[FIELDS_MAX];
	size_t n;
	struct arena *arena;
};
/* Counts one comparison; a failed one is printed with the vector's name. */
bool check(const struct vector *v, bool ok, const char *what);
struct bytes hex_field(const struct vector *v, size_t i);
bool same_bytes(const struct vector *v, struct bytes got, struct bytes wanted, const char *what);

/* A decoder of exactly these bytes. */
typedef bool decoder(const struct vector *v, struct bytes in, void *ctx);
/* Every truncation of in, and in with each of a few bytes behind it, must be refused. */
void check_cuts(const struct vector *v, struct bytes in, decoder *decode, void *ctx);

void check_keccak(const struct vector *v);
void check_number(const struct vector *v);
void check_rlp(const struct vector *v);
void check_address(const struct vector *v);
void check_key(const struct vector *v);
void check_tx(const struct vector *v);
void check_abi(const struct vector *v);
void check_event(const struct vector *v);
void check_block(const struct vector *v);
void check_typed(const struct vector *v);
void check_said(const struct vector *v);

#endif
