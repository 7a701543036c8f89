/* sweep_in: what sweep.c (when, telling), sweep_choose.c (which blocks), sweep_read.c (reading again) and
 * sweep_mend.c (what comes of it) share. */
#ifndef FAIRLEAD_LISTENER_SWEEP_IN_H
#define FAIRLEAD_LISTENER_SWEEP_IN_H

#include "common/ledger/wishes.h"
#include "listener/bound.h"
#include "listener/reader.h"
#include "listener/sweep.h"

enum {
	SWEEP_DOUBTS = 256, /* blocks that are doubted at once */
	SWEEP_LATE = 1000,  /* late events that are held before they are written */
};

enum sweep_phase {
	SWEEP_OFF,    /* the lane is not ours, or it has not caught up in this term */
	SWEEP_REST,   /* nothing is due */
	SWEEP_BEGIN,  /* CHAIN.sweep is being told */
	SWEEP_READ,   /* ranges are on their way, or are held against what is stored */
	SWEEP_MEND,   /* all was held against it; what is missing waits for the reader's turn */
	SWEEP_RESEAT, /* the reader reads again up to where it stood */
	SWEEP_END,    /* the end is being told */
};

struct sweep_asked { /* one look into the tables; freed with its answer */
	struct sweep *s;
};

struct sweep_check { /* a range that is held against the tables */
	struct span *span;
	struct sweep_asked *asked; /* an answer to another one is not looked at */
	struct sweep_kind {        /* logs of one event: places in span->gathered */
		size_t *at, n;
	} * kinds;
	size_t skip; /* statements before the first look */
};
struct sweep {
	struct reader *r;
	enum sweep_phase phase;
	struct timer *timer, *look, *wish_timer;
	struct sweep_row row;
	uint64_t ended_ms;         /* when the last one ended, by the loop's clock */
	bool fresh, started;       /* the chain was never read before this run · CHAIN.start was told */
	bool live, live_out;       /* CHAIN.live was told · is on its way */
	uint64_t caught;           /* events that were written before */
	bool replay_due;           /* --replay, --from */
	struct wish_row wish;      /* what was asked for at the front door, as it was read last; id 0: nothing */
	uint64_t rung_ms;          /* when a bell told of one first; 0: none has since the last look */
	bool wish_out, wish_again; /* it is being read · and may have changed since */

	/* the sweep under way */
	bool doubt; /* what became of a reseat is not known: it goes on when the truth was read */
	int64_t from, to;
	bool replay, wished; /* not an interval of its own · obeys s->wish */
	uint64_t found, begun_ms, told_ms, requests;
	struct pipe pipe;
	struct span_world world;
	int64_t dense; /* block that is more than an endpoint gives at once: read by its receipts; -1: none */
	struct span *busy, *spare;
	size_t nbusy;
	struct sweep_check check; /* span == NULL: none is out */
	struct arena check_mem;
	uint64_t ask_at_ms;
	uint32_t strays; /* ranges that were of another branch than ours */

	/* what it found */
	struct log *late;
	size_t nlate;
	struct arena late_mem;
	int64_t reseat_from; /* INT64_MAX: nothing is missing inside the window */
	int64_t reseated;    /* from here on it was; INT64_MAX: nothing was */
	uint64_t missing;    /* events of it */

	struct provider *giver; /* of the blocks read last */
	struct bound bound;
	int64_t doubts[SWEEP_DOUBTS];
	size_t ndoubts;
	struct metric *m_missed;
};

/* sweep_choose.c */
void sweep_choose(struct sweep *s); /* from, to and why: what was asked for, else what is due */
int64_t sweep_window_below(const struct sweep *s); /* the highest block that no reorg reaches */
bool sweep_is_first(const struct sweep *s);

/* sweep_read.c */
void sweep_read_begin(struct sweep *s); /* from..to, anew */
void sweep_read_stop(struct sweep *s);
void sweep_read(struct sweep *s); /* what can be done now; ends in sweep_read_ended */

/* sweep_mend.c */
void sweep_lacking(struct sweep *s, const struct log *l); /* it stands there and is not stored */
void sweep_read_ended(struct sweep *s);
void sweep_mend(struct sweep *s);       /* in MEND: what is left to be done of it; then the sweep ends */
void sweep_read_again(struct sweep *s); /* what was found does not count: from..to once more */

/* sweep.c */
void sweep_enter(struct sweep *s, enum sweep_phase phase);
void sweep_end(struct sweep *s); /* tells it */

#endif
