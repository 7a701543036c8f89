/* What the page asks PostgreSQL for, and the requests that wait for it a moment. */
#include "reconciler/page/page_in.h"

#include "common/base/mem.h"
#include "common/io/log.h"
#include "reconciler/page/put.h"
#include "reconciler/serve/path.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { WAIT_MS = 4000, PAGE_ROWS = 100 };

void page_answer(struct visit *v, int status, struct buf *b)
{
	visit_header(v, "Cache-Control", "no-store");
	visit_answer(v, status, "application/json", (struct str){b->p, b->n});
	buf_fini(b);
}

void page_job_free(struct job *j)
{
	free((void *)(uintptr_t)j->ask.q.p);
	free(j);
}

static void late(struct job *j)
{
	visit_header(j->v, "Retry-After", "1");
	visit_refuse(j->v, 503, "PostgreSQL does not answer; nothing is lost, ask again");
	page_job_free(j);
}

bool page_job_failed(struct job *j, const struct pg_reply *r)
{
	struct page *p = j->p;
	p->running--;
	if (p->closed) {
		page_job_free(j);
		if (p->running == 0)
			free(p);
		return true;
	}
	if (r->outcome == PG_OK)
		return false;
	if (r->outcome == PG_REFUSED && (j->kind == JOB_ACT_DO || j->kind == JOB_ACT_ASK) &&
		text_is(r->sqlstate, "42501")) {
		visit_refuse(j->v, 403, "The role that serves this page may not act");
	} else if (r->outcome == PG_REFUSED) {
		log_odd("page.refused", "PostgreSQL refused what the page asked", F_STR("sqlstate", r->sqlstate),
			F_STR("reason", r->err.text));
		visit_refuse(j->v, 500, "PostgreSQL refused it");
	} else {
		late(j);
		return true;
	}
	page_job_free(j);
	return true;
}

static const char *const kinds[] = {"all", "flight", "odd", "parked", "taken"};

static void on_lives_rows(void *arg, const struct pg_reply *r)
{
	struct job *j = arg;
	const struct seen *s = look_seen(j->p->look);
	const struct figures *f = &s->figures;
	int64_t counts[] = {f->all, f->flight, f->odd, f->parked + f->dead, f->taken};
	struct buf b = {0};
	struct arena mem = {0};
	if (page_job_failed(j, r))
		return;
	int rows = pg_rows(r, 0),
		from = j->ask.after >= 0 && rows > PAGE_ROWS ? 1 : 0; /* climbing, the far end is the newest */
	int shown = rows > PAGE_ROWS ? PAGE_ROWS : rows;
	put_open(&b, NULL, '{');
	put_known(&b, "as_of", s->now);
	put_text(&b, "kind", kinds[j->ask.kind]);
	feed_counts(&b, s);
	put_known(&b, "of", j->ask.q.n ? -1 : counts[j->ask.kind]);
	put_open(&b, "rows", '[');
	for (int i = from; i < from + shown; i++) {
		struct life l;
		life_take(&l, &mem, r, 0, i);
		life_put(&b, NULL, &l, s);
		arena_reset(&mem);
	}
	put_close(&b, ']');
	put_bool(&b, "more", j->ask.after >= 0 || rows > PAGE_ROWS);
	put_close(&b, '}');
	put_end(&b);
	arena_fini(&mem);
	page_answer(j->v, 200, &b);
	page_job_free(j);
}

static void on_strip_rows(void *arg, const struct pg_reply *r)
{
	struct job *j = arg;
	struct buf b = {0};
	if (page_job_failed(j, r))
		return;
	int rows = pg_rows(r, 0);
	put_open(&b, NULL, '{');
	put_int(&b, "from", rows ? pg_get_int(r, 0, 0, 0) : 0);
	put_int(&b, "to", rows ? pg_get_int(r, 0, 0, 1) : 0);
	put_open(&b, "bars", '[');
	for (int i = 0; i < rows; i++) {
		char id[24];
		int64_t newest = pg_get_int(r, 0, i, 6);
		snprintf(id, sizeof id, "%" PRId64, newest);
		put_open(&b, NULL, '[');
		for (int k = 2; k < 6; k++)
			put_int(&b, NULL, pg_get_int(r, 0, i, k));
		put_text(&b, NULL, newest >= 0 ? id : NULL);
		put_close(&b, ']');
	}
	put_close(&b, ']');
	put_close(&b, '}');
	put_end(&b);
	page_answer(j->v, 200, &b);
	page_job_free(j);
}

static void on_story_rows(void *arg, const struct pg_reply *r)
{
	struct job *j = arg;
	struct buf b = {0};
	if (page_job_failed(j, r))
		return;
	bool there = j->letter >= 0 ? letter_put(&b, r, j->letter, look_seen(j->p->look))
								: story_put(&b, r, look_seen(j->p->look));
	if (there)
		page_answer(j->v, 200, &b);
	else
		visit_refuse(j->v, 404, "There is no life %s", j->of);
	page_job_free(j);
}

void page_life_ask(const struct job *j, struct pg_unit *u)
{
	if (j->letter >= 0)
		letter_ask(u, j->letter);
	else
		story_ask(u, j->id);
}

static void run_job(struct job *j)
{
	struct pg *pg = look_pg(j->p->look);
	struct pg_unit *u = pg_unit(pg);
	pg_done_fn fn = on_lives_rows;
	switch (j->kind) {
	case JOB_LIVES: lives_ask(u, &j->ask); break;
	case JOB_STRIP: strip_ask(u, (int)j->bars), fn = on_strip_rows; break;
	case JOB_STORY: page_life_ask(j, u), fn = on_story_rows; break;
	case JOB_ACT_ASK:
	case JOB_ACT_DO: fn = page_act_ask(j, u); break;
	case JOB_FIGURES: break;
	}
	j->p->running++;
	pg_unit_run(u, WAIT_MS, fn, j);
}

