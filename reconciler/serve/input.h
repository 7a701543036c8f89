/* input: what a request brings, checked against its declared fields (GRAMMAR §10), as names in their text
 * form. Pure.
 *
 * Text (path, query, header) and JSON (body) go through the same checks. Numbers are never rounded: they stay
 * characters. Everything that is wrong is told, at most INPUT_ERRORS of them. */
#ifndef FAIRLEAD_SERVE_INPUT_H
#define FAIRLEAD_SERVE_INPUT_H

#include "common/app/config.h"
#include "reconciler/serve/names.h"

enum { INPUT_ERRORS = 16, INPUT_DEPTH = 64 };

struct input_error {
	const char *name;
	char text[240]; /* "lockId is a whole number below 2^256, not \"abc\"" */
};
struct input_errors {
	struct input_error list[INPUT_ERRORS];
	size_t n;
};
struct input; /* a list of fields, made ready: expressions compiled, bounds read */
/* false: *e names what in the declaration can't be used (an expression, a bound); at says where. */
struct input *input_new(const struct field_decl *fields, size_t n, struct err *e, struct pos *at);
void input_free(struct input *in);

/* One field after another: path values in order, then the query "a=1&b=2", then headers by asking. Names of
 * the query that no field declares are ignored. Doubled ones are an error, but of an array: it gathers them.
 */
struct input_text {
	const struct str *path;
	size_t npath;
	struct str query;
	struct str (*header)(void *arg, const char *name); /* p == NULL: not there */
	void *arg;
};
bool input_params(
	const struct input *in, const struct input_text *from, struct serve_names *out, struct input_errors *e);
/* The body: one JSON object. Members that no field declares are an error that names the nearest word. */
bool input_body(const struct input *in, struct str body, struct serve_names *out, struct input_errors *e);

#endif
