/* view: the live screen as text, from figures. Pure: no terminal, no clock, no database.
 *
 * The first line that matters is a sentence: does anything need me? Then the rope through five rings (what
 * waits before the next one stands on it), then lives, newest first, one a line. A value equal to the line
 * above is not printed again. */
#ifndef FAIRLEAD_RECONCILER_VIEW_H
#define FAIRLEAD_RECONCILER_VIEW_H

#include "common/base/str.h"

enum { VIEW_LIVES = 60, VIEW_OTHERS = 4 };
enum view_section { VIEW_NOW, VIEW_STORY, VIEW_PARKED, VIEW_CHAINS, VIEW_SIGNERS, VIEW_ROUTES, VIEW_KEYS };

struct view_life {
	int64_t id;
	char key[80], event[64], batch[24], offered[96], mined[64], final[32], state[16], reason[200];
	int64_t block, log, nonce, mined_block, depth; /* -1: none */
	int64_t event_ms;                              /* Unix time of the event's block, ms; -1: none */
	int64_t to_mined_ms;                           /* from the item's birth to the receipt, -1: not mined */
	int64_t age_ms;                                /* since its birth */
	bool is_final, taken_back;
};
struct view {
	char app[48], chain[48], key[24]; /* key: what an item is, for the head of its column: "token" */
	int64_t now_ms;                   /* Unix */
	bool color, utf8;
	int width, height; /* of the terminal; height 0: no end */
	const char *foot;  /* lines under the screen, or NULL */

	/* What the page says first (reconciler/page/tell.h), as plain words. tone: "well" "wait" "stop" "sea" */
	const char *tone, *h1, *lead, *you, *meanwhile, *seen; /* NULL: not said */
	const char *others[VIEW_OTHERS];                       /* further causes, NULL behind the last */
	enum view_section section;
	const char *pane;  /* of a section: lines; a line that begins with \t is indented */
	int chosen;        /* place of the chosen life; -1: none is */
	bool keys;         /* the line of keys is shown */
	const char *typed; /* the filter as it is typed or as it holds, or NULL */

	bool loaded;            /* the figures below mean something */
	int64_t pg_away_ms;     /* 0: answers */
	int64_t absent_ms[4];   /* nobody has held this program's lane for so long; 0: somebody does */
	int64_t figures_ms;     /* Unix time of the figures; shown once they are old */
	double pg_ms, redis_ms; /* round trips; < 0: no answer */
	int processes[4];       /* listener batcher submitter reconciler */
	int64_t head, done, final, applied_lag, head_age_ms;
	bool listening, catching_up;
	int64_t events, items_waiting, items_parked, ready, sending, sending_items, mined_not_final, done_batches;
	int64_t due_ms;                         /* until a timer cuts, -1: none */
	double events_per_min, batches_per_min; /* < 0: not known yet */
	double blocks_per_s;                    /* while catching up; <= 0: not known */
	int64_t median_ms;                      /* of the last hour, -1: none */
	int64_t oldest_sending_ms;              /* -1: none */
	struct view_life lives[VIEW_LIVES];
	size_t nlives;
};
void view_render(const struct view *v, struct buf *out); /* lines end in \n; no cursor control */
/* 950 → "0.9 s", 12000 → "12 s", 200000 → "3 min", hours "5 h". */
void view_duration(char *out, size_t size, int64_t ms);
void view_grouped(char *out, size_t size, int64_t n); /* 26 471 921, a blank between; ids stay plain */

#endif
