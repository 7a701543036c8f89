/* install_in: what the files of the installer share; nobody else includes it.
 *
 * One struct setup lives for one install(). Steps return false when they can't go on: then result, and *e or
 * ps, say why, and the transaction is of no use any more. */
#ifndef FAIRLEAD_LEDGER_INSTALL_IN_H
#define FAIRLEAD_LEDGER_INSTALL_IN_H

#include "common/ledger/install.h"

#include <libpq-fe.h>

struct setup {
	const struct config *c;
	PGconn *conn;
	enum install_mode mode;
	struct problems *ps;
	struct err *e;
	enum install_result result;
	struct arena mem;
};

/* One statement with text parameters (NULL: SQL null). NULL when PostgreSQL refuses: `doing` is what a person
 * reads of it
 * ("making the tables of events"). The caller clears the result. */
PGresult *setup_query(struct setup *s, const char *doing, const char *sql, int n, const char *const *values);
bool setup_run(struct setup *s, const char *doing, const char *sql, int n, const char *const *values);
/* The same, but an error of the statement comes back as a result for the caller to read; NULL: the connection
 * ended. */
PGresult *setup_try(struct setup *s, const char *doing, const char *sql, int n, const char *const *values);
bool setup_refused(struct setup *s, const char *doing, const PGresult *r); /* false, with result and *e set */

/* {"a","b"} of n texts, in the arena. */
const char *setup_array(struct setup *s, const char *const *items, size_t n);
const char *setup_number(struct setup *s, int64_t v);
const char *setup_hex(struct setup *s, const uint8_t *p, size_t n); /* bytea as \x… */

bool migrate(struct setup *s, int from); /* migrations above number from */
bool apply_sql(struct setup *s);         /* the application's sql: files that were not applied yet */
bool declare_all(struct setup *s);       /* chains, contracts, events, batches, files, clocks, triggers */

#endif
