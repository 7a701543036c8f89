/* field: what the names of a request are to SQL (GRAMMAR §8, §10), where PostgreSQL can't say it itself. */
#ifndef FAIRLEAD_APP_FIELD_H
#define FAIRLEAD_APP_FIELD_H

#include "common/app/config.h"

/* The type of PostgreSQL that a field's own value has: "numeric" of a uint256, "text" of an address,
 * "float8" of a number, "text[]" of an array of addresses, "jsonb" of an object and of an array whose items
 * are not declared. */
const char *field_sql_type(const struct field_decl *f);

/* What a request knows beside its fields and what its steps make. */
struct request_name {
	const char *name, *type;
};
extern const struct request_name request_names[]; /* request.id, request.ip, job.id; ends with NULL */
extern const struct request_name sent_members[];  /* of send … as: NAME; ends with NULL */

#endif