void page_jobs_run(struct page *p)
{
	const struct seen *s = look_seen(p->look);
	struct job **at = &p->waiting;
	while (*at) {
		struct job *j = *at;
		bool can = j->kind == JOB_FIGURES ? page_known(p) || s->now >= j->until
										  : look_pg(p->look) && s->figures.loaded;
		if (!can && s->now < j->until) {
			at = &j->next;
			continue;
		}
		*at = j->next;
		if (j->kind == JOB_FIGURES) {
			struct buf b = {0};
			page_whole(p, &b);
			page_answer(j->v, 200, &b);
			page_job_free(j);
		} else if (can) {
			run_job(j);
		} else {
			late(j);
		}
	}
	page_settle(p);
}

struct job *page_job_new(struct page *p, struct visit *v, enum job_kind kind)
{
	struct job *j = mem_alloc(sizeof *j);
	*j = (struct job){
		.p = p, .v = v, .kind = kind, .until = clock_wall_ms() + WAIT_MS, .id = -1, .letter = -1};
	j->ask = (struct lives_ask){.before = -1, .after = -1, .at = -1, .limit = PAGE_ROWS + 1};
	return j;
}

void page_job_start(struct job *j)
{
	struct page *p = j->p;
	j->next = p->waiting;
	p->waiting = j;
	page_settle(p);
	if (look_pg(p->look) && look_seen(p->look)->figures.loaded && j->kind != JOB_FIGURES)
		page_jobs_run(p);
}

/* ── requests ── */

struct str page_query(struct visit *v, const char *name)
{
	struct str q = http_query(v->q);
	size_t want = strlen(name);
	while (q.n) {
		const char *amp = memchr(q.p, '&', q.n);
		size_t n = amp ? (size_t)(amp - q.p) : q.n;
		if (n > want && q.p[want] == '=' && memcmp(q.p, name, want) == 0)
			return path_decode(v->a, (struct str){q.p + want + 1, n - want - 1}, true);
		q = (struct str){q.p + n + (amp ? 1 : 0), q.n - n - (amp ? 1 : 0)};
	}
	return (struct str){NULL, 0};
}

static bool query_int(struct visit *v, const char *name, int64_t *out)
{
	struct str s = page_query(v, name);
	uint64_t n;
	if (!s.p || s.n == 0)
		return true;
	if (!str_to_u64(s, &n) || n > INT64_MAX) {
		visit_refuse(v, 400, "%s is a whole number", name);
		return false;
	}
	*out = (int64_t)n;
	return true;
}

static void on_figures_asked(void *arg, struct visit *v)
{
	page_job_start(page_job_new(arg, v, JOB_FIGURES));
}

static void on_lives(void *arg, struct visit *v)
{
	struct job *j = page_job_new(arg, v, JOB_LIVES);
	struct str kind = page_query(v, "kind"), q = page_query(v, "q");
	bool good = kind.n == 0;
	for (int i = 0; i < 5; i++)
		if (str_is(kind, kinds[i])) {
			j->ask.kind = (enum life_kind)i;
			good = true;
		}
	if (!good || q.n > 100 || memchr(q.n ? q.p : "x", 0, q.n)) {
		visit_refuse(
			v, 400, good ? "q is at most 100 characters" : "kind is all, flight, odd, parked or taken");
		page_job_free(j);
		return;
	}
	if (!query_int(v, "before", &j->ask.before) || !query_int(v, "after", &j->ask.after) ||
		!query_int(v, "at", &j->ask.at)) {
		page_job_free(j);
		return;
	}
	for (int i = 0; i < 5 && q.n; i++) /* a state is a kind */
		if (str_is(q, i == 1 ? "sent" : i == 4 ? "taken back" : kinds[i])) {
			j->ask.kind = (enum life_kind)i;
			q.n = 0;
		}
	j->ask.q = (struct str){q.n ? mem_textn(q.p, q.n) : NULL, q.n};
	page_job_start(j);
}

static void on_strip(void *arg, struct visit *v)
{
	int64_t bars = 240;
	if (!query_int(v, "bars", &bars))
		return;
	struct job *j = page_job_new(arg, v, JOB_STRIP);
	j->bars = (uint64_t)(bars < 1 ? 1 : bars > 1000 ? 1000 : bars);
	page_job_start(j);
}

static void on_story(void *arg, struct visit *v)
{
	const struct serve_name *id = names_find(&v->names, STR("id"));
	struct job *j = page_job_new(arg, v, JOB_STORY);
	snprintf(
		j->of, sizeof j->of, "%.*s", id ? (int)(id->text.n < 40 ? id->text.n : 40) : 0, id ? id->text.p : "");
	if (page_act_of(j) && !j->group) {
		page_job_start(j);
		return;
	}
	visit_refuse(v, 404, "There is no life %s", j->of);
	page_job_free(j);
}

void page_ask_add(struct page *p)
{
	struct door *d = p->door;
	door_add(d, "GET", "/_fairlead/figures", on_figures_asked, p);
	door_add(d, "GET", "/_fairlead/lives", on_lives, p);
	door_add(d, "GET", "/_fairlead/strip", on_strip, p);
	door_add(d, "GET", "/_fairlead/story/{id}", on_story, p);
}
