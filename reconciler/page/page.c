/* The page's own paths (feed.h says what each answers). What needs PostgreSQL waits a moment for it. */
#include "reconciler/page/feed.h"

#include "common/base/mem.h"
#include "common/io/log.h"
#include "reconciler/page/put.h"
#include "reconciler/page/site.h"
#include "reconciler/page/story.h"
#include "reconciler/serve/auth.h"
#include "reconciler/serve/json.h"
#include "reconciler/serve/path.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { WAIT_MS = 4000, WATCHERS = 256, PAGE_ROWS = 100, ROUTES = 256 };

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
struct watcher {
	struct watcher *next;
	struct page *p;
	struct http_stream *stream;
	bool told; /* has the whole document */
};
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

static void settle(struct page *p)
{
	if (p->watchers || p->waiting)
		look_start(p->look);
	else
		look_stop(p->look);
}

/* ── the document ── */

static void on_figures(void *arg, const struct way_figures *f)
{
	struct page *p = arg;
	if (p->nroutes == ROUTES || strstr(f->label, "/_fairlead") ||
		(text_is(f->label, "GET /") && !site_taken(p->m->config)))
		return;
	double asked = (double)f->asked;
	p->routes[p->nroutes] = (struct feed_route){.route = f->label,
		.per_min = asked,
		.p50 = f->p50_ms,
		.p99 = f->p99_ms,
		.cache = f->cached && f->asked ? (double)f->cached / asked : NAN,
		.refused = f->refused,
		.failed = f->failed};
	p->nroutes++;
}

/* Requests since ten seconds ago or more, a minute. */
static void routes(struct page *p, int64_t now)
{
	size_t n = p->nroutes;
	p->nroutes = 0;
	door_figures(p->door, on_figures, p);
	bool due = now - p->rates_at >= 10000 || n != p->nroutes;
	double min = (double)(now - p->rates_at) / 60000;
	for (size_t i = 0; i < p->nroutes; i++) {
		uint64_t asked = (uint64_t)p->routes[i].per_min;
		if (due) {
			p->rates[i] = p->rates_at && min > 0 && asked >= p->before[i].asked
							  ? (double)(asked - p->before[i].asked) / min
							  : 0;
			p->before[i].asked = asked;
		}
		p->routes[i].per_min = p->rates[i];
	}
	p->rates_at = due ? now : p->rates_at;
}

static void stamp(const struct page *p, struct buf *b)
{
	const struct seen *s = look_seen(p->look);
	put_open(b, NULL, '{');
	put_int(b, "now", s->now);
	put_known(b, "as_of", s->figures.at);
}

static void finish(struct buf *b)
{
	put_close(b, '}');
	put_end(b);
}

static bool known(const struct page *p)
{
	const struct seen *s = look_seen(p->look);
	return s->pg_known && s->redis_known;
}

static void whole(struct page *p, struct buf *b)
{
	stamp(p, b);
	for (int i = 0; i < FEED_PARTS; i++)
		buf_put(b, p->parts[i].p, p->parts[i].n);
	finish(b);
}

/* Makes every part anew; what differs from what was told goes into changed. */
static void make_parts(struct page *p, struct buf *changed)
{
	const struct seen *s = look_seen(p->look);
	tell(&p->telling, s);
	routes(p, s->now);
	for (int i = 0; i < FEED_PARTS; i++) {
		struct buf part = {0};
		feed_put(&part, (enum feed_part)i, s, &p->telling, p->routes, p->nroutes);
		if (part.n == p->parts[i].n && memcmp(part.p, p->parts[i].p, part.n) == 0) {
			buf_fini(&part);
			continue;
		}
		buf_put(changed, part.p, part.n);
		buf_fini(&p->parts[i]);
		p->parts[i] = part;
	}
}

/* ── who watches ── */

static void forget(struct watcher *w)
{
	struct page *p = w->p;
	for (struct watcher **at = &p->watchers; *at; at = &(*at)->next)
		if (*at == w) {
			*at = w->next;
			break;
		}
	p->nwatchers--;
	free(w);
	settle(p);
}

static void on_gone(void *arg, enum http_gone why)
{
	(void)why;
	forget(arg);
}

static struct http_frame *event(const struct buf *json)
{
	struct buf b = {0};
	buf_text(&b, "event: figures\ndata: ");
	buf_put(&b, json->p, json->n);
	buf_text(&b, "\n\n");
	struct http_frame *f = http_frame_new((struct str){b.p, b.n});
	buf_fini(&b);
	return f;
}

