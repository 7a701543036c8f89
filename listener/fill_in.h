/* fill_in: what fill.c (questions and answers), fill_write.c (the transaction) and fill_stats.c share. */
#ifndef FAIRLEAD_LISTENER_FILL_IN_H
#define FAIRLEAD_LISTENER_FILL_IN_H

#include "listener/density.h"
#include "listener/fill.h"
#include "listener/flow.h"

enum {
	HELD_MOST = 3 << 20,     /* bytes of rows that wait: beyond, only the first range is asked for */
	BEHIND_MOST = 1 << 20,   /* bytes that wait for PostgreSQL alone: so much that it never waits for a range,
							  * for what is read further ahead takes the processor from it */
	PAUSE_MOST = 4 << 20,    /* beyond, ranges on their way stand still but for the first */
	FLUSH_BYTES = 512 << 10, /* rows of one range that are held; more are given away before it is complete */
	ROOM_BYTES = 3 << 19,    /* > BEHIND_MOST; bytes on their way to PostgreSQL: beyond, nothing is added */
	COMMIT_ROWS = 50000,     /* a transaction ends with so many rows, */
	COMMIT_MS = 250,         /* or when it is so old; */
	FOLLOWED_MS = 80,        /* where rules are applied to what is committed: they wait for it */
	COMMIT_FIRST_MS = 30,    /* the first ones sooner, each twice as old */
	LASTS_MS = 1000,         /* where nobody waits for them: between two that wait for the disk */
	LOOK_MS = 100,           /* a look for endpoints that hang, and for what may be asked again */
	DENSE_MS = 1000,         /* before a block that was too much is asked for again */
	PROGRESS_MS = 5000,      /* between two lines about a long reading */
	DENSE_KEPT = 64,         /* blocks in flight that are too much for one question */
	DOUBTS_MOST = 50,   /* times that another endpoint is waited for, as it may prove an empty range false */
	PROVED_MOST = 8,    /* ranges on their way where each block is proved, */
	PROVED_BLOCKS = 32, /* and how many blocks one of them has at most */
	NOBODY_MS = 500,    /* before it is looked again for somebody who can prove */
	UNLINKED_MOST = 2,  /* times that a range may not link before it is believed */
};

struct fill {
	struct fill_job job;
	struct span_world world;
	struct pipe pipe;
	struct span *busy, *spare; /* asked, ready, standing still · free ones */
	size_t nbusy;
	bool *gather;      /* by place of the endpoint: it does not sort */
	struct flow *flow; /* by place: how many of its questions are in flight */

	struct pg_load *load;
	struct fill_commit commit; /* of the load under way */
	uint64_t *per_event;
	struct block_header last;
	struct span_bad *bad;
	size_t nbad, bad_cap;
	struct chain_range *ranges; /* of the load: what it has, and how surely */
	size_t nranges, ranges_cap;
	uint32_t unproved; /* answers in a row that could not be proved */
	struct arena bad_mem;
	struct span *streaming; /* the range whose rows are in the load and that is not complete */
	bool ending;            /* COMMIT is out */
	uint64_t begun_ms;      /* of the load, */
	uint64_t most_ms;       /* and how old it may become */
	uint64_t lasted_ms;     /* when one was ended that lasts */
	int64_t at, next;       /* number given last, and first block not in a load */
	bool has_parent;
	uint8_t parent[32];
	uint32_t unlinked;
	bool stopped,
		ended; /* it failed; it is done: nothing more is started, the owner hears it in a later turn */
	enum fill_failure failure;
	char why[300], failed_for[300];
	bool alone; /* fill_stop came while COMMIT was out: freed when that is answered */

	struct density *density; /* being asked: no range is, before the answer */
	bool guessed;
	struct {
		int64_t block;
		enum span_mode mode;
	} pieces[DENSE_KEPT]; /* blocks that are too much for one question, and how they are asked next */
	size_t npieces;
	uint32_t doubts;        /* that were put off */
	struct prove_lies lies; /* about the first range */
	struct arena mem;       /* the life of the fill: */
	const char **copy_sql;  /* one an event of the filter */
	struct timer *look;
	uint64_t ask_at_ms; /* nothing is asked before */
	int64_t dense;      /* this block can't be had here even in pieces: nothing from it on; -1: none */
	struct fill_stats stats;
	uint64_t started_ms, marked_ms, told_ms, cpu_before;
	struct fill_rate {
		uint64_t ms, events;
		int64_t blocks;
	} rate;
};

/* fill.c */
void fill_pump(struct fill *f); /* whatever can be done now */
void fill_why(struct fill *f, const char *sentence);
struct span *fill_span_of(const struct fill *f, const struct pipe_seg *seg);
void fill_span_put(struct fill *f, struct span *s);
void fill_asked_again(struct fill *f, struct span *s); /* its range is nobody's again */
void fill_fail(struct fill *f, enum fill_failure what, const char *sentence);
void fill_free(struct fill *f);

/* fill_prove.c: true: it is being proved, and comes back to fill_pump when that has ended */
bool fill_prove(struct fill *f, struct span *s);

/* fill_write.c: what is complete and next in line goes to PostgreSQL */
void fill_stream_first(struct fill *f);
void fill_write_ready(struct fill *f);
void fill_maybe_end(struct fill *f);

/* fill_stats.c */
void fill_mark(struct fill *f); /* the time since the last mark is of one kind */
uint64_t fill_cpu_ms(void);
void fill_tell(struct fill *f, const char *ev, const char *words, bool end);

#endif
