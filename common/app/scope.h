/* scope: the names that a piece of SQL, a call or a template may use (GRAMMAR §8). */
#ifndef FAIRLEAD_APP_SCOPE_H
#define FAIRLEAD_APP_SCOPE_H

#include "common/app/call.h"
#include "common/app/sqltext.h"
#include "common/app/template.h"

enum scope_kind {
	SCOPE_SHOWN,  /* offered to the reader of an error */
	SCOPE_HIDDEN, /* of every event: tx.hash, args.…, block.… */
	SCOPE_LATER,  /* of the grammar, not in this version */
};
struct scope {
	struct arena *a;
	const char *what; /* "TokenRevealed", "rules[2]" */
	bool fields;      /* what is an event: "has no field", else "has no name" */
	bool open; /* there are columns that only PostgreSQL knows: what is not found here may be one of them */
	struct scope_name {
		const char *name; /* "tokenId", "tx.hash"; "auth.*": any member */
		enum scope_kind kind;
	} * names;
	size_t n, cap;
};
void scope_add(struct scope *s, const char *name, enum scope_kind kind);
/* As scope_add SHOWN, but a name is made once. */
void scope_make(struct scope *s, const char *name, struct pos at, struct problems *ps);
bool scope_has(const struct scope *s, struct str name);
/* Reports name if s can't have it. prefix: ":" in SQL. */
void scope_check(
	const struct scope *s, struct str name, struct pos at, const char *prefix, struct problems *ps);
void scope_check_sql(const struct scope *s, const struct sqltext *sql, struct problems *ps);
void scope_check_template(const struct scope *s, const struct template *t, struct problems *ps);
/* The columns of sql become names; unknown ones open the scope. */
void scope_make_columns(struct scope *s, const struct sqltext *sql, struct problems *ps);

#endif
