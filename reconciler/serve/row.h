/* row: rows of a result as JSON (GRAMMAR §10, "A row as JSON"). Pure but for
 * reading results (pg_many.h).
 *
 * What does not change from row to row is written once: before each value stands a finished piece of JSON
 * (`,"blockchain":{"currentBlock":`), in the order of the nesting, whatever the order of the columns. Nothing
 * is allocated for a row but room in the buffer. What is put is always valid JSON, whatever bytes came. */
#ifndef FAIRLEAD_SERVE_ROW_H
#define FAIRLEAD_SERVE_ROW_H

#include "common/base/err.h"
#include "common/base/mem.h"
#include "common/base/str.h"

enum row_kind {
	ROW_STRING,
	ROW_NUMERIC, /* a string too: no reader rounds it */
	ROW_NUMBER,  /* int2, int4, int8, float4, float8 (NaN and infinities are strings) */
	ROW_BOOL,
	ROW_JSON,  /* json, jsonb: itself */
	ROW_TIME,  /* timestamptz: ISO 8601, milliseconds, Z */
	ROW_LOCAL, /* timestamp: ISO 8601 without a zone */
	ROW_HEX,   /* bytea: 0x… */
};
struct row_column {
	struct str before; /* what stands between the last value and this one */
	int at;            /* column of the result */
	enum row_kind kind;
	bool array;     /* of kind, in any number of dimensions */
	char delimiter; /* of the array's items: , (or ; of box) */
	bool not_null;  /* its alias ends in "!": a null is an error */
	const char *name;
};
struct row_plan {
	const struct row_column *columns; /* in the order of the JSON; empty: {} */
	size_t n;
	struct str end;
	int status_at, key_at; /* columns _status, _key; -1: there is none */
};
/* One column of a result: its alias as it was written, and its type. elem: of an array, else 0. */
struct row_input {
	const char *name;
	unsigned type, elem;
};
/* false: *e names a column that can't stand (`a` beside `a.b`, doubled, unnamed, an unknown _x). keyed: _key
 * may stand (with); status: _status may (one, else, reply). */
bool row_plan_make(struct arena *a, const struct row_input *columns, size_t n, bool status, bool keyed,
	struct row_plan *out, struct err *e);
enum row_kind row_kind_of(unsigned type); /* of PostgreSQL's own types by OID; others: ROW_STRING */
unsigned row_elem_of(unsigned type);      /* of PostgreSQL's own array types, else 0 */

/* The row as an object. false: a null where the alias says "!": its name is in *e; out may hold a part. */
bool row_put(struct buf *out, const struct row_plan *p, const void *result, int row, struct err *e);
/* [ … ]. false too: out has grown beyond most bytes (INV-10). */
bool row_put_all(struct buf *out, const struct row_plan *p, const void *result, size_t most, struct err *e);
/* { "<_key>": {…}, … }: where key_at is there. false too: two rows with one key, or a null one. */
bool row_put_keyed(struct buf *out, const struct row_plan *p, const void *result, size_t most, struct err *e);
/* The HTTP status that _status says; 200 without one. false: it is none (200 to 599). */
bool row_status(const struct row_plan *p, const void *result, int row, int *status);
/* The numbers and booleans of a row as Prometheus gauges: one line a key, dots and other signs become _. */
void row_put_gauges(struct buf *out, const struct row_plan *p, const void *result, int row);
/* One cell by itself, as row_put writes it: for names, examples. */
void row_put_value(struct buf *out, enum row_kind kind, bool array, char delimiter, struct str text);

#endif
