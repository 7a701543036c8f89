/* wire: JSON objects from a node → C structs, by a table of fields; used inside common/evm only.
 *
 * The events of a streaming parser come in (common/base/sax.h), objects go out, one after another into the
 * same memory or wherever `each` points next. No document tree is built and nothing is copied but the values
 * asked for. Fields that the table does not name are passed over, whatever they hold. */
#ifndef FAIRLEAD_EVM_WIRE_H
#define FAIRLEAD_EVM_WIRE_H

#include "common/base/err.h"
#include "common/base/mem.h"
#include "common/base/sax.h"
#include "common/base/str.h"

enum wire_kind {
	WIRE_FIXED, /* "0x" + exactly size bytes, into uint8_t[size] */
	WIRE_DATA,  /* "0x" + any number of bytes, into struct bytes; the bytes lie in the arena or in scratch */
	WIRE_U64,   /* a quantity */
	WIRE_U256,
	WIRE_BOOL,
	WIRE_LIST,    /* an array of strings, each given to the shape's item */
	WIRE_OBJECTS, /* an array of objects: the wire's `inner` reads them */
	WIRE_KNOWN,   /* passed over, but not counted as unknown */
};
struct wire_field {
	struct str name;
	enum wire_kind kind;
	bool required;
	size_t offset; /* of the value in the struct */
	size_t size;   /* WIRE_FIXED */
	size_t flag;   /* offset of a bool that says whether the field was there; 0: none */
};
enum { WIRE_FIELDS_MAX = 48 };

struct wire;
struct wire_shape {
	const char *what; /* "log", for errors */
	const struct wire_field *fields;
	size_t nfields;
	size_t size; /* of the struct, which is zeroed before each object */
	bool (*item)(struct wire *w, void *object, struct str text);
};

struct wire {
	const struct wire_shape *shape;
	bool many; /* an array of objects, not one object or null */
	/* An object is complete. Both may set w->object to where the next one goes; false ends the reading
	 * without an error of its own. NULL: nobody needs to know. */
	bool (*each)(struct wire *w, void *object);
	void *arg;           /* of whoever made the wire */
	struct arena *arena; /* of lists and data; NULL: data goes to scratch, which each object overwrites */
	struct buf *scratch;
	struct err *e;
	void *object; /* where the fields of the object in work go; a WIRE_OBJECTS' first is set by `open` */
	struct wire *inner; /* of the WIRE_OBJECTS field, which shares arena, scratch and e */
	void (*open)(struct wire *inner, void *outer); /* inner only: a new array begins in that outer object */

	size_t n;     /* objects read */
	bool unknown; /* the last object has a field that the table does not name */

	int state; /* the rest is wire.c's own */
	unsigned skip;
	const struct wire_field *field;
	uint64_t seen;
	struct wire *outer, *active;
	size_t last;
	uint8_t next[WIRE_FIELDS_MAX + 1];
};

/* Makes a wire ready for one text; also for the next one, on the same wire. What it learned about the order
 * of the fields stays. */
void wire_start(struct wire *w);
/* The events; ctx: the wire, or a struct that begins with it. */
bool wire_on_null(void *ctx);
bool wire_on_bool(void *ctx, bool v);
bool wire_on_number(void *ctx, struct str text);
bool wire_on_string(void *ctx, struct str text);
bool wire_on_open_map(void *ctx);
bool wire_on_key(void *ctx, struct str name);
bool wire_on_close_map(void *ctx);
bool wire_on_open_array(void *ctx);
bool wire_on_close_array(void *ctx);
#define WIRE_SAX                                                                                   \
	{                                                                                              \
		wire_on_null, wire_on_bool, wire_on_number, wire_on_string, wire_on_open_map, wire_on_key, \
			wire_on_close_map, wire_on_open_array, wire_on_close_array                             \
	}
/* Did one whole text come, and nothing wrong in it? What was wrong in it stands in *e; that it ended too
 * early does not. */
bool wire_whole(const struct wire *w);
/* All of it from a text that is there. */
bool wire_read(struct wire *w, struct str json);

/* Hex digits behind 0x, exactly two a byte, either case. */
bool wire_hex(uint8_t *out, size_t n, struct str text);

#endif
