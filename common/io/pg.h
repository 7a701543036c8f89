/* pg: one connection to PostgreSQL in pipeline mode, that comes back by itself. (libpq)
 *
 * The unit of work is a struct pg_unit: statements that leave in ONE flush behind each other with one Sync,
 * and so are one implicit transaction: all of it is committed or none (model: "a transaction leaves in one
 * flush"). Units of one connection run in the order of pg_unit_run and may be queued without waiting.
 * Statements are prepared by name the first time a connection sees them. A unit that raises (a fence, FL001)
 * runs nothing behind the raise. A unit that is run while there is no connection is answered PG_UNSENT in the
 * next turn: nothing queues up for a server that is away.
 *
 * Each statement is one command of the extended protocol: a text of several commands goes as the argument of
 * EXECUTE inside DO. A host given by name is looked up blocking (libpq); addresses and sockets are not.
 *
 * Not here: SQL text of the engine (common/ledger), retry policy (the caller: the outcome says what is
 * known). */
#ifndef FAIRLEAD_IO_PG_H
#define FAIRLEAD_IO_PG_H

#include "common/base/err.h"
#include "common/base/str.h"
#include "common/base/u256.h"
#include "common/io/loop.h"

struct pg;
struct pg_unit;

struct pg_events {
	void (*on_up)(void *arg); /* connected and configured; may run again after each on_down */
	/* lost, or could not be made; the next try is scheduled */
	void (*on_down)(void *arg, const struct err *e);
	void (*on_notify)(void *arg, const char *channel, const char *payload);
	void *arg;
};
struct pg_options {
	const char *conninfo;                  /* libpq keyword string or URI; "" = PG* environment */
	const char *application;               /* application_name: "fairlead-listener" */
	const char *listen[4];                 /* LISTEN channels, set again at each connect; NULL ends */
	uint64_t retry_first_ms, retry_max_ms; /* 0: 200 ms, 5 s */
	bool generic_plans; /* only engine SQL runs here: a statement is planned once, for keys, never for its
						   values (arrays of rows) or for the size of its tables */
	uint64_t idle_in_transaction_ms; /* 0: unset; half the lease for writers (A4) */
};
/* Connects by itself, again and again. */
struct pg *pg_open(struct loop *l, const struct pg_options *o, const struct pg_events *ev);
/* Units not answered get PG_UNKNOWN or PG_UNSENT in a later turn; then it is freed. A unit begun but not run
 * must be dropped before. */
void pg_close(struct pg *c);
bool pg_is_up(const struct pg *c);
int pg_server_pid(const struct pg *c);

/* name must be unique to its text and shorter than 64 bytes (NULL: unnamed, parsed each time). Both stay the
 * caller's and must live until the unit is answered. */
struct pg_sql {
	const char *name, *text;
};

struct pg_unit *pg_unit(struct pg *c);
/* Begins the next statement; parameters $1, $2, … follow by pg_put_*. Values are copied into the unit. */
void pg_stmt(struct pg_unit *u, const struct pg_sql *s);
/* OIDs of its first n parameters, 0: the server infers, as it does with all where this is not called. Must
 * live until the unit is answered. */
void pg_stmt_types(struct pg_unit *u, const unsigned *types, int n);
void pg_put_null(struct pg_unit *u);
void pg_put_text(struct pg_unit *u, const char *s); /* NULL: SQL null; the server infers the type */
void pg_put_str(struct pg_unit *u, struct str s);
void pg_put_int(struct pg_unit *u, int64_t v); /* as text: fits smallint, int, bigint, numeric */
void pg_put_bool(struct pg_unit *u, bool v);
void pg_put_bytes(struct pg_unit *u, const uint8_t *p, size_t n); /* bytea, binary */
void pg_put_u256(struct pg_unit *u, struct u256 v);               /* numeric */
/* Arrays: open, any number of items, close. As text literals, quoted here; NULL items by pg_item_null. */
void pg_array_open(struct pg_unit *u);
void pg_item_text(struct pg_unit *u, struct str s);
void pg_item_int(struct pg_unit *u, int64_t v);
void pg_item_bytes(struct pg_unit *u, const uint8_t *p, size_t n);
void pg_item_u256(struct pg_unit *u, struct u256 v);
void pg_item_null(struct pg_unit *u);
void pg_array_close(struct pg_unit *u);
/* One whole array, a column of rows: PG_ARRAY(u, i, n, pg_item_int(u, row[i].nonce)); */
#define PG_ARRAY(u, i, n, item)                  \
	do {                                         \
		pg_array_open(u);                        \
		for (size_t i = 0; i < (size_t)(n); i++) \
			item;                                \
		pg_array_close(u);                       \
	} while (0)

