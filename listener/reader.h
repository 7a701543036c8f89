/* reader: one chain's leader: what it is doing, and the one operation that it has in flight.
 *
 * reader.c decides and moves between phases; fetch*.c ask the node; store.c writes to PostgreSQL. At any time
 * at most one operation of a reader is in flight, so each callback knows the phase it returns to. */
#ifndef FAIRLEAD_LISTENER_READER_H
#define FAIRLEAD_LISTENER_READER_H

#include "common/base/backoff.h"
#include "common/fleet/lease.h"
#include "common/io/metrics.h"
#include "listener/density.h"
#include "listener/fill.h"
#include "listener/final.h"
#include "listener/heard.h"
#include "listener/history.h"
#include "listener/plan.h"
#include "listener/prove.h"
#include "listener/range.h"
#include "listener/rows.h"
#include "listener/sweep.h"
#include "listener/twice.h"
#include "listener/window.h"

enum reader_phase {
	READER_OFF,     /* another process holds the lane, or we are draining: nothing of ours is in flight */
	READER_LOAD,    /* the lane is ours; cursor and window are being read from PostgreSQL (K-12: before any
					   question to the node) */
	READER_IDENT,   /* no endpoint has said yet that it is of this chain */
	READER_IDLE,    /* the cursor stands at what the endpoints have shown; a head will wake us */
	READER_PAUSE,   /* nobody may be asked just now: on in a moment */
	READER_FIRST,   /* where a chain that was never read begins: its newest block */
	READER_HEADERS, /* headers of step.from..to by number: the hashes to read by */
	READER_LIVE,   /* the block that the head named: its logs and its header by that hash, in one request (R1)
					*/
	READER_LOGS,   /* logs of each of those hashes */
	READER_PROOF,  /* what proves those logs, as far as `completeness:` wants it (R6) */
	READER_FILL,   /* history below the window: fill.h has many ranges in flight */
	READER_COMMIT, /* blocks, events and cursor in one unit (INV-1, INV-9) */
	READER_HASHES, /* something does not link: the hashes of the whole window are asked, twice before they
					  count (R5) */
	READER_RETRACT, /* the reorg is being committed */
	READER_RETRY,   /* something failed: waiting with growing gaps, then from PostgreSQL on (INV-11) */
	READER_HALTED,  /* a reorg deeper than the window (P10), or another chain: nothing is read, nothing
					   destroyed; now and then it is looked whether that is still so (INV-11) */
};

struct reader {
	struct member *m;
	const struct chain_decl *chain;
	struct reader *next;
	struct lease *lease;
	struct providers *providers;
	bool begun; /* they are being asked: the lane is ours */
	struct filter filter;
	struct filter_plan ask;    /* of the filter, as one request: logs of one block */
	uint64_t ask_added;        /* filter.added when it was made */
	struct filter_trial trial; /* children that the step in work has found */
	struct rows rows;
	struct encoder *encoders; /* one an event of the filter */
	struct pg_copy *copy;
	struct fill *fill;
	int64_t dense; /* a block that is too much for a range, as fill.h found; -1: none */
	bool staged;   /* rows below the window may stand there already */
	struct history history;
	bool reload_due; /* reader_reload was asked for while something was under way */
	struct sweep *sweep;

	enum reader_phase phase, paused; /* PAUSE: where it came from */
	bool goes_on;                    /* PAUSE: with the step as it stands */
	bool in_flight;                  /* one operation is out; its callback clears it */
	int states_out;                  /* store_state's units that are out beside it */
	bool off_wanted; /* the lane was lost, or we drain: go to OFF as soon as the operation is back */
	bool closing;
	struct timer *timer, *patience, *lessons;
	struct backoff backoff;
	uint32_t failures; /* of endpoints, in a row */

	struct provider *p;                /* whom the question in flight was put to, or the next one will be */
	struct provider *rang;             /* whose head was heard last */
	struct rpc_request *asking;        /* NULL: no question is out */
	rpc_done_fn heard;                 /* its answer's reader */
	bool near;                         /* it was put over the socket that named the block */
	bool place;                        /* p's place was taken and not given back yet */
	uint32_t charged;                  /* calls of it that its rate was asked for */
	bool paced;                        /* the question goes out in pieces, as its rate lets them */
	bool too_often;                    /* it was refused for its rate, last */
	struct provider_identity identity; /* what an endpoint said first of the chain */
	bool identity_due;                 /* it is not stored yet */
	int64_t begin;                     /* cursor of a chain that was never read */

