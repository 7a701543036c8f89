/* problem: what the engine answers when it can't answer: RFC 9457 documents, or the application's own
 * serve.errors. Pure. */
#ifndef FAIRLEAD_SERVE_PROBLEM_H
#define FAIRLEAD_SERVE_PROBLEM_H

#include "common/app/config.h"
#include "reconciler/serve/input.h"

struct trouble {
	int status;
	const char *title;                 /* NULL: the status' own words */
	const char *detail;                /* a sentence: thing, reason, cure; never a secret */
	const struct input_errors *fields; /* or NULL */
};
const char *status_words(int status); /* "Not Found" */
/* Appends the document; returns its content type. own: serve.errors, or NULL. request: its id. */
const char *problem_text(
	struct buf *out, const struct trouble *t, const struct json_decl *own, struct str request);
/* Fills the inserts of a json_decl. insert: appends the JSON value of {name} (whole: a string stands alone as
 * "{name}"), false: unknown. */
void json_fill(struct buf *out, const struct json_decl *j,
	bool (*insert)(void *arg, struct str name, struct buf *json), void *arg);
void time_text(char out[32], int64_t unix_ms); /* 2026-01-31T12:00:00.000Z */

#endif
