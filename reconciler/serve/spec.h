/* spec: what the routes are, for people and generators: /openapi.json (?version=3.0), /docs and their extra
 * names serve.spec, serve.docs.
 *
 * The document follows the plans: it is made when it is asked for and has changed. Its examples are answers
 * that passed here: small good ones of routes that read, ask for no token, take nothing from a header and do
 * not use who asks, so that nobody's own data is shown to others; routes without parameters are asked once,
 * when the document is first asked for. */
#ifndef FAIRLEAD_SERVE_SPEC_H
#define FAIRLEAD_SERVE_SPEC_H

#include "reconciler/serve/door.h"
#include "reconciler/serve/read.h"

enum { SPEC_EXAMPLE = 4096 }; /* bytes of the longest example */

struct spec;
struct spec *spec_open(struct member *m, struct door *d);
void spec_start(struct spec *s, struct read_door *reads); /* the plans are there */
/* A route is about to answer so. */
void spec_heard(struct spec *s, const struct visit *v, const struct read_answer *a);
void spec_close(struct spec *s);

#endif
