/* span: one range of blocks being read from one endpoint, from the question to rows that only lack their
 * numbers.
 *
 * A range is asked with one batch request: its logs, then the headers of its ends (R2): it counts because the
 * endpoint knew the last block after it had answered about the logs. One request and logs in order: each log
 * is checked, identified and encoded as its bytes arrive, and forgotten (streamed). Several requests,
 * children of factories, or an endpoint that does not sort: the logs are gathered first and sorted
 * (gathered).
 *
 * A span knows nothing of other ranges or of PostgreSQL, and of endpoints only the one that it asks: fill.h
 * and sweep.h decide. Its callbacks run from the loop. */
#ifndef FAIRLEAD_LISTENER_SPAN_H
#define FAIRLEAD_LISTENER_SPAN_H

#include "common/evm/log_stream.h"
#include "listener/encode.h"
#include "listener/filter.h"
#include "listener/pipe.h"
#include "listener/proving.h"

struct span;

/* What all spans of one reading share. */
struct span_world {
	struct loop *loop;
	struct filter *filter;
	struct encoder *encoders; /* one an event of the filter */
	struct u256 network;
	int chain_id;              /* fairlead.chain.id */
	struct proof_trust *trust; /* of the chain */
	/* Above none: the headers of all its blocks are asked as well, and its rows are made when each block is
	 * proved (span_given, span_proved). */
	enum proof_level want;
	bool swept, late;   /* of the rows */
	size_t flush_bytes; /* a range with more rows than this wants to give them away before it is complete */
	/* The range is complete (span->rows, all times known), refused, or it lied. Once. */
	void (*on_done)(void *arg, struct span *s);
	/* It holds more than flush_bytes, with times known, and stands still: fill takes the rows
	 * (span_take_rows) when its turn has come and calls span_go_on. */
	void (*on_full)(void *arg, struct span *s);
	void *arg;
};

enum span_outcome {
	SPAN_OPEN,
	SPAN_OK,
	SPAN_REFUSED,  /* refused says how: ask less, later or another endpoint */
	SPAN_LIED,     /* the answer contradicts itself or what was asked (P11); why says it */
	SPAN_UNSORTED, /* logs not in chain order, or one place twice: ask again, gathered */
	SPAN_DOUBT,    /* no logs at all, and a bloom that says that there may be some: ask once more (R2) */
};

/* One block that is more than an endpoint gives at once is read in smaller pieces. */
enum span_mode {
	SPAN_RANGE,
	SPAN_PAIRS,    /* one question for each address and topic */
	SPAN_RECEIPTS, /* all receipts of the block, whose root must be the header's (R6) */
};
struct span_bad { /* a log of ours that does not decode; its bytes live in span.mem */
	const struct event_decl *event;
	struct log log;
	const char *why;
};

enum span_ripeness {
	SPAN_RIPE,     /* its rows are complete */
	SPAN_UNPROVED, /* all is there but the proof that world.want wants */
	SPAN_WAITS,    /* something is on its way: on_done comes again, or came */
};
struct span_block { /* where more than `none` is wanted */
	enum proof_level level;
	uint64_t rows;
};

struct span {
	const struct span_world *world;
	struct pipe_seg *seg;
	struct provider *p;
	struct span *next; /* fill's list */
	bool gather;
	enum span_mode mode;
	struct provider *doubted; /* who said before that it has no logs; NULL: nobody did */

	enum span_outcome outcome;
	struct refused refused;
	struct learner_asked asked;
	struct err why;

	struct run_rows *runs; /* one an event of the filter; tuples with ordinals from 0 on */
	uint64_t rows;         /* in all runs, those that were taken included */
	uint64_t logs, bytes, took_us;
	size_t nbad;
	struct span_bad *bad;
	struct block_header first, last; /* of the range's ends; the same block when it has one */
	struct block_header *headers;    /* of all its blocks, where world.want is above none; else NULL */
	struct span_block *blocks;       /* likewise */
	bool proved;
	uint64_t doubted_logs;      /* that the doubted one gave */
	struct proving *proving;    /* the owner's: under way */
	uint64_t children_asked;    /* filter.added then: children added since have not been asked for */
	struct filter_trial trial;  /* of its children */
	uint64_t sent_ms, aside_ms; /* of the question; of the one for block times beside it */
	bool full;                  /* it stands still behind on_full */

	uint64_t first_us; /* to the first byte of the last answer */

	/* span.c's own */
	struct filter_plan plan;
	size_t widest;                       /* longest list of the plan */
	struct rpc_request *request, *aside; /* the question; block times beside it */
	struct log_stream *stream;
	struct log_ids *ids;
	struct log_place { /* of a log */
		uint64_t block, tx, log;
		uint8_t hash[32], tx_hash[32];
		bool any;
	} at; /* the log before */
	struct span_end {
		uint8_t hash[32], bloom[256];
		size_t n;
	} at_from, at_to; /* the logs of the first, of the last block */
	struct proof_job *proof;
	struct log *gathered;
	size_t ngathered, gathered_cap;
	struct span_time {
		uint8_t hash[32];
		int64_t block;
		uint64_t time;
	} * times; /* wanted; those before time_asked are known */
	size_t ntimes, times_cap, time_asked;
	int step, sent_from; /* calls of the question: answered; the first of the request under way */
	size_t live_bytes;   /* of the runs */
	struct arena mem;
	bool streamed, ended, ripe, children;
};

struct span *span_new(const struct span_world *w);
void span_free(struct span *s);
/* Asks p about seg; one block only, but for SPAN_RANGE. p has given its place (provider_may_send) already. */
void span_ask(struct span *s, struct pipe_seg *seg, struct provider *p, bool gather, enum span_mode mode);
/* Behind SPAN_DOUBT: the same of p, whose word counts. */
void span_ask_again(struct span *s, struct provider *p);
/* When its turn to be written has come: adds the children that it creates to the filter, and asks for the
 * logs of those that were not known when it was asked (factories; all before it have ripened). Only
 * after SPAN_OK; p has given an urgent place. */
enum span_ripeness span_ripen(struct span *s);
/* Where world.want is above none, behind SPAN_OK (with factories: behind SPAN_UNPROVED): its logs,
 * block by block, and what to ask about them elsewhere (plan). They live as long as the answer. */
struct proof_given *span_given(struct span *s, const struct proof_filter *f);
/* The logs that count are these, of so many blocks. true: its rows are made (without factories), or it can
 * ripen on. false: outcome and why say what is wrong. */
bool span_proved(struct span *s, const struct proof_block *blocks);
bool span_wants_proof(const struct span *s);     /* nothing else is missing */
struct proof_filter span_filter(struct span *s); /* of its world */
/* Its rows are written: the children that it has added stay. Those of a span that is given up, or asked
 * again, are taken out of the filter. */
void span_kept(struct span *s);
void span_pause(struct span *s, bool paused); /* no more bytes are read from the endpoint */
void span_go_on(struct span *s);              /* behind on_full: its rows were taken */
/* Gives up what is under way; no callback comes. The span can be asked again. */
void span_cancel(struct span *s);
/* Numbers the tuples of event i from base on and moves their bytes to out (empty). How many tuples. */
size_t span_take_rows(struct span *s, size_t i, int64_t base, struct buf *out);
size_t span_bytes(const struct span *s); /* held by it */
/* One endpoint that hangs must not stall the rest. true: nothing has come for longer than it usually takes,
 * it was told so (provider_failed), and another one of ps can be asked: the range is to be asked again. */
bool span_hangs(struct span *s, struct providers *ps);

#endif
