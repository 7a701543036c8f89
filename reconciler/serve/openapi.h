/* openapi: the routes as an OpenAPI document, 3.1 or 3.0, from what the file declares and what PostgreSQL
 * says about the SQL. Nothing of it is annotated by hand. Pure. */
#ifndef FAIRLEAD_SERVE_OPENAPI_H
#define FAIRLEAD_SERVE_OPENAPI_H

#include "common/app/config.h"
#include "reconciler/serve/plan.h"

enum openapi_version { OPENAPI_3_1, OPENAPI_3_0 };
struct openapi_source {
	const struct config *config;
	const struct plan_set *plans; /* NULL: PostgreSQL has not been asked yet; answers are objects then */
	/* A good answer of that route, compact JSON, and the value of one of its parameters; p == NULL: none. May
	 * be NULL. */
	struct str (*example)(void *arg, const struct route_decl *r);
	struct str (*value)(void *arg, const struct route_decl *r, const char *param);
	void *arg;
};
void openapi_write(struct buf *out, const struct openapi_source *s, enum openapi_version v);

#endif
