/* wire: JSON objects from a node → C structs, by a table of fields; used by header.c, logs.c and receipt.c
 * only.
 *
 * A streaming parser calls in; no document tree is built and nothing is copied but the values asked for.
 * Fields that the table does not name are passed over, whatever they hold. */
#ifndef FAIRLEAD_EVM_WIRE_H
#define FAIRLEAD_EVM_WIRE_H

#include "common/base/err.h"
#include "common/base/mem.h"
#include "common/base/str.h"

enum wire_kind {
	WIRE_FIXED, /* "0x" + exactly size bytes, into uint8_t[size] */
	WIRE_DATA,  /* "0x" + any number of bytes, into struct bytes; the bytes lie in the arena */
	WIRE_U64,   /* a quantity */
	WIRE_U256,
	WIRE_BOOL,
	WIRE_LIST, /* an array of strings, each given to wire.item */
};
struct wire_field {
	const char *name;
	enum wire_kind kind;
	bool required;
	size_t offset; /* of the value in the struct */
	size_t size;   /* WIRE_FIXED */
	size_t flag;   /* offset of a bool that says whether the field was there; 0: none */
};
enum { WIRE_FIELDS_MAX = 32 };

struct wire {
	const char *what; /* "log", for errors */
	const struct wire_field *fields;
	size_t nfields;
	bool many; /* an array of objects, not one object or null */
	bool (*item)(struct wire *w, void *object, struct str text);
	struct arena *arena;
	struct err *e;
	void *objects; /* room for them, zeroed */
	size_t stride, room;
	size_t n; /* objects read */

	int state; /* the rest is wire.c's own */
	unsigned skip;
	size_t last;
	const struct wire_field *field;
	uint32_t seen;
};
bool wire_read(struct wire *w, struct str json);

/* Hex digits behind 0x, exactly two a byte, either case. */
bool wire_hex(uint8_t *out, size_t n, struct str text);

#endif
