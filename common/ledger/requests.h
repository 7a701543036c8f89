/* requests: what a route's do: leaves in PostgreSQL (sql/018): posts, wishes, jobs, stored answers. Each call
 * is one statement of the caller's unit, so it stands or falls with the caller's transaction. */
#ifndef FAIRLEAD_LEDGER_REQUESTS_H
#define FAIRLEAD_LEDGER_REQUESTS_H

#include "common/io/pg.h"

/* batch: an item; args: a JSON object. One row: is it new? */
void request_post_item(
	struct pg_unit *u, const char *batch, struct str key, struct str args, struct str trace);
void request_post_message(struct pg_unit *u, const char *topic, const char *type, struct str data);

enum wish { WISH_CATCHUP, WISH_FLUSH, WISH_RUN, WISH_REPLAY };
extern const char *const wish_words[]; /* "catchup", … */
/* from: a block; -1: from the start; INT64_MIN: where it is read anyway. One row: its id. */
void request_wish(struct pg_unit *u, enum wish w, const char *subject, int64_t from);

void request_job_id(struct pg_unit *u); /* one row: job.id */

struct request_job {
	int64_t id;
	struct str route, names, request, trace; /* borrowed for the callback */
	uint8_t digest[32];
	int step, tries;
};
void request_job_add(struct pg_unit *u, const struct request_job *j);
void request_job_take(struct pg_unit *u, const char *holder, uint64_t for_ms);
bool request_job_taken(const struct pg_reply *r, int stmt, struct request_job *out); /* false: none waits */
/* step -1: it is done. Raises FL001 where another holds it. */
void request_job_step(
	struct pg_unit *u, int64_t id, const char *holder, int step, struct str names, uint64_t for_ms);
void request_job_fail(struct pg_unit *u, int64_t id, const char *holder, uint64_t after_ms, bool dead,
	const char *sqlstate, const char *reason);

struct once_key {
	const char *route;
	struct str who, key;
	uint8_t digest[32];
};
enum once_state { ONCE_MINE, ONCE_STORED, ONCE_RUNNING, ONCE_OTHER };
struct once_found {
	enum once_state state;
	int status; /* STORED */
	const char *type;
	int step;         /* MINE: the first that is not done yet */
	struct str names; /* p == NULL: none */
	int stmt;         /* of the body, for pg_get_blob (column 3) */
};
void request_once_take(struct pg_unit *u, const struct once_key *k, uint64_t for_ms);
void request_once_found(const struct pg_reply *r, int stmt, struct once_found *out);
/* status 0: not answered yet. */
void request_once_keep(struct pg_unit *u, const struct once_key *k, int step, struct str names, int status,
	const char *type, struct str body);
void request_prune(struct pg_unit *u, int64_t clock_epoch, uint64_t answers_ms, uint64_t dead_ms);

#endif
