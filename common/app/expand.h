/* expand: ${VAR} in values (GRAMMAR §3): looked up in the environment, then in the chosen profile; once,
 * after parsing.
 *
 * The text of a scalar is never changed: its variables become parts of it (scalar.h), so that SQL and calls
 * can bind them and a template can't be changed by one. Remembers who uses which variable: a secret stands
 * nowhere else. */
#ifndef FAIRLEAD_APP_EXPAND_H
#define FAIRLEAD_APP_EXPAND_H

#include "common/app/scalar.h"

enum var_use { USE_PLAIN, USE_OPEN, USE_SECRET }; /* OPEN: sql, text, call: it may be shown, stored, sent */
struct profile_var {
	const char *name;
	struct str value;
	bool set;
	const char *from; /* the only variable of its value, when the value is nothing else; else NULL */
	struct profile_var *next;
};
struct used_var {
	struct str name;
	enum var_use use;
	struct pos at;
	struct used_var *next;
};
struct vars {
	struct arena *a;
	struct problems *ps;
	void *arg;
	const char *(*env)(void *arg, const char *name);
	const char *profile; /* name of the chosen one, or NULL */
	struct profile_var *set;
	struct used_var *used;
	bool keyless;  /* this program signs nothing: keys may be absent from its environment */
	bool may_miss; /* of the scalar in work: unset is absent */
};
/* Fills s->vars. What is not set is reported and empty. */
void expand(struct vars *v, struct scalar *s, enum var_use use);
/* USE_SECRET, and s must be one ${VAR} and nothing else, without a default: anything else is reported and is
 * false. */
bool expand_secret(struct vars *v, struct scalar *s, bool may_miss);
/* After all values were expanded: variables that are secrets in one place and open in another. */
void expand_check_secrets(struct vars *v);

#endif
