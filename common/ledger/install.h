/* install: brings a database to what this program and this application need: migrations, the application's
 * sql: files, declared chains, events and batches, and the functions that the rules compile to. One
 * transaction: all or nothing.
 *
 * Blocking, on a connection of its own, for moments: it is called when a program starts. Whoever is first
 * does the work under an advisory lock; who finds the lock taken gets INSTALL_BUSY and tries again from a
 * timer (its loop goes on turning). When nothing has changed since the last time (schema version and digest
 * of the application are equal) it is one round trip. A11, A12 of the model: a program starts when oldest ≤
 * its version; it migrates when schema < its version. */
#ifndef FAIRLEAD_LEDGER_INSTALL_H
#define FAIRLEAD_LEDGER_INSTALL_H

#include "common/app/config.h"
#include "common/base/err.h"
#include "common/io/pg.h"

enum install_result {
	INSTALL_DONE, /* everything stands */
	INSTALL_BUSY, /* another program is at it: try again in 50 ms */
	INSTALL_AWAY, /* PostgreSQL does not answer, is starting, a standby or locked, or our role may not prepare
				   * the database and somebody else has to (A12): *e says so; try again with backoff */
	INSTALL_REFUSED, /* newer schema, another application, …: *e names cause and cure; exit 78 */
	INSTALL_PROBLEMS /* the configuration's SQL does not prepare: see ps; exit 78 */
};
enum install_mode {
	INSTALL_FOR_REAL,
	/* Nothing is made: DONE when the schema that this program works with stands, AWAY as long as somebody
	 * else has yet to install it: for a role that may only read */
	INSTALL_LOOK,
	INSTALL_CHECK, /* everything inside one transaction that is rolled back: for --check; lock_timeout 2 s */
};
enum install_result install(
	const struct config *c, const char *conninfo, enum install_mode mode, struct problems *ps, struct err *e);

/* The first statement of a unit of a connection that is there anyhow: is everything as this program left it?
 * install_stands: yes. Whatever else the reply says, install has to look itself. */
void install_look(struct pg_unit *u, const struct config *c);
bool install_stands(const struct pg_reply *r, const struct config *c);

/* Does a server answer there at all? One short look. */
bool install_reachable(const char *conninfo);

/* Names of what the rules compile to, in schema fairlead_app: apply_<chain>, final_<chain>, bury_<chain>,
 * cut_<batch>, unpark_<batch>. */

#endif