static void tell_watchers(struct page *p, const struct buf *changed)
{
	struct buf part = {0}, all = {0};
	stamp(p, &part);
	buf_put(&part, changed->p, changed->n);
	finish(&part);
	struct http_frame *f = event(&part), *first = NULL;
	for (struct watcher *w = p->watchers, *next; w; w = next) {
		next = w->next;
		if (!w->told && !first) {
			whole(p, &all);
			first = event(&all);
		}
		http_stream_send(w->stream, w->told ? f : first);
		w->told = true;
	}
	http_frame_drop(f);
	if (first)
		http_frame_drop(first);
	buf_fini(&part);
	buf_fini(&all);
}

static void on_feed(void *arg, struct visit *v)
{
	struct page *p = arg;
	if (p->nwatchers >= WATCHERS) {
		visit_header(v, "Retry-After", "10");
		visit_refuse(v, 503, "%d look at the page already; ask again", WATCHERS);
		return;
	}
	struct watcher *w = mem_alloc(sizeof *w);
	*w = (struct watcher){.next = p->watchers, .p = p};
	struct http_stream_options o = {.max_unsent = 1 << 20, .on_gone = on_gone, .arg = w};
	visit_header(v, "Cache-Control", "no-store");
	w->stream = http_answer_stream(visit_take(v, 200), 200, "text/event-stream; charset=utf-8", &o);
	p->watchers = w;
	p->nwatchers++;
	http_stream_write(w->stream, STR("retry: 1000\n\n"));
	settle(p);
}

/* ── jobs: answers that wait for PostgreSQL ── */

static void answer(struct visit *v, int status, struct buf *b)
{
	visit_header(v, "Cache-Control", "no-store");
	visit_answer(v, status, "application/json", (struct str){b->p, b->n});
	buf_fini(b);
}

static void free_job(struct job *j)
{
	free((void *)(uintptr_t)j->ask.q.p);
	free(j);
}

static void late(struct job *j)
{
	visit_header(j->v, "Retry-After", "1");
	visit_refuse(j->v, 503, "PostgreSQL does not answer; nothing is lost, ask again");
	free_job(j);
}

/* A job came back from PostgreSQL. true: it is over, by a failure or because the page is. */
static bool failed(struct job *j, const struct pg_reply *r)
{
	struct page *p = j->p;
	p->running--;
	if (p->closed) {
		free_job(j);
		if (p->running == 0)
			free(p);
		return true;
	}
	if (r->outcome == PG_OK)
		return false;
	if (r->outcome == PG_REFUSED && j->kind == JOB_ACT_DO && text_is(r->sqlstate, "42501")) {
		visit_refuse(j->v, 403, "The role that serves this page may not act");
	} else if (r->outcome == PG_REFUSED) {
		log_odd("page.refused", "PostgreSQL refused what the page asked", F_STR("sqlstate", r->sqlstate),
			F_STR("reason", r->err.text));
		visit_refuse(j->v, 500, "PostgreSQL refused it");
	} else {
		late(j);
		return true;
	}
	free_job(j);
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
	if (failed(j, r))
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
	answer(j->v, 200, &b);
	free_job(j);
}

static void on_strip_rows(void *arg, const struct pg_reply *r)
{
	struct job *j = arg;
	struct buf b = {0};
	if (failed(j, r))
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
	answer(j->v, 200, &b);
	free_job(j);
}

static void on_story_rows(void *arg, const struct pg_reply *r)
{
	struct job *j = arg;
	struct buf b = {0};
	if (failed(j, r))
		return;
	bool there = j->letter >= 0 ? letter_put(&b, r, j->letter, look_seen(j->p->look))
								: story_put(&b, r, look_seen(j->p->look));
	if (there)
		answer(j->v, 200, &b);
	else
		visit_refuse(j->v, 404, "There is no life %s", j->of);
	free_job(j);
}

/* ── acts ── */

