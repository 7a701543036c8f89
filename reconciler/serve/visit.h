/* visit: one request of the front door, from the match of its path to its answer. Whoever is given one
 * answers it exactly once, now or later (its own deadlines see to "later"); it is gone behind the answer. */
#ifndef FAIRLEAD_SERVE_VISIT_H
#define FAIRLEAD_SERVE_VISIT_H

#include "common/io/http.h"
#include "reconciler/serve/problem.h"

struct door;
struct front;
struct way;
struct visit {
	struct door *door;
	struct front *front; /* of front.c */
	struct http_request *q;
	const struct way *way;          /* what its path stands for */
	const struct route_decl *route; /* or NULL: a path of the engine's own */
	struct arena *a;                /* lives as long as it does */
	struct serve_names names;       /* fields, request.id, request.ip, auth.… */
	struct str id;                  /* the request's id: the peer's own where it is a good one */
	struct str trace;               /* W3C traceparent that goes on from here: its trace, a span of ours */
	const char *who;                /* the auth name that let it in, or NULL */
	uint64_t began_us;              /* clock_mono_us */
	bool as_text;                   /* the peer wants text/plain */
	bool own;                       /* a path for our own pages alone: no CORS */
	bool unread;                    /* no request could be read: it has no method, path or headers */
};

/* type NULL: none. Sets what every answer has: its id, CORS, no sniffing; counts and logs it. */
void visit_answer(struct visit *v, int status, const char *type, struct str body);
void visit_trouble(struct visit *v, const struct trouble *t);
/* visit_trouble with a status and one sentence */
void visit_refuse(struct visit *v, int status, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* One more header, before the answer. */
void visit_header(struct visit *v, const char *name, const char *value);
/* The request's own, for an answer that stays open or leaves HTTP: what every answer has is set, it is
 * counted and logged, v is gone. */
struct http_request *visit_take(struct visit *v, int status);

#endif
