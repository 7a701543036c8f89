/* openapi_in: what the parts of the document's writer share: openapi.c (paths, parameters, components),
 * openapi_answer.c (what a route may answer). */
#ifndef FAIRLEAD_SERVE_OPENAPI_IN_H
#define FAIRLEAD_SERVE_OPENAPI_IN_H

#include "reconciler/serve/openapi_schema.h"

struct writing {
	const struct openapi_source *src;
	struct schema s;
	struct buf *out;
};
/* A good answer, `wrap` around it. */
void openapi_answer(struct writing *w, const struct route_decl *r);
/* The members of "responses". */
void openapi_answers(struct writing *w, const struct route_decl *r);
/* The schema Trouble: what the engine answers when it can't answer. */
void openapi_trouble(struct writing *w);
const char *openapi_trouble_type(const struct writing *w);

#endif
