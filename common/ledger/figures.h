/* figures: what page and --top show of the fleet, as PostgreSQL knows it. Read only, on a connection of its
 * own; every query costs what it shows, never what there is (008, 019).
 *
 * Texts live in the figures' own arena until the next figures_take. -1: unknown, or none. Times: Unix ms. */
#ifndef FAIRLEAD_LEDGER_FIGURES_H
#define FAIRLEAD_LEDGER_FIGURES_H

#include "common/base/mem.h"
#include "common/io/pg.h"

enum {
	FIGURES_CHAINS = 16,
	FIGURES_ENDPOINTS = 32,
	FIGURES_SIGNERS = 16,
	FIGURES_GROUPS = 24,
	FIGURES_LIVES = 60,
	FIGURES_POINTS = 400,
	FIGURES_DAY = 97,
	FIGURES_STUCK = 16,
};

/* marks of a life: see sql/019 */
enum { MARK_PARKED = 1, MARK_TAKEN = 2, MARK_RAISED = 4, MARK_FAILED = 8, MARK_NOTHING = 16, MARK_HAND = 32 };

struct life {
	int64_t id;
	const char *key, *batch_of, *state, *reason, *event, *event_tx, *signer, *closed, *fees, *batch_state;
	int marks;
	int64_t tries, cause, made, turned, due, event_block, event_log, event_at, batch, nonce, first_sent,
		last_sent, mined_block, mined, head, chain_final;
	bool ok; /* of the receipt */
};
struct fig_chain {
	const char *name, *network, *halted, *level; /* level: of proof, the least that any range has */
	int64_t head, done, final, lag, at, events, reorg_at, reorg_events, gaps;
	bool listening, catching_up;
};
struct fig_endpoint {
	const char *chain, *name, *role, *state, *error;
	int64_t lag, latency_us, range, requests;
};
struct fig_signer { /* a lane send:<chain>:<address> */
	const char *address;
	int64_t next, open, unmined, oldest; /* oldest: since when, of the unmined */
};
struct fig_frozen {
	const char *signer, *who; /* as the file names it */
	int64_t since;
};
struct fig_group { /* of what is parked, or dead, for one cause */
	bool dead;
	const char *batch_of, *reason, *keys; /* keys: up to three, by \x1f */
	int64_t n, since, newest, letter;     /* letter: id of a dead letter that has no item; else -1 */
	int64_t tries;
	const char *what;
};
struct fig_point {
	int64_t at;
	const char *signer, *wei, *before; /* before: of a replacement */
	int kind;                          /* 0 paid · 1 raised · 2 open */
};
struct figures {
	struct arena mem, slow_mem;
	bool loaded, slow_loaded;
	int64_t at;     /* Unix ms of PostgreSQL when it answered */
	int64_t change; /* differs when something moved */
	const char *version, *schema;

	struct fig_chain chains[FIGURES_CHAINS];
	size_t nchains;
	struct fig_endpoint endpoints[FIGURES_ENDPOINTS];
	size_t nendpoints;
	struct fig_signer signers[FIGURES_SIGNERS];
	size_t nsigners;
	struct fig_frozen frozen[FIGURES_SIGNERS];
	size_t nfrozen;
	struct fig_group groups[FIGURES_GROUPS];
	size_t ngroups;
	struct life lives[FIGURES_LIVES];
	size_t nlives;

	int64_t waiting, parked, ready, done_batches, due;      /* of all batches; due: Unix ms */
	int64_t sent_items, sent_txs, mined_items, oldest_sent; /* oldest_sent: Unix ms */
	int64_t last_raised, last_mined, dead, median_ms, slowest_ms;
	int64_t unheld[4]; /* since when nobody holds a lane of listen, apply, send, clock; -1: held */
	int64_t all, flight, odd, taken; /* lives by kind */
	int64_t installed;

	/* every ten seconds */
	struct fig_point points[FIGURES_POINTS];
	size_t npoints;
	int64_t day[FIGURES_DAY], day_from, day_total;
	struct fig_stuck {
		int64_t at, ms;
		const char *reason;
	} stuck[FIGURES_STUCK];
	size_t nstuck;
	const char *spent_wei; /* in a day */
	int64_t spent_items;
};
void figures_init(struct figures *f);
void figures_fini(struct figures *f);
/* One row: differs when something moved. */
void figures_probe(struct pg_unit *u);
int64_t figures_probed(const struct pg_reply *r);
void figures_ask(struct pg_unit *u);
void figures_take(struct figures *f, const struct pg_reply *r);
void figures_ask_slow(struct pg_unit *u);
void figures_take_slow(struct figures *f, const struct pg_reply *r);

