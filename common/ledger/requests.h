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

void request_wish_look(struct pg_unit *u, int64_t id); /* one row while it stands */

/* What became of the item of a request's send: (its key is the number of its job). */
struct request_sent {
	struct str state, reason; /* of the item; borrowed for the callback */
	bool mined, ok;           /* a receipt was read that was not taken back: the best of all attempts */
	const char *hash, *from;  /* when mined; borrowed too */
	int64_t block;
};
void request_sent_look(struct pg_unit *u, const char *batch, int64_t job);
bool request_sent_read(
	const struct pg_reply *r, int stmt, struct request_sent *out); /* false: no such item */

void request_job_id(struct pg_unit *u); /* one row: job.id */

struct request_job {
	int64_t id;
	struct str route, names, request, trace; /* borrowed for the callback */
	uint8_t digest[32];                      /* of the route and its steps */
	int step, tries;
};
/* The digests of the routes that this process knows. */
struct known_steps {
	const uint8_t (*digests)[32];
	size_t n;
};
void request_job_add(struct pg_unit *u, const struct request_job *j);
/* Only of known steps: another replica may have another file. */
void request_job_take(
	struct pg_unit *u, const char *holder, uint64_t for_ms, const struct known_steps *known);
bool request_job_taken(const struct pg_reply *r, int stmt, struct request_job *out); /* false: none waits */
void request_job_hold(struct pg_unit *u, int64_t id, const char *holder, uint64_t for_ms); /* it runs still */
/* step -1: it is done. Raises FL001 where another holds it. */
void request_job_step(
	struct pg_unit *u, int64_t id, const char *holder, int step, struct str names, uint64_t for_ms);
/* One row: is it dead? Where dead says so it is; else by what the sqlstate means (A8) and how often. */
void request_job_fail(
	struct pg_unit *u, int64_t id, const char *holder, bool dead, const char *sqlstate, const char *reason);
/* Buries those that nobody has known for so long. Rows as of request_job_taken. */
void request_job_strangers(struct pg_unit *u, uint64_t for_ms, const struct known_steps *known);

struct once_key {
	const char *route;
	struct str who, key;
	uint8_t digest[32];   /* of what is asked */
	const uint8_t *steps; /* 32 bytes: of the route's steps */
	int turn;             /* as once_found gave it */
};
enum once_state { ONCE_MINE, ONCE_STORED, ONCE_RUNNING, ONCE_OTHER, ONCE_CHANGED };
struct once_found {
	enum once_state state;
	int status; /* STORED */
	const char *type;
	int step, turn;   /* MINE: the first that is not done yet */
	struct str names; /* p == NULL: none */
	int stmt;         /* of the body, for pg_get_blob (column 3) */
};
void request_once_take(struct pg_unit *u, const struct once_key *k, uint64_t for_ms);
void request_once_found(const struct pg_reply *r, int stmt, struct once_found *out);
/* status 0: not answered yet. Raises FL001 where another goes on with the key. */
void request_once_keep(struct pg_unit *u, const struct once_key *k, int step, struct str names,
	uint64_t for_ms, int status, const char *type, struct str body);
void request_once_free(struct pg_unit *u, const struct once_key *k); /* it ended, and nothing is kept */
void request_prune(struct pg_unit *u, int64_t clock_epoch, uint64_t answers_ms, uint64_t dead_ms);

#endif