/* What an act means: a life, a group by its newest life, a dead letter, a batch of the file. */
static bool meant(struct job *j)
{
	const char *of = j->of;
	const struct config *c = j->p->m->config;
	uint64_t n;
	j->id = j->letter = -1;
	j->group = text_starts(of, "group:g");
	if (text_is(j->act, "flush")) {
		for (size_t i = 0; i < c->nbatches; i++)
			if (text_is(c->batches[i].name, of))
				return true;
		return false;
	}
	if (j->group)
		of += 7;
	bool letter = *of == 'd';
	if (!str_to_u64(str_of(letter ? of + 1 : of), &n) || n > INT64_MAX)
		return false;
	*(letter ? &j->letter : &j->id) = (int64_t)n;
	return true;
}

static void put_effect(struct job *j, const char *what, const char *state, int64_t n, struct act_words *w)
{
	snprintf(j->what, sizeof j->what, "%.90s", what);
	act_words(w, j->act, j->what, state, n);
}

static int64_t of_group(const struct job *j)
{
	const struct figures *f = &look_seen(j->p->look)->figures;
	for (size_t i = 0; j->group && i < f->ngroups; i++)
		if (f->groups[i].newest == j->id)
			return f->groups[i].n;
	return 1;
}

static void on_act_known(void *arg, const struct pg_reply *r)
{
	struct job *j = arg;
	struct act_words w;
	struct buf b = {0};
	if (failed(j, r))
		return;
	if (text_is(j->act, "flush")) {
		put_effect(j, j->of, "", 1, &w);
	} else if (pg_rows(r, 0) == 0) {
		visit_refuse(j->v, 404, "There is no life %s", j->of);
		free_job(j);
		return;
	} else if (j->letter >= 0) {
		put_effect(j, "that event", *pg_get_text(r, 0, 0, 7) ? "done" : "letter", 1, &w);
	} else {
		put_effect(j, pg_get_text(r, 0, 0, 1), pg_get_text(r, 0, 0, 3), of_group(j), &w);
	}
	act_put(&b, NULL, j->act, j->of, &w);
	put_end(&b);
	answer(j->v, 200, &b);
	free_job(j);
}

static void on_acted(void *arg, const struct pg_reply *r)
{
	struct job *j = arg;
	struct buf b = {0};
	char text[160];
	if (failed(j, r))
		return;
	int64_t n = pg_get_int(r, 0, 0, 0);
	if (n == 0 && !text_is(j->act, "flush")) {
		visit_refuse(j->v, 409, "Nothing was done: %s is neither parked nor dead any more", j->of);
		free_job(j);
		return;
	}
	snprintf(text, sizeof text,
		text_is(j->act, "drop")    ? "Dropped %" PRId64 ": never sent."
		: text_is(j->act, "flush") ? "%" PRId64 " leave now."
								   : "%" PRId64 " wait for the next batch.",
		n);
	log_info("act", "Somebody acted by hand", F_STR("act", j->act), F_STR("of", j->of), F_INT("n", n),
		F_STR("who", j->v->who ? j->v->who : "admin"));
	look_now(j->p->look);
	put_open(&b, NULL, '{');
	put_bool(&b, "done", true);
	put_text(&b, "text", text);
	put_close(&b, '}');
	put_end(&b);
	answer(j->v, 200, &b);
	free_job(j);
}

static void run_job(struct job *j)
{
	struct pg *pg = look_pg(j->p->look);
	struct pg_unit *u = pg_unit(pg);
	pg_done_fn fn = on_lives_rows;
	switch (j->kind) {
	case JOB_LIVES: lives_ask(u, &j->ask); break;
	case JOB_STRIP: strip_ask(u, (int)j->bars), fn = on_strip_rows; break;
	case JOB_STORY:
	case JOB_ACT_ASK:
		fn = j->kind == JOB_STORY ? on_story_rows : on_act_known;
		if (j->letter >= 0)
			letter_ask(u, j->letter);
		else
			story_ask(u, j->id);
		break;
	case JOB_ACT_DO:
		fn = on_acted;
		if (text_is(j->act, "flush"))
			act_flush_ask(u, "admin", j->of);
		else if (text_is(j->act, "retry"))
			act_retry_ask(u, "admin", j->of, j->id, j->group);
		else
			act_drop_ask(u, "admin", j->of, j->id, j->group, j->letter);
		break;
	case JOB_FIGURES: break;
	}
	j->p->running++;
	pg_unit_run(u, WAIT_MS, fn, j);
}

