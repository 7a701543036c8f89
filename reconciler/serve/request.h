/* request: routes of steps (`do:`): what is asked of PostgreSQL, chains and signatures in their order, and
 * the durable jobs that follow a `reply`.
 *
 * A stretch of data steps is one transaction; a step that asks the world ends it. What is answered is
 * committed: the last stretch commits with the job and the stored answer, then the answer leaves. A job's
 * stretch commits with its progress, so a kill anywhere goes on behind the last one that is committed.
 * Statements that no later step has to look at leave together. */
#ifndef FAIRLEAD_SERVE_REQUEST_H
#define FAIRLEAD_SERVE_REQUEST_H

#include "common/fleet/member.h"
#include "reconciler/serve/call.h"
#include "reconciler/serve/plan.h"
#include "reconciler/serve/visit.h"

enum {
	REQUEST_CONNECTIONS = 4, /* transactions at once; more wait */
	REQUEST_WAITING = 1000,  /* more than this are told 503 */
	REQUEST_MS = 30000,      /* a whole request; its transactions are cut off then */
};

struct requests;
struct read_door;
struct requests *requests_open(struct member *m, struct read_door *reads, struct call_desk *calls);
/* What runs is finished, no job is begun any more; then done. */
void requests_drain(struct requests *q, void (*done)(void *arg), void *arg);
void requests_close(struct requests *q);                /* behind the door */
void requests_run(struct requests *q, struct visit *v); /* its route has steps */
void requests_jobs(struct requests *q);                 /* there may be a job: look */

#endif
