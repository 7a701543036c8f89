/* value: one value against one declared field: is it what the field says, and which is its text form
 * (GRAMMAR §10)? Pure. Numbers are compared as decimals, never as floating point (INV-12). */
#ifndef FAIRLEAD_SERVE_VALUE_H
#define FAIRLEAD_SERVE_VALUE_H

#include "common/app/config.h"
#include "reconciler/serve/json.h"
#include "reconciler/serve/names.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

struct ready_field {
	const struct field_decl *decl;
	pcre2_code *match;         /* or NULL */
	struct ready_field *items; /* or NULL */
};
/* false: *e says what in the declaration can't be used. */
bool field_ready(struct ready_field *f, const struct field_decl *decl, struct err *e);
void field_fini(struct ready_field *f);

struct given { /* text of a path, a query or a header; or a JSON value */
	bool is_json;
	struct json json; /* a string: as it stands, quotes and all */
	struct str text;  /* not is_json */
};
/* false: why says what the value is instead, "is a whole number, not \"abc\"". Not for JSON null. */
bool field_value(
	const struct ready_field *f, struct given v, struct arena *a, struct serve_name *out, char why[200]);

#endif
