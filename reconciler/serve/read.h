/* read: routes that only read: `one`, `all`, with their `with`, `else`, `lost`, `call` and `wrap`.
 *
 * A route of one statement runs on the lane of single rows (two connections, one Sync a turn of the loop) or,
 * when it is `all`, on the other lane; one of several statements is one transaction there (REPEATABLE READ,
 * READ ONLY): a route's SQL sees one snapshot. Calls of chains come first, at the same time where they do not
 * need each other.
 *
 * INV-10: an answer has a bound (a million rows, 64 MiB): above it 500, and the log says where a LIMIT is
 * missing. A single row that takes longer than a quarter of a second is asked again on the other lane, and
 * its route stays there for a while.
 *
 * Not here: who may, limits, caches, the shape of an error (door, problem): what fails is told by status and
 * detail. */
#ifndef FAIRLEAD_SERVE_READ_H
#define FAIRLEAD_SERVE_READ_H

#include "reconciler/serve/call.h"
#include "reconciler/serve/plan.h"

struct read_door;
struct read_options {
	struct loop *loop;
	const struct config *config;
	struct call_desk *calls; /* outlives it */
	const char *conninfo;    /* of the application's database; serve.read_url is used where it is set */
	uint64_t statement_ms;   /* 0: 10 s */
	unsigned connections[2]; /* single rows, groups; 0: 2 and 1 */
	size_t answer_rows, answer_bytes; /* the most of one answer; 0: a million, 64 MiB (INV-10) */
	/* {up.NAME} of lost: is that part up? NULL: what read itself knows (postgresql); others are false */
	bool (*up)(void *arg, struct str name);
	void *arg;
};
/* Looks at all routes (plan_open). NULL: *e says why; transient: try again later. */
struct read_door *read_open(const struct read_options *o, struct err *e);
void read_close(struct read_door *d); /* what runs is answered 503 in a later turn */
const struct plan_set *read_plans(const struct read_door *d);
bool read_is_up(const struct read_door *d); /* a connection stands */

struct read_answer {
	int status;
	const char *type; /* "application/json; charset=utf-8" …; NULL: an error without a body */
	struct str body;  /* during the callback only */
	/* type NULL: what is wrong, for the peer (400: which value; 404; 500: no inner detail; 503) and for the
	 * log */
	const char *detail;
	const struct err *inner; /* or NULL: what PostgreSQL or the chain said; log it, do not send it */
	char sqlstate[6];
	bool lost; /* it is the route's lost: */
};
typedef void (*read_done_fn)(void *arg, const struct read_answer *a);
/* names: fields, request.id, auth.*; what calls make is added. They and their arena live until fn, which runs
 * exactly once, in a later turn. plain: asked for text/plain: an object becomes Prometheus gauges (V-39). */
void read_run(struct read_door *d, const struct route_plan *p, struct serve_names *names, bool plain,
	read_done_fn fn, void *arg);
/* {now} {uptime} {version} {up.NAME} {body} of a json_decl; body: JSON, or empty. */
void read_filled(struct buf *out, const struct read_door *d, const struct json_decl *j, struct str body);

#endif
