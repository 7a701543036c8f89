/* request_in: what request.c, request_step.c and request_job.c share; nobody else includes it. */
#ifndef FAIRLEAD_SERVE_REQUEST_IN_H
#define FAIRLEAD_SERVE_REQUEST_IN_H

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
	struct read_door *reads;
	const struct plan_set *plans;
	struct call_desk *calls;
	struct write_lane lanes[REQUEST_CONNECTIONS];
	struct run *first, *last; /* wait for a lane */
	size_t waiting, running;
	bool giving; /* lanes are being given out */
	struct timer *wait_timer;
	uint8_t (*digests)[32]; /* of its steps, one a route */
	struct timer *job_timer, *hold_timer;
	struct run *job;         /* the one that runs */
	bool job_out, job_again; /* a job is asked for, or runs · another one may be there */
	bool job_none;           /* the last look found none */
	void (*drained)(void *arg);
	void *drained_arg;
	bool closing;
	bool away; /* PostgreSQL: no lane is up, and one was tried */
};
enum { JOB_FOR_MS = 15000, ONCE_MS = 15000 /* held so long; renewed while it runs */ };
#define NO_STEP SIZE_MAX /* of a statement: the engine's own */
struct run {             /* one request, or one job */
	struct requests *q;
	struct visit *v; /* NULL: a job */
	const struct route_decl *route;
	const struct route_plan *plan;
	struct arena *a; /* of the visit, or the job's own, which stands in itself */
	struct serve_names names;
	size_t step; /* the next one */
	/* this stretch's first step, and how many names and lines there were: to do it again */
	size_t began, began_names;
	struct log_line **began_line;
	int again;      /* tries of this stretch */
	bool committed; /* a stretch is done */
	bool unknown;   /* whether its COMMIT was */
	struct write_lane *lane;
	uint64_t waits_since; /* for a lane */
	bool open;            /* a transaction is open on the lane */
	struct pg_unit *unit; /* statements that have not left; NULL: none */
	size_t *stmts;        /* of the unit that is gathered, or under way: which step each belongs to */
	size_t stmts_cap;
	int nstmts, look; /* look: statement to look at */
	struct run *next;
	/* wait: */
	size_t posted; /* step + 1 of what is committed and waited for; 0: none */
	int posted_stmt;
	int64_t wish; /* id */
	struct timer *wait_timer;
	uint64_t wait_until_ms, held_ms;
	/* once */
	bool prelude;              /* under way: what comes before the first step of a stretch */
	bool has_once, once_taken; /* taken: in this transaction, or kept */
	bool once_kept;            /* its row is committed */
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
void run_go(struct run *r); /* from r->step on */
/* For one more statement of that step; NULL: it waits for a lane and comes back, or it ended. */
struct pg_unit *run_unit(struct run *r, size_t step);
void run_flush(struct run *r, int look); /* what has gathered leaves; then step_looked at that statement */

void run_keep_once(
	struct run *r, struct pg_unit *u); /* how far it is; r->status and r->body when it is done */

/* request_lane.c */
enum run_lane_got { RUN_LANE_TAKEN, RUN_LANE_LATER /* run_go comes */, RUN_LANE_AWAY };
enum run_lane_got run_lane_take(struct run *r);
void run_lane_leave(struct run *r); /* nothing is open on it */
void run_undo(struct run *r);       /* what is open is rolled back, the lane stays r's */
void run_undo_leave(struct run *r); /* and is given on behind that */
void run_lanes_close(struct requests *q);
void run_nothing(void *arg, const struct pg_reply *p); /* whatever came of it */

/* request_end.c: r is gone behind each of these (but not behind run_else, which may ask first). */
void run_done(struct run *r);                                /* committed: the reply, or 204 */
void run_answer(struct run *r);                              /* r->status, r->body */
void run_again(struct run *r, int status, const char *type); /* r->body, as it was answered before */
void run_job_done(struct run *r);
void run_fail(struct run *r, int status, const char *sqlstate, const char *detail, const struct err *inner);
/* PostgreSQL can't be asked: lost: of the route, or a problem. detail NULL: the usual words. */
void run_lost(struct run *r, const char *detail, const struct err *inner);
void run_refused(struct run *r, const struct pg_reply *p); /* by what PostgreSQL says */
void run_refuse(struct run *r); /* with r->status and r->body; nothing of the stretch is committed */
/* The end, with a row of this SQL (else: …) or, NULL, the engine's words. */
void run_else(struct run *r, const struct plan_sql *otherwise, int status, const char *detail);
void run_ending(struct run *r); /* it has a lane: asks r->ending */
void run_over(struct requests *q);

/* request_names.c: the names as they are stored: [[name, is JSON, text or null], …] */
struct str run_names_json(struct run *r);
bool run_names_from(struct run *r, struct str json);

/* request_step.c: does r->step. true: go on with the next one; false: something is under way, or it ended. */
bool step_do(struct run *r);
/* The statement that was looked at has come back. true: go on. */
bool step_looked(struct run *r, const struct request_step *s, const struct pg_reply *q, int stmt);

/* request_wait.c: what r->step asked for is committed; goes on when it came. */
void run_wait(struct run *r);

/* request_job.c: sqlstate NULL: it is done. */
void job_ended(struct run *r, const char *sqlstate, const char *why);

#endif