static void run_jobs(struct page *p)
{
	const struct seen *s = look_seen(p->look);
	struct job **at = &p->waiting;
	while (*at) {
		struct job *j = *at;
		bool can =
			j->kind == JOB_FIGURES ? known(p) || s->now >= j->until : look_pg(p->look) && s->figures.loaded;
		if (!can && s->now < j->until) {
			at = &j->next;
			continue;
		}
		*at = j->next;
		if (j->kind == JOB_FIGURES) {
			struct buf b = {0};
			whole(p, &b);
			answer(j->v, 200, &b);
			free_job(j);
		} else if (can) {
			run_job(j);
		} else {
			late(j);
		}
	}
	settle(p);
}

static void on_look(void *arg)
{
	struct page *p = arg;
	struct buf changed = {0};
	make_parts(p, &changed);
	if (known(p))
		tell_watchers(p, &changed);
	buf_fini(&changed);
	run_jobs(p);
}

static struct job *job_new(struct page *p, struct visit *v, enum job_kind kind)
{
	struct job *j = mem_alloc(sizeof *j);
	*j = (struct job){
		.p = p, .v = v, .kind = kind, .until = clock_wall_ms() + WAIT_MS, .id = -1, .letter = -1};
	j->ask = (struct lives_ask){.before = -1, .after = -1, .at = -1, .limit = PAGE_ROWS + 1};
	return j;
}

static void job_start(struct job *j)
{
	struct page *p = j->p;
	j->next = p->waiting;
	p->waiting = j;
	settle(p);
	if (look_pg(p->look) && look_seen(p->look)->figures.loaded && j->kind != JOB_FIGURES)
		run_jobs(p);
}

/* ── requests ── */

/* The value of name in the query, decoded; p == NULL: not there. */
static struct str query_value(struct visit *v, const char *name)
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
	struct str s = query_value(v, name);
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
	job_start(job_new(arg, v, JOB_FIGURES));
}

static void on_lives(void *arg, struct visit *v)
{
	struct job *j = job_new(arg, v, JOB_LIVES);
	struct str kind = query_value(v, "kind"), q = query_value(v, "q");
	bool good = kind.n == 0;
	for (int i = 0; i < 5; i++)
		if (str_is(kind, kinds[i])) {
			j->ask.kind = (enum life_kind)i;
			good = true;
		}
	if (!good || q.n > 100 || memchr(q.n ? q.p : "x", 0, q.n)) {
		visit_refuse(
			v, 400, good ? "q is at most 100 characters" : "kind is all, flight, odd, parked or taken");
		free_job(j);
		return;
	}
	if (!query_int(v, "before", &j->ask.before) || !query_int(v, "after", &j->ask.after) ||
		!query_int(v, "at", &j->ask.at)) {
		free_job(j);
		return;
	}
	for (int i = 0; i < 5 && q.n; i++) /* a state is a kind */
		if (str_is(q, i == 1 ? "sent" : i == 4 ? "taken back" : kinds[i])) {
			j->ask.kind = (enum life_kind)i;
			q.n = 0;
		}
	j->ask.q = (struct str){q.n ? mem_textn(q.p, q.n) : NULL, q.n};
	job_start(j);
}

static void on_strip(void *arg, struct visit *v)
{
	int64_t bars = 240;
	if (!query_int(v, "bars", &bars))
		return;
	struct job *j = job_new(arg, v, JOB_STRIP);
	j->bars = (uint64_t)(bars < 1 ? 1 : bars > 1000 ? 1000 : bars);
	job_start(j);
}

static void on_story(void *arg, struct visit *v)
{
	const struct serve_name *id = names_find(&v->names, STR("id"));
	struct job *j = job_new(arg, v, JOB_STORY);
	snprintf(
		j->of, sizeof j->of, "%.*s", id ? (int)(id->text.n < 40 ? id->text.n : 40) : 0, id ? id->text.p : "");
	if (meant(j) && !j->group) {
		job_start(j);
		return;
	}
	visit_refuse(v, 404, "There is no life %s", j->of);
	free_job(j);
}

static bool is_admin(struct page *p, struct visit *v, const char **why)
{
	*why = "The file names no auth called admin, so nobody may act";
	if (!p->admin ||
		!auth_let_in(p->admin, http_header(v->q, "Authorization"), clock_wall_ms() / 1000, &v->names, why))
		return false;
	v->who = "admin";
	return true;
}

static bool known_act(struct job *j)
{
	return (text_is(j->act, "retry") || text_is(j->act, "drop") || text_is(j->act, "flush")) && meant(j);
}

