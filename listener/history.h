/* history: the past of what the file asks for later than its chain was begun to be read (CHAIN R4).
 *
 * What differs from what the chain's lane asked for so far is told by store_load, in one unit with all that
 * the reader loads, so the lane reads with the new file from its cursor on and the past is a history
 * (sql/013). Histories are read here, one at a time and in order, by fill.h on a connection of their own, up
 * to the floor; the reader goes on beside it. A history ends where the lane's reading with the new file
 * began, or where a reorg has set the lane back to. It gives way while the lane itself is far behind. */
#ifndef FAIRLEAD_LISTENER_HISTORY_H
#define FAIRLEAD_LISTENER_HISTORY_H

#include "common/base/backoff.h"
#include "common/io/metrics.h"
#include "common/ledger/history.h"
#include "listener/fill.h"

struct reader;

struct history_source { /* one history that is open */
	struct history_row row;
	const struct event_decl **events;
	size_t n;
};
struct history {
	struct history_source *list; /* in order; */
	size_t n;
	struct arena mem, unit; /* of the list; of the commit under way */
	/* of list[running]: */
	struct fill *fill;
	size_t running;
	struct filter filter;
	struct encoder *encoders;
	bool staged;
	char name[LANE_NAME]; /* for logs */
	struct pg_copy *copy;
	bool doubt; /* where it stands is to be loaded again before it goes on */
	struct timer *timer;
	struct backoff backoff;
	char why[300];
	struct metric *m_left;
};

void history_open(struct reader *r);
void history_close(struct reader *r); /* after history_stop */

/* Adds what store_load asks: two statements. */
void history_ask_for(struct reader *r, struct pg_unit *u);
/* Their answer: stmt is the first of the two. */
void history_loaded(struct reader *r, const struct pg_reply *q, int stmt);
/* Begins or goes on reading, if something can be read now. Whenever the floor has moved, or the lane's own
 * history was read. */
void history_drive(struct reader *r);
/* Nothing more is read. A COMMIT that is out is answered to nobody. */
void history_stop(struct reader *r);
bool history_commit_is_out(const struct reader *r);
/* A reorg has set the lane back to that block. true: the reader has to load again, since a history has ended
 * so that had found children which the lane does not ask for yet. */
bool history_cut(struct reader *r, int64_t ancestor);
/* Up to this block the lane may not have asked for all that is declared: what is missing there is not missed,
 * it comes. -1: it has. */
int64_t history_owes(const struct reader *r);
int64_t history_left(const struct reader *r);                 /* blocks */
void history_status(const struct reader *r, struct buf *out); /* an array */

#endif
