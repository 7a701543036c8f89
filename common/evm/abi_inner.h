/* abi_inner: what the abi_*.c files share with each other and with nobody else. */
#ifndef FAIRLEAD_EVM_ABI_INNER_H
#define FAIRLEAD_EVM_ABI_INNER_H

#include "common/evm/abi.h"

/* Bounds that keep every walk over a type short and every size far from overflow. Solidity itself refuses
 * empty tuples and arrays of fixed length 0, so each value takes at least one word: what is decoded is
 * bounded by what was given. */
enum { ABI_DEPTH_MAX = 16, ABI_WORDS_MAX = 1 << 20 };

bool abi_dynamic(const struct abi_type *t);
size_t abi_words(const struct abi_type *t);                    /* of its place in a head: 1 when dynamic */
bool abi_number_fits(const struct abi_type *t, struct u256 v); /* UINT, INT, BOOL */
bool abi_negative(struct u256 v);
struct u256 abi_negate(struct u256 v);

/* The parts of one head-tail area: a parameter list, a tuple's fields, or n times one item type. */
struct abi_list {
	const struct abi_param *params; /* NULL: n × item */
	const struct abi_type *item;
	size_t n;
	bool skip_indexed; /* an event's data holds only what is not indexed */
};
static inline bool abi_list_skips(const struct abi_list *l, size_t i)
{
	return l->skip_indexed && l->params[i].indexed;
}
static inline const struct abi_type *abi_list_type(const struct abi_list *l, size_t i)
{
	return l->params ? &l->params[i].type : l->item;
}
size_t abi_list_words(const struct abi_list *l); /* of its head */

/* The parser of types and parameter lists; at is where it stands, and where it stood when it failed. */
struct abi_parser {
	struct arena *arena;
	struct str text;
	size_t at;
	struct err *e;
	unsigned depth;
	const struct abi_param *components; /* of a JSON type "tuple…"; else NULL */
	size_t ncomponents;
};
struct str abi_word(struct abi_parser *p);   /* the identifier that stands next, taken; empty if none */
bool abi_take(struct abi_parser *p, char c); /* takes c if it stands next */
bool abi_at_end(struct abi_parser *p);       /* only white space is left */
bool abi_type_parse(struct abi_parser *p, struct abi_type *out);
bool abi_params_parse(struct abi_parser *p, bool event, const struct abi_param **out, size_t *n);
bool abi_name_ok(struct str s); /* a Solidity identifier */
/* Fills signature and hash, and as where it is NULL; checks the number of indexed parameters. */
bool abi_entry_finish(struct arena *a, struct abi_entry *x, struct err *e);

/* JSON text as a tree of yajl's; NULL and *e on a mistake. Free with yajl_tree_free. */
struct yajl_val_s;
struct yajl_val_s *abi_json_tree(struct str json, struct err *e);

/* Bytes as UTF-8 that PostgreSQL takes: NUL and broken bytes become U+FFFD. */
void abi_clean_text(struct buf *b, struct bytes s);

#endif
