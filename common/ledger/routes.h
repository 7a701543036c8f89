/* routes: what PostgreSQL says about the SQL of the routes, prepared as the rules' SQL is (compile.h): each
 * occurrence of a name is its own parameter whose type PostgreSQL infers in that place; only where it can't,
 * the value's own type is declared.
 *
 * compile_application reports what is wrong with them at its place in the file; routes_look tells a program
 * that serves what they are. */
#ifndef FAIRLEAD_LEDGER_ROUTES_H
#define FAIRLEAD_LEDGER_ROUTES_H

#include "common/app/config.h"
#include "common/base/err.h"

struct sql_param {
	const struct sql_part *part; /* the name, or the ${VAR} */
	unsigned declared, type;     /* OIDs; declared: 0 where PostgreSQL infers */
	unsigned elem;               /* of an array type, else 0 */
	bool hex;                    /* its text form is 0x… and means bytes */
};
struct sql_column {
	const char *name; /* the alias as it stands, "!" too */
	unsigned type, elem;
	bool never_null; /* a plain column NOT NULL under inner and semi joins alone (GRAMMAR §10) */
};
struct sql_shape {
	const struct sqltext *sql; /* NULL: there is none */
	const char *text;          /* with $1, $2, … */
	const struct sql_param *params;
	size_t nparams;
	const struct sql_column *columns;
	size_t ncolumns;
	double cost; /* what PostgreSQL expects the generic plan to cost, in its own units; 0: not known */
};
struct step_shape {
	struct sql_shape sql, otherwise, lost;
};
struct route_shape {
	struct sql_shape one, all, otherwise;
	struct sql_shape *with; /* one a with of the route */
	struct step_shape *steps;
};
/* Array types that are not PostgreSQL's own. */
struct sql_types {
	struct sql_array {
		unsigned type, elem;
	} * list;
	size_t n;
};
/* One route_shape a route, in a. Blocking, on a connection of its own, inside a transaction that is rolled
 * back. false: *e says why (transient: later; rejected: a route does not prepare any more). */
bool routes_look(const struct config *c, const char *conninfo, struct arena *a, struct route_shape **out,
	struct sql_types *types, struct err *e);

#endif
