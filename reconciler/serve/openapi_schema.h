/* openapi_schema: JSON Schema of fields, of rows, of texts with inserts: what openapi.c writes into its
 * operations. 3.0 says nullable, 3.1 the type "null". */
#ifndef FAIRLEAD_SERVE_OPENAPI_SCHEMA_H
#define FAIRLEAD_SERVE_OPENAPI_SCHEMA_H

#include "reconciler/serve/openapi.h"

struct schema {
	struct buf *out;
	struct arena *a;
	enum openapi_version version;
};
void schema_field(const struct schema *s, const struct field_decl *f, bool in_body);
void schema_body(const struct schema *s, const struct field_decl *fields, size_t n);
/* with: NULL, or those of a `one`. */
void schema_row(
	const struct schema *s, const struct plan_sql *row, const struct plan_sql *with, size_t nwith);
/* The shape of a json_decl; insert writes the schema of one {name}. */
void schema_json(const struct schema *s, const struct json_decl *j,
	void (*insert)(void *arg, const struct schema *s, struct str name), void *arg);

#endif
