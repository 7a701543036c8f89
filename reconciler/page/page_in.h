/* page_in: what the page's three files share. page.c: the document, who watches it, the page's life.
 * page_ask.c: what PostgreSQL is asked for, by lives, strip and story. page_act.c: acts by hand. */
#ifndef FAIRLEAD_RECONCILER_PAGE_PAGE_IN_H
#define FAIRLEAD_RECONCILER_PAGE_PAGE_IN_H

#include "reconciler/page/feed.h"
#include "reconciler/page/story.h"
#include "reconciler/serve/auth.h"

enum { ROUTES = 256 };

enum job_kind { JOB_FIGURES, JOB_LIVES, JOB_STRIP, JOB_STORY, JOB_ACT_ASK, JOB_ACT_DO };
struct job {
	struct job *next;
	struct page *p;
	struct visit *v;
	enum job_kind kind;
	int64_t until; /* Unix ms: then it is answered without PostgreSQL */
	struct lives_ask ask;
	int64_t id, letter;
	bool group;
	char act[12], of[120], what[100];
	uint64_t bars;
};
struct watcher;
struct page {
	struct member *m;
	struct door *door;
	struct look *look;
	struct telling telling;
	struct watcher *watchers;
	size_t nwatchers;
	struct job *waiting;
	struct buf parts[FEED_PARTS]; /* as they were last told */
	struct auth_key *admin;
	int running; /* jobs that PostgreSQL has */
	bool closed;
	struct feed_route routes[ROUTES];
	size_t nroutes;
	struct {
		uint64_t asked;
	} before[ROUTES];
	int64_t rates_at;
	double rates[ROUTES];
};

/* page.c */
void page_settle(struct page *p); /* looks while somebody watches or waits */
bool page_known(const struct page *p);
void page_whole(struct page *p, struct buf *b); /* appends the document */

/* page_ask.c: a job owns its visit, and is freed with its answer. */
void page_ask_add(struct page *p); /* its routes */
struct job *page_job_new(struct page *p, struct visit *v, enum job_kind kind);
void page_job_start(struct job *j);
void page_job_free(struct job *j);
/* A job came back from PostgreSQL. true: it is over, by a failure or because the page is. */
bool page_job_failed(struct job *j, const struct pg_reply *r);
void page_jobs_run(struct page *p); /* those that can be, and those that have waited long enough */
void page_life_ask(const struct job *j, struct pg_unit *u);   /* what is known of j's life or dead letter */
void page_answer(struct visit *v, int status, struct buf *b); /* frees b */
/* The value of name in the query, decoded; p == NULL: not there. */
struct str page_query(struct visit *v, const char *name);

/* page_act.c */
void page_act_add(struct page *p); /* its routes */
/* What an act means: a life, a group by its newest life, a dead letter, a batch of the file. */
bool page_act_of(struct job *j);
pg_done_fn page_act_ask(struct job *j, struct pg_unit *u);

#endif
