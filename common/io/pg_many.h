/* pg_many: many small reads at once, on a few connections to PostgreSQL. (libpq, pipeline mode)
 *
 * Statements are prepared by name when a connection is made, and described: types are what PostgreSQL says.
 * A read that is run leaves at once into the buffer of the connection that has the least to do; what one turn
 * of the loop gathered there is ended by ONE Sync (a Sync a query costs more than the query). So the
 * statements between two Syncs are one implicit transaction: a failed one takes those behind it along, and
 * they are run again, each alone. A group of statements (many_group) always leaves alone, between Syncs of
 * its own.
 *
 * Sessions only read: default_transaction_read_only, statement_timeout, UTC, ISO dates. A connection that is
 * lost comes back by itself; what was under way on it is run once more where another one stands, else
 * answered at once: a read may be asked twice.
 *
 * INV-10: with max_rows or max_bytes an answer has a bound. Rows are counted as they come; above it what came
 * is let go, the server is told to stop that statement, and the connection stays.
 *
 * Not here: what a statement means, JSON, SQL text. The one connection that writes is pg.h. */
#ifndef FAIRLEAD_IO_PG_MANY_H
#define FAIRLEAD_IO_PG_MANY_H

#include "common/base/err.h"
#include "common/base/str.h"
#include "common/io/loop.h"

struct many;
struct many_sql; /* one prepared statement, on every connection */

struct many_options {
	const char *conninfo;                  /* as pg_options.conninfo */
	const char *application;               /* application_name */
	unsigned connections;                  /* 1 to 16 */
	bool snapshot;                         /* REPEATABLE READ: the statements of a group see one snapshot */
	uint64_t statement_ms;                 /* statement_timeout; 0: 10 s. A second later it is cut off */
	uint64_t retry_first_ms, retry_max_ms; /* 0: 200 ms, 5 s */
	/* Of one read, all its statements together; bytes as libpq holds them. 0: no bound. With one, a row costs
	 * about a microsecond more. */
	size_t max_rows, max_bytes;
	/* The first connection is made, the last one lost; may be NULL. */
	void (*on_up)(void *arg);
	void (*on_down)(void *arg, const struct err *e);
	void *arg;
};
struct many *many_open(struct loop *l, const struct many_options *o);
/* Reads not answered get MANY_LOST in a later turn; then it is freed. */
void many_close(struct many *m);
bool many_is_up(const struct many *m); /* one connection at least */

/* on_shape: the PGresult of PQdescribePrepared, each time the statement is prepared on a connection: before
 * any result of it comes from there. NULL: it did not prepare, *e says why. types: OIDs of the first ntypes
 * parameters, 0: PostgreSQL infers. name and text are copied; the statement lives as long as m. */
struct many_shape {
	const unsigned *types;
	size_t ntypes;
	void (*on_shape)(void *arg, const void *describe, const struct err *e);
	void *arg;
};
struct many_sql *many_prepare(struct many *m, const char *name, const char *text, const struct many_shape *s);
enum many_outcome {
	MANY_OK,
	MANY_REFUSED,   /* the server raised: sqlstate says why */
	MANY_LOST,      /* no connection, or it ended, or no answer in time */
	MANY_TOO_LARGE, /* above max_rows or max_bytes */
};
struct many_reply {
	enum many_outcome outcome;
	struct err err;
	char sqlstate[6];        /* of REFUSED, else "" */
	size_t failed;           /* of REFUSED: which of the statements */
	const void *const *rows; /* PGresults, one a statement, of MANY_OK. During the callback only */
	size_t n;
};
typedef void (*many_done_fn)(void *arg, const struct many_reply *r);
struct many_step {
	const struct many_sql *sql;
	const char *const *values; /* text, NUL-terminated; NULL: null. Copied */
	size_t n;
};
/* fn runs exactly once, in a later turn. */
void many_run(struct many *m, const struct many_step *step, many_done_fn fn, void *arg);
/* The statements one behind the other, nothing else between: one transaction. */
void many_group(struct many *m, const struct many_step *steps, size_t n, many_done_fn fn, void *arg);
/* A result, and what on_shape is given. */
int many_count(const void *rows);                         /* rows */
int many_width(const void *rows);                         /* columns */
struct str many_cell(const void *rows, int row, int col); /* text, NUL-terminated; p == NULL: null */
const char *many_name(const void *rows, int col);
unsigned many_type(const void *rows, int col); /* OID */
int many_params(const void *describe);
unsigned many_param_type(const void *describe, int i);
/* Reads waiting for an answer: for limits and metrics. */
size_t many_waiting(const struct many *m);

#endif