/* ── lives.c: pages of lives ── */

enum life_kind { LIFE_ALL, LIFE_FLIGHT, LIFE_ODD, LIFE_PARKED, LIFE_TAKEN };
struct lives_ask {
	enum life_kind kind;
	int64_t before, after, at; /* ids, exclusive; at: Unix ms; -1: not given */
	int limit;                 /* ≤ 101 */
	struct str q;              /* empty: all */
};
void lives_ask(struct pg_unit *u, const struct lives_ask *q);
void life_take(struct life *out, struct arena *a, const struct pg_reply *r, int stmt, int row);
/* The statements of story_ask, in order. Columns:
 *   LIFE     as life_take
 *   TURNS    at, state, was, reason, batch, by whom (an act by hand, else ""), what, text; state "act", and
 *            "order": how one ended
 *   ATTEMPTS n, at, fee, tip, kind, reason, hash, nonce
 *   REFUSED  at (first), n, endpoint, answer, how often
 *   VERDICTS at, n, block, ok, gas, price, standing, final, nonce
 *   BATCH    at, items, place of the item in it, the most it holds, wait in ms, state, reason
 *   EVENT    tx, seq, contract's table, chain's name, level of proof */
enum { STORY_LIFE, STORY_TURNS, STORY_ATTEMPTS, STORY_REFUSED, STORY_VERDICTS, STORY_BATCH, STORY_EVENT };
void story_ask(struct pg_unit *u, int64_t item);
/* The same of a batch, for --explain: by its number, a hash or the beginning of one (0x…), an item's
 * name:key. HEAD     batch (-1: none), name, state, reason, items, cut at, mined at, signer's name, address,
 * nonce, closed, its block, the most a batch holds, wait in ms, of an item: key, name, state, reason; note of
 *            an order that waits, when its first item was made. Two rows: more than one begins so
 *   ITEMS    key, event's title ("": a request made it), its transaction, block and moment
 *   ATTEMPTS ANSWERS VERDICTS TURNS as above; ANSWERS with those that took it: answer "" */
enum { BATCH_HEAD, BATCH_ITEMS, BATCH_ATTEMPTS, BATCH_ANSWERS, BATCH_VERDICTS, BATCH_TURNS };
void batch_story_ask(struct pg_unit *u, const char *of);
/* A dead letter without an item: at, lane, what, message, sqlstate, tries, seq, by whom it was dropped. */
void letter_ask(struct pg_unit *u, int64_t letter);
/* Counts of all time in at most n bars: from, to, lives, parked, taken, newest. */
void strip_ask(struct pg_unit *u, int n);

/* Routes as the reconcilers counted them: route, asked, refused, failed. */
void routes_ask(struct pg_unit *u);

/* By hand (sql/019). group: the newest item of a group; all that is parked for the same cause. */
void act_retry_ask(struct pg_unit *u, const char *who, const char *of, int64_t item, bool group);
void act_drop_ask(
	struct pg_unit *u, const char *who, const char *of, int64_t item, bool group, int64_t letter);
void act_flush_ask(struct pg_unit *u, const char *who, const char *batch);

#define LIFE_COLUMNS                                                                                      \
	" id, key, batch_of, state, coalesce(reason, ''), coalesce(event, ''), coalesce(event_tx, ''), "      \
	"coalesce(signer, ''), coalesce(closed, ''), coalesce(fees, ''), coalesce(batch_state, ''), marks, "  \
	"tries,"                                                                                              \
	" coalesce(cause, -1), made, coalesce(turned, -1), coalesce(due, -1), coalesce(event_block, -1),"     \
	" coalesce(event_log, -1), coalesce(event_at, -1), coalesce(batch, -1), coalesce(nonce, -1),"         \
	" coalesce(first_sent, -1), coalesce(last_sent, -1), coalesce(mined_block, -1), coalesce(mined, -1)," \
	" coalesce(head, -1), chain_final, coalesce(ok, true) "

#endif
