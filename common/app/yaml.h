/* yaml: the file as a tree of maps, lists and scalars with their places. Knows YAML (libyaml) and what of it
 * is refused here (GRAMMAR §2); knows no word of the grammar.
 *
 * A scalar is its characters: no types, no tags. Nodes live in the arena they were made in. */
#ifndef FAIRLEAD_APP_YAML_H
#define FAIRLEAD_APP_YAML_H

#include "common/app/scalar.h"

enum node_kind { NODE_SCALAR, NODE_LIST, NODE_MAP };
enum node_style { NODE_PLAIN, NODE_SINGLE, NODE_DOUBLE, NODE_LITERAL, NODE_FOLDED };
struct node {
	enum node_kind kind;
	enum node_style style; /* scalars */
	struct pos at;
	size_t begin, end;         /* bytes of the file that it covers */
	struct str text;           /* scalars */
	struct node *first, *next; /* members; the next one beside this */
	size_t n;                  /* members */
	const char *key;           /* of a map's member */
	struct pos key_at;
};
struct yaml {
	const char *file;
	struct str text;
	struct node *root;
	size_t *lines; /* the byte at which line i + 1 begins */
	size_t nlines;
};
/* false: not YAML; exactly one problem was added by this call (it stands alone). true with problems: what §2
 * refuses. root is NULL when the file says nothing. text must outlive the tree. */
bool yaml_read(struct arena *a, const char *file, struct str text, struct yaml *y, struct problems *ps);
/* The scalar's characters with their places. Its vars are empty. */
struct scalar yaml_scalar(struct arena *a, const struct yaml *y, const struct node *n);
const struct node *node_member(
	const struct node *map, const char *key); /* or NULL, also when map is no map */
bool node_is_null(const struct node *n);      /* NULL, empty, ~ or null */

#endif
