/* front: the front door of one reconciler: opens it, joins door, reads, requests, topics, docs and page, and
 * ends them in order. */
#ifndef FAIRLEAD_SERVE_FRONT_H
#define FAIRLEAD_SERVE_FRONT_H

#include "common/app/problem.h"
#include "common/fleet/member.h"

struct front;
/* Listens at once: health answers, routes say what their `lost:` says until PostgreSQL is there. NULL:
 * problems were added, or *e says why. Nothing is opened where the file has no serve.listen (NULL, *e
 * untouched). */
struct front *front_open(struct member *m, struct problems *ps, struct err *e);
void front_start(struct front *f); /* PostgreSQL is there and installed */
void front_jobs(struct front *f);  /* a job may have been left */
void front_reasons(struct front *f, struct buf *out);
/* In-flight answers finish, then done; never inside this call. */
void front_drain(struct front *f, void (*done)(void *arg), void *arg);
void front_close(struct front *f);

#endif
