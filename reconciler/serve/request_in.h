/* request_in: what request.c, request_step.c and request_job.c share; nobody else includes it. */
#ifndef FAIRLEAD_SERVE_REQUEST_IN_H
#define FAIRLEAD_SERVE_REQUEST_IN_H

#include "common/base/backoff.h"
#include "common/evm/key.h"
#include "common/ledger/requests.h"
#include "reconciler/serve/request.h"

struct write_lane { /* one connection, one transaction at a time */
	struct pg *pg;
	struct run *of; /* who has it; NULL: free */
	bool up;
	struct requests *q;
};
struct requests {
	struct member *m;
	const struct plan_set *plans;
	struct call_desk *calls;
	struct write_lane lanes[REQUEST_CONNECTIONS];
	struct run *first, *last; /* wait for a lane */
	size_t waiting, running;
	uint8_t (*digests)[32]; /* of the steps, one a route */
	struct timer *job_timer;
	struct backoff job_backoff;
	bool job_out, job_again; /* a job is asked for, or runs · another one may be there */
	void (*drained)(void *arg);
	void *drained_arg;
	bool closing;
	bool away; /* PostgreSQL: no lane is up, and one was tried */
};
struct run { /* one request, or one job */
	struct requests *q;
	struct visit *v; /* NULL: a job */
	const struct route_decl *route;
	const struct route_plan *plan;
	struct arena *a, own; /* own: of a job */
	struct serve_names names;
	size_t step;  /* the next one */
	size_t began; /* first step of this stretch, and how many names there were: to do it again */
	size_t began_names;
	int again; /* tries of this stretch */
	struct write_lane *lane;
	bool open;            /* a transaction is open on the lane */
	struct pg_unit *unit; /* statements that have not left; NULL: none */
	size_t *stmts;        /* of the unit: which step each belongs to */
	int nstmts, look;     /* look: statement to look at */
	struct run *next;
	/* once */
	bool prelude; /* under way: what comes before the first step of a stretch */
	bool has_once, once_taken;
	struct once_key once;
	/* a job, or what becomes one */
	bool needs_id, has_id; /* job.id */
	struct request_job job;
	/* the answer */
	const struct plan_sql *ending; /* else: or lost: whose row is the answer */
	int status;
	struct buf body;
	bool replied;
	bool published; /* in the stretch that is open: the bell is due behind its commit */
	struct log_line {
		struct str text;
		struct log_line *next;
	} * lines, **last_line; /* written behind the commit */
};

/* request.c */
void run_nothing(void *arg, const struct pg_reply *p); /* whatever came of it */
void run_go(struct run *r);                            /* from r->step on */
struct pg_unit *run_unit(struct run *r,
	size_t step); /* for one more statement of that step, or NULL: it waits for a lane and comes back */
void run_flush(struct run *r, int look); /* what has gathered leaves; then run_looked */
/* The end, with a row of this SQL (else: …) or, NULL, the engine's words. Rolls back what is open. */
void run_else(struct run *r, const struct plan_sql *otherwise, int status, const char *detail);
void run_fail(struct run *r, int status, const char *sqlstate, const char *detail, const struct err *inner);
void run_refuse(struct run *r); /* ends with r->status and r->body; nothing is committed */
struct str run_names_json(struct run *r);
bool run_names_from(struct run *r, struct str json);

/* request_step.c: does r->step. true: go on with the next one; false: something is under way, or it ended. */
bool step_do(struct run *r);
/* The statement that was looked at has come back. true: go on. */
bool step_looked(struct run *r, const struct request_step *s, const struct pg_reply *q, int stmt);

/* request_job.c */
void job_ended(struct run *r, bool done, bool poison, const char *sqlstate, const char *why);

#endif
