/* look: what page and --top see: figures from PostgreSQL, beats and base fees from Redis, how long each
 * server takes to answer and since when it does not. Asks only while somebody looks (look_start … look_stop).
 * The last figures stay when PostgreSQL is away. */
#ifndef FAIRLEAD_RECONCILER_PAGE_LOOK_H
#define FAIRLEAD_RECONCILER_PAGE_LOOK_H

#include "common/app/config.h"
#include "common/io/loop.h"
#include "common/io/pg.h"
#include "common/ledger/figures.h"

enum {
	LOOK_MS = 1000,
	LOOK_PROBE_MS = 250,
	LOOK_SLOW_MS = 10000,
	LOOK_SILENT_MS = 2000,
	SEEN_BEATS = 48,
	SEEN_DOING = 8,
	SEEN_FEES = 400,
	SEEN_RATES = 61
};

struct seen_signer {
	const char *name, *address, *chain, *balance;
	int64_t unmined;
};
struct seen_beat {
	const char *program, *holder, *phase, *pg_error, *pg_server;
	int64_t since, at, pg_since, pg_tries, holds;
	bool pg, fresh;                /* fresh: young enough to be believed */
	const char *doing[SEEN_DOING]; /* reasons */
	size_t ndoing;
	struct seen_signer signers[FIGURES_SIGNERS];
	size_t nsigners;
	int64_t head, done; /* of its first chain; -1 */
};
struct seen_fee {
	int64_t at;
	char gwei[24];
};
struct seen { /* a whole look: what tell.c makes words of. Pure data */
	const struct config *config;
	int64_t now; /* Unix ms */
	struct figures figures;
	bool pg_known, redis_known;
	int64_t pg_away, redis_away; /* since, Unix ms; 0: answers */
	double pg_ms, redis_ms;
	char pg_error[200], pg_server[200];
	struct seen_beat beats[SEEN_BEATS];
	size_t nbeats;
	struct seen_fee fees[SEEN_FEES]; /* of the first chain that has some, oldest first */
	size_t nfees;
	struct { /* one a second, newest last */
		int64_t at, events, batches, done;
	} rates[SEEN_RATES];
	size_t nrates;
	struct arena beat_mem;
};

struct look;
struct look_options {
	struct loop *loop;
	const struct config *config;
	const char *conninfo, *redis_url;
	/* Something new is known, or a second has passed. */
	void (*on_look)(void *arg);
	void *arg;
};
struct look *look_open(const struct look_options *o); /* nothing is connected yet */
void look_start(struct look *l);
void look_stop(struct look *l); /* connections end a while later */
void look_now(struct look *l);  /* something was changed by hand */
void look_close(struct look *l);
struct seen *look_seen(struct look *l);
/* For further reading and acts while somebody looks; NULL: PostgreSQL is not there. */
struct pg *look_pg(struct look *l);

#endif
