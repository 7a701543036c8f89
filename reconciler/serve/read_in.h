/* read_in: what read.c and read_call.c share; nobody else includes it. */
#ifndef FAIRLEAD_SERVE_READ_IN_H
#define FAIRLEAD_SERVE_READ_IN_H

#include "common/io/rpc.h"
#include "reconciler/serve/read.h"

struct read_door {
	struct read_options o;
	struct many *one, *groups;
	struct plan_set plans;
	struct rpc **rpcs; /* one a chain, made when it is asked */
	uint64_t began_ms;
	struct buf out; /* of the answer that is being written: one at a time */
};
struct reading_call { /* one call of the route */
	struct read_run *of;
	const struct call_decl *decl;
	bool asked, done;
};
/* One read of a route, in the arena of its names. */
struct read_run {
	struct read_door *d;
	const struct route_plan *p;
	struct serve_names *names;
	bool plain;
	read_done_fn fn;
	void *arg;
	struct reading_call *calls;
	size_t under_way; /* calls that were asked and have not been answered */
	struct read_answer bad;
	struct err bad_err;
	bool failed; /* a call failed: bad says how */
};
/* All calls of the route, then read_sql; or read_fail. */
void read_calls(struct read_run *r);
void read_sql(struct read_run *r);
/* detail: for the peer. inner: or NULL. */
void read_fail(struct read_run *r, int status, const char *detail, const struct err *inner);

#endif