static void on_act_asked(void *arg, struct visit *v)
{
	struct page *p = arg;
	struct str act = query_value(v, "act"), of = query_value(v, "of");
	const char *why;
	if (act.n == 0) {
		struct buf b = {0};
		put_open(&b, NULL, '{');
		put_bool(&b, "admin", is_admin(p, v, &why));
		put_close(&b, '}');
		put_end(&b);
		answer(v, 200, &b);
		return;
	}
	struct job *j = job_new(p, v, JOB_ACT_ASK);
	snprintf(j->act, sizeof j->act, "%.*s", (int)(act.n < 11 ? act.n : 11), act.p);
	snprintf(j->of, sizeof j->of, "%.*s", (int)(of.n < 119 ? of.n : 119), of.p ? of.p : "");
	if (known_act(j)) {
		job_start(j);
		return;
	}
	visit_refuse(v, 400, "act is retry, drop or flush; of names a life, a group or a batch");
	free_job(j);
}

static bool read_act(struct job *j)
{
	struct err e = {0};
	struct str body = http_body(j->v->q), name;
	size_t at = 0;
	struct json value;
	if (!json_check(body, 4, &e))
		return false;
	struct json doc = json_value(body);
	while (doc.kind == JSON_OBJECT && json_next(doc, &at, &name, &value)) {
		struct str text =
			value.kind == JSON_STRING ? json_string(j->v->a, value.text) : (struct str){NULL, 0};
		char *into = str_is(name, "\"act\"") ? j->act : str_is(name, "\"of\"") ? j->of : NULL;
		size_t room = into == j->act ? sizeof j->act : sizeof j->of;
		if (into && text.p && text.n < room)
			snprintf(into, room, "%.*s", (int)text.n, text.p);
	}
	return known_act(j);
}

/* A page of elsewhere can't act with what this browser keeps: the token is in no cookie, and Authorization
 * can only be sent by whoever has it. */
static void on_act(void *arg, struct visit *v)
{
	struct page *p = arg;
	const char *why;
	if (!is_admin(p, v, &why)) {
		visit_header(v, "WWW-Authenticate", "Bearer");
		visit_refuse(v, 401, "%s", why);
		return;
	}
	struct job *j = job_new(p, v, JOB_ACT_DO);
	if (read_act(j)) {
		job_start(j);
		return;
	}
	visit_refuse(v, 400,
		"The body is {\"act\": \"retry\", \"drop\" or \"flush\", \"of\": a life, a group or a batch}");
	free_job(j);
}

/* ── its life ── */

static void admin_key(struct page *p)
{
	const struct serve_decl *s = &p->m->config->serve;
	struct err e = {0};
	for (size_t i = 0; i < s->nauths; i++)
		if (text_is(s->auths[i].name, "admin"))
			p->admin = auth_key_new(&s->auths[i], &e); /* what is wrong with it the door says */
}

struct page *page_open(struct member *m, struct door *d)
{
	struct page *p = mem_alloc(sizeof *p);
	p->m = m;
	p->door = d;
	struct look_options o = {.loop = m->loop,
		.config = m->config,
		.conninfo = m->conninfo,
		.redis_url = m->redis_url,
		.on_look = on_look,
		.arg = p};
	p->look = look_open(&o);
	admin_key(p);
	site_add(m->config, d);
	door_add(d, "GET", "/_fairlead/feed", on_feed, p);
	door_add(d, "GET", "/_fairlead/figures", on_figures_asked, p);
	door_add(d, "GET", "/_fairlead/lives", on_lives, p);
	door_add(d, "GET", "/_fairlead/strip", on_strip, p);
	door_add(d, "GET", "/_fairlead/story/{id}", on_story, p);
	door_add(d, "GET", "/_fairlead/act", on_act_asked, p);
	door_add(d, "POST", "/_fairlead/act", on_act, p);
	return p;
}

void page_close(struct page *p)
{
	if (!p)
		return;
	while (p->watchers) {
		struct watcher *w = p->watchers;
		p->watchers = w->next;
		http_stream_end(w->stream);
		free(w);
	}
	look_close(p->look);
	for (struct job *j = p->waiting, *next; j; j = next) {
		next = j->next;
		free_job(j);
	}
	for (int i = 0; i < FEED_PARTS; i++)
		buf_fini(&p->parts[i]);
	tell_fini(&p->telling);
	auth_key_free(p->admin);
	p->closed = true;
	if (p->running == 0)
		free(p);
}
