/* queue: what the batcher asks and writes beside the compiled rules (rules.h): looks, timers, parked items,
 * files. */
#ifndef FAIRLEAD_LEDGER_QUEUE_H
#define FAIRLEAD_LEDGER_QUEUE_H

#include "common/io/pg.h"
#include "common/ledger/lane.h"

/* How far the log, the lane and the chain are. One row, read only. */
struct queue_look {
	int64_t head, at;    /* last number of the log; last number applied */
	int64_t done, final; /* blocks */
	int64_t rule_parked; /* events that wait in a rule, counted up to 1 */
	int64_t orphaned;    /* items of unbound batches whose event was taken back, and mined ones that are not
						  * listed yet,    counted up to 1 each */
	bool happened;       /* something waits for its rules (happen.h) */
};
void queue_look(struct pg_unit *u, const char *chain);
bool queue_look_read(const struct pg_reply *r, int stmt, struct queue_look *out);

/* batches.due: when the timer of a batch will cut it; in_ms < 0: no timer runs. */
void queue_due(struct pg_unit *u, const char *batch, int64_t in_ms);
/* The newest parked items of a batch with their reason and the event behind them: key, reason, event, tx. */
void queue_parked(struct pg_unit *u, const char *batch, int64_t newest);
/* Title, transaction and block of the event with this number. */
void queue_event(struct pg_unit *u, const char *chain, int64_t seq);
/* S3, after the grace: items without a cause leave batches that no slot is bound to; mined ones are listed.
 */
void queue_unbatch(struct pg_unit *u, const struct lane *l);

/* A look-up file's table becomes exactly these entries (key, value); behind lane_fence. The statement's text
 * lives in a. */
struct arena;
struct queue_file {
	const struct str *keys, *values;
	size_t n;
	uint8_t digest[32];
};
void queue_file_digest(struct pg_unit *u, const char *name); /* → digest or null */
void queue_file_load(struct pg_unit *u, struct arena *a, const char *name, const struct queue_file *f);
void queue_file_broken(struct pg_unit *u, const char *name, const char *why);

#endif