enum pg_outcome {
	PG_OK,      /* committed, results are there */
	PG_REFUSED, /* the server raised: nothing of the unit is committed; sqlstate says why */
	PG_UNSENT,  /* no connection: nothing left, nothing is committed */
	/* the connection ended after the unit left: it may be committed. Read the truth before going on */
	PG_UNKNOWN,
};
struct pg_reply {
	enum pg_outcome outcome;
	/* class: TRANSIENT for UNSENT, UNKNOWN, SQLSTATE 08 40 53 55 57 58, and for a prepared plan that went
	 * stale (0A000, 26000: the next use prepares anew); else REJECTED */
	struct err err;
	char sqlstate[6]; /* of REFUSED, else "" */
	int failed;       /* index of the statement that raised, else -1 */
	int statements;
	/* one PGresult a statement, NULL (no rows) for those that failed; use the readers below. Valid during the
	 * callback only */
	void *const *results;
};
typedef void (*pg_done_fn)(void *arg, const struct pg_reply *r);
/* Sends the unit; fn runs exactly once, later. deadline_ms, from when those before it are answered (0: 30 s):
 * then the connection is cut (PG_UNKNOWN). */
void pg_unit_run(struct pg_unit *u, uint64_t deadline_ms, pg_done_fn fn, void *arg);
void pg_unit_drop(struct pg_unit *u); /* instead of run */

/* Runs u before it is known whether it counts: what stands in it leaves at once, and its transaction
 * stays open, locks and all, until pg_unit_run commits it (more statements may be added before) or
 * pg_unit_undo takes it back. Whatever is run on this connection meanwhile waits: a matter of milliseconds.
 * When the connection is lost nothing of it has happened, and pg_unit_run sends all of it anew. */
void pg_unit_begin(struct pg_unit *u);
void pg_unit_more(struct pg_unit *u); /* behind pg_unit_begin: what was added since leaves as well */
void pg_unit_undo(struct pg_unit *u); /* no callback */

int pg_rows(const struct pg_reply *r, int stmt);
int pg_columns(const struct pg_reply *r, int stmt);
bool pg_is_null(const struct pg_reply *r, int stmt, int row, int col);
/* text form, borrowed for the callback */
struct str pg_get(const struct pg_reply *r, int stmt, int row, int col);
/* NUL-terminated; "" for null */
const char *pg_get_text(const struct pg_reply *r, int stmt, int row, int col);
int64_t pg_get_int(const struct pg_reply *r, int stmt, int row, int col); /* 0 for null; must() be a number */
bool pg_get_bool(const struct pg_reply *r, int stmt, int row, int col);
struct u256 pg_get_u256(const struct pg_reply *r, int stmt, int row, int col);
/* bytea column into out (n bytes exactly); false when null or another length */
bool pg_get_bytes(const struct pg_reply *r, int stmt, int row, int col, uint8_t *out, size_t n);
size_t pg_get_blob(
	const struct pg_reply *r, int stmt, int row, int col, struct buf *out); /* bytea of any length */
/* An array column: calls fn for each item in text form (NULL item: p == NULL). One dimension. */
void pg_get_array(
	const struct pg_reply *r, int stmt, int row, int col, void (*fn)(void *arg, struct str item), void *arg);

bool pg_fenced(const struct pg_reply *r); /* SQLSTATE FL001: the lane has another holder (INV-8) */

/* conninfo from DATABASE_URL, else DB_HOST DB_PORT DB_USERNAME DB_PASSWORD DB_NAME, else "" (libpq reads
 * PG*). The text is heap memory; it may hold a password: never print it. */
char *pg_conninfo_from_env(void);
void pg_may_read(const char *conninfo); /* its files (certificates, passwords) stay readable: guard.h */
/* Whether DATABASE_URL, or DB_PORT, says something that can ever be reached; false: *e names the variable,
 * why and the form, never its value (it may hold a password). */
bool pg_env_ok(struct err *e);
/* What may be shown of it: "PostgreSQL ktty on /run/pg" */
void pg_for_people(char *out, size_t size, const char *conninfo);

#endif
