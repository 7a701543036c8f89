/* etag: an answer that the peer may have already: the same bytes are not sent again (RFC 9110 section 13). */
#ifndef FAIRLEAD_SERVE_ETAG_H
#define FAIRLEAD_SERVE_ETAG_H

#include "reconciler/serve/visit.h"

enum { ETAG_TEXT = 40 };
void etag_of(char out[ETAG_TEXT], struct str body); /* W/"…": weak, the answer may be sent compressed */
bool etag_matches(struct str if_none_match, const char *etag);
/* 200 with the body, or 304; asked again each time (Cache-Control: no-cache). */
void etag_answer(struct visit *v, const char *type, struct str body);

#endif