	struct chain_row row;
	int64_t floor; /* blocks at or below it are out of the window (R5); row.floor is what is stored of it */
	bool has_genesis;
	uint8_t genesis[32];
	int64_t noted;    /* fairlead.range reaches up to it; */
	uint64_t unnoted; /* events of the blocks behind it */
	uint64_t unrung;  /* that are committed; the next commit that lasts rings for them */
	uint64_t loads;   /* how often the truth was read from PostgreSQL */
	struct {
		bool out;
		int64_t floor, noted; /* as they were before, if it fails */
		uint64_t unnoted, loads;
	} aside;           /* of the unit that moves what may lag */
	int64_t at, start; /* number given last; least block that any contract asks for */
	bool start_latest;
	int64_t head; /* highest that a usable endpoint shows; -1: nothing yet */
	bool rpc_ok, caught_up;
	struct chain_state told; /* what fairlead.chain says of us */
	struct window window;
	struct final final;
	uint32_t checks;     /* polls that brought nothing new */
	bool tag_asked;      /* in this term */
	uint64_t tag_ms;     /* when it was asked last; 0: ask now */
	int64_t deep;        /* the window as it is now, in blocks */
	struct range blocks; /* blocks by hash, a request */
	struct density_seen seen;

	struct arena mem; /* of the step in work; reset when it ends */
	struct plan step;
	struct block_header *headers; /* of the step: nheaders from step.from on */
	size_t nheaders;
	int *calls; /* LOGS: by header: which call asks for its logs; -1: none does, its bloom says that it has
				 * none
				 */
	struct log *logs;
	size_t nlogs;
	struct prove prove;
	bool asked_again; /* a positive bloom came with no log of ours, or one that was heard was missing:
					   * asked once more */
	uint32_t unsure;  /* answers in a row, in this step, that said nothing: asked again at once */
	struct window_search search; /* HASHES */
	int round;        /* HASHES: 0: the top alone; 1: searching; 2: asking both sides of the fork once more */
	int64_t ancestor; /* HASHES: what round 1 found; -2: deeper than the window */
	uint8_t asked[32];    /* LIVE: the hash that was asked for */
	char why[560];        /* the sentence for /readyz, from a failure until something succeeds (INV-11) */
	char halted_for[560]; /* why, as it was logged last */
	struct heard logs_heard;
	struct twice twice;
	struct {
		struct pg_unit *unit; /* NULL: there is none */
		struct chain_step step;
		struct chain_block block;
		struct rows_batch rows; /* written in it, as they were heard */
		struct timer *turn, *timer;
	} ahead; /* LIVE: what was begun of the commit */
	int64_t commit_last_seq;
	uint64_t commit_events;

	struct metric *m_events, *m_blocks, *m_head, *m_done, *m_reorgs;
};

/* reader.c */
struct reader *reader_open(struct member *m, const struct chain_decl *c);
/* Makes r->ask anew: its filter as it stands, in lists as short as every endpoint takes them (R7). */
void reader_plan(struct reader *r);
void reader_drain(struct reader *r, void (*done)(void *arg), void *arg); /* frees the reader before done */
void reader_pg_up(struct reader *r);
void reader_enter(struct reader *r, enum reader_phase phase);
void reader_loaded(struct reader *r); /* what PostgreSQL holds is known: endpoints may be asked */
void reader_read(struct reader *r);   /* the chain is the right one: heads may wake us */
void reader_again(struct reader *r);  /* what was asked came to nothing: the plan again, of whoever is best */
void reader_drive(struct reader *r);  /* looks at the plan and starts the next operation */
/* An answer said nothing, since one machine of those behind an address may not have yet what another has
 * shown: is the question to be asked again at once? Where they answer in turn, the next one knows; a plan
 * that begins anew each time would ask the same one the same question for ever. */
