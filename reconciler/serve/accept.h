/* accept: what a peer says it takes and where it comes from: Accept (RFC 9110 section 12.5.1), Origin (the
 * Fetch standard's CORS protocol). Pure. */
#ifndef FAIRLEAD_SERVE_ACCEPT_H
#define FAIRLEAD_SERVE_ACCEPT_H

#include "common/app/config.h"
#include "common/base/str.h"

/* How much this Accept header wants a type, "application/json": 0 to 1000; 0: not at all. No header: 1000. */
int accept_weight(struct str accept, const char *type);
/* Whether a Content-Type says JSON: application/json, or +json; its parameters don't matter. */
bool is_json_type(struct str content_type);
/* Whether origin is among those allowed; "*" is any. */
bool origin_allowed(struct str origin, const char *const *allowed, size_t n);
/* Whether a browser's page of another origin asks: by Sec-Fetch-Site and -Mode (no page can set them) where
 * they are given, else by its Origin beside the Host it asked. A link that is followed (a navigation without
 * an Origin) is nobody's page. No header at all: no browser. p == NULL: not there. */
bool is_foreign(struct str origin, struct str site, struct str mode, struct str host);
/* Whether Host can be this server's name: an IP literal, a name without a dot, one below localhost, one that
 * serve.listen or an origin of serve.cors says; or none at all: no browser. Any other may be the name of
 * somebody's page, turned to this machine's address (DNS rebinding): that page and we are one origin then. */
bool is_own_host(struct str host, const struct serve_decl *s);
/* A header list of a preflight that can be repeated: tokens and commas alone. */
bool is_token_list(struct str s);

#endif
