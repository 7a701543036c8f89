/* plan: what PostgreSQL says about the SQL of each route: the types of its parameters and columns, and the
 * form of its answer.
 *
 * Made when the front door starts (plan_open, one blocking look: statements are prepared and described in a
 * transaction that is rolled back), and again, without blocking, whenever a connection is new or PostgreSQL
 * says that a plan went stale: the result's own columns always decide what is written.
 *
 * OpenAPI is generated from these structs: params (type: what PostgreSQL inferred in that place) and columns
 * (name with its dots, kind, nullable). They are read-only for all but plan.c, and may be made again between
 * two turns of the loop: version then differs. */
#ifndef FAIRLEAD_SERVE_PLAN_H
#define FAIRLEAD_SERVE_PLAN_H

#include "common/app/config.h"
#include "common/io/pg.h"
#include "common/io/pg_many.h"
#include "common/ledger/routes.h"
#include "reconciler/serve/names.h"
#include "reconciler/serve/row.h"

struct plan_param {
	struct str name;  /* as SQL names it: "lockId", "auth.sub", "info.owner"; p == NULL: a ${VAR} */
	struct str value; /* of a ${VAR} */
	unsigned type;    /* OID that PostgreSQL inferred in this place, or that was declared there */
	unsigned elem;    /* OID of the items of an array type, else 0 */
	bool hex;         /* its text is 0x… and means bytes */
};
struct plan_column {
	const char *name; /* "blockchain.currentBlock": dots nest; without "!" */
	unsigned type, elem;
	enum row_kind kind;
	bool array;
	bool nullable; /* false: alias in "!", or proved from NOT NULL and the generic plan (GRAMMAR §10) */
};
struct plan_sql {
	const struct sqltext *sql; /* NULL: the route has none */
	const char *name;          /* of a with: its key in the answer */
	const struct plan_param *params;
	size_t nparams;
	const struct plan_column *columns; /* in the order of the SELECT, _status and _key left out */
	size_t ncolumns;
	bool has_status, has_key;
	struct row_plan row;
	/* Prepared in the lane of single rows, and in that of groups; or NULL. `one` stands in both, but what
	 * PostgreSQL expects to take long is in no lane of single rows. */
	struct many_sql *one, *many;
	struct pg_sql write; /* of a step: for a connection that writes (pg.h), and its types */
	const unsigned *write_types;
	unsigned version; /* grows when columns or params are made again */
	const char *why;  /* it does not prepare now: PostgreSQL's reason; NULL: ready */
	/* plan.c's own */
	struct plan_set *of;
	const struct sql_shape *shape; /* as PostgreSQL said at start */
	struct row_input *inputs;      /* every column, as it came */
	size_t ninputs;
	bool may_status, may_key;
	struct arena mem[2];
	char reason[512];
};
struct route_plan {
	const struct route_decl *route;
	struct plan_sql one, all, otherwise; /* of `one`, `all`, `else` */
	struct plan_sql *with;
	size_t nwith;
	/* Of do: one a step; .sql of LET SQL REFUSE REPLY PUBLISH, then its else and lost. They are described at
	 * start only; `write` is for who runs them. */
	struct plan_step {
		struct plan_sql sql, otherwise, lost;
	} * steps;
	size_t nsteps;
};
struct plan_set {
	struct route_plan *routes; /* one a route of the configuration, in its order */
	size_t n;
	struct arena mem;
	struct sql_types types;
};

/* Looks at every route of c. Blocking. false: PostgreSQL did not answer (*e transient), or a route does not
 * prepare (*e rejected: "GET /x: …"). */
bool plan_open(struct plan_set *s, const struct config *c, const char *conninfo, struct err *e);
/* Prepares the reads of all routes: `one` on the lane of single rows, the rest on that of groups. */
void plan_prepare(struct plan_set *s, struct many *one, struct many *groups);
void plan_close(struct plan_set *s); /* after both lanes */
/* The values of p's parameters, in order, NUL-terminated texts in a, or NULL: null. false: *e says which name
 * has a value that can't be one (class rejected: the peer's mistake). */
bool plan_bind(struct arena *a, const struct plan_sql *p, const struct serve_names *names,
	const char **values, struct err *e);

#endif