bool reader_asks_again(struct reader *r);
bool reader_back(struct reader *r);   /* an operation came back; false: it is not wanted any more */
void reader_reload(struct reader *r); /* from PostgreSQL on, as soon as nothing is in flight */
void reader_retry(struct reader *r, const char *why); /* later, from PostgreSQL on */
void reader_pause(struct reader *r, uint64_t ms);     /* the plan again in so many ms */
void reader_wait(
	struct reader *r, const struct provider *p, uint64_t ms); /* p's rate: the same question in so many ms */
/* A fault of an endpoint (K-17, K-45): another one is asked at once if there is one, else later. */
void reader_provider_error(struct reader *r, const struct err *e);
void reader_rest(struct reader *r); /* what was suspected is not so: on with what has been heard meanwhile */
void reader_halt(struct reader *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void reader_fenced(struct reader *r); /* another process writes: ours writes nothing more */

/* show.c */
void reader_metrics(struct reader *r);
void reader_reasons(const struct reader *r, struct buf *out);
void reader_beat(const struct reader *r, struct beat *b);
void reader_status(const struct reader *r, struct buf *out);

/* backfill.c: below the window */
void backfill_to(struct reader *r, int64_t to);
void backfill_stop(struct reader *r);
bool backfill_commit_is_out(const struct reader *r);  /* of this term or one before */
struct pg_copy *backfill_copy_open(struct reader *r); /* a connection for COPY */

/* fetch_blocks.c, fetch_logs.c: each starts one question and ends in one of reader_* or store_* */
void fetch_first(struct reader *r);
/* What is final now, by the endpoint's word: how deep the window must be (R5). */
void fetch_tag(struct reader *r);
/* History is about to be read, and no tag is known that says how much of it is final: it is asked for. false:
 * nothing is to be waited for. */
bool fetch_tag_first(struct reader *r);
void fetch_live(struct reader *r, const uint8_t hash[32]);
void fetch_headers(struct reader *r);
void fetch_logs(struct reader *r); /* of the step's headers */

/* ahead.c: the commit of the block that is being asked for is begun with what was heard of it, where that
 * saves time; nothing of it is committed before the block was read (R1). */
bool ahead_may(const struct reader *r); /* is it worth while with the endpoint that rang? */
/* The commit of r->asked is begun; what was heard of it until the next turn follows. */
void ahead_begin(struct reader *r);
void ahead_undo(struct reader *r); /* also when nothing was begun */
/* The unit that begins with s: the one that was begun, if what was heard is what was read; else a new one.
 * *written: so many of the rows of b, the first, stand in it already. */
struct pg_unit *ahead_step(
	struct reader *r, const struct chain_step *s, const struct rows_batch *b, size_t *written);

/* reorg.c */
void reorg_look(struct reader *r); /* from the beginning */
/* One header: is the cursor's block still the chain's? Its hash proves all below it. The window must not be
 * empty. */
void reorg_check(struct reader *r);
void reorg_go_on(struct reader *r);   /* behind reader_wait */
void reorg_suspect(struct reader *r); /* it is not: looks; nothing found leads back to IDLE */

/* store.c */
void store_load(struct reader *r);
void store_step(struct reader *r); /* headers and logs of the step are complete and checked */
void store_retract(struct reader *r, int64_t ancestor);
void store_state(struct reader *r); /* what the views show, when it changed; beside the operation in flight */
void store_identity(
	struct reader *r); /* what r->identity says of the chain, and where it begins if it was never read */
/* Notes that the blocks behind the cursor up to done were read. now: false may lag, where no proof is wanted.
 */
void store_note(struct reader *r, struct pg_unit *u, int64_t done, uint64_t events, bool now);
/* Notes that range, which lies behind the cursor and all that was noted in this unit. */
void store_range(struct reader *r, struct pg_unit *u, const struct chain_range *of);
int64_t store_floor(struct reader *r, int64_t done, int64_t *final); /* what they are once done is read */
void store_halt(struct reader *r);
/* INV-1: behind a commit that lasts, of n events or changes, for them and all that is committed and was not
 * rung for. false: for nothing. */
bool store_ring(struct reader *r, uint64_t n);
/* The answer of an operation: anything but PG_OK is dealt with here. true: it was OK. */
bool reader_stored(struct reader *r, const struct pg_reply *q);
/* The log was taken back to r->ancestor; at: where it stands now. */
void store_taken_back(struct reader *r, int64_t at);

#endif
