/* The page's own paths (feed.h says what each answers): the document, and who watches it. */
#include "reconciler/page/page_in.h"

#include "common/base/mem.h"
#include "reconciler/page/put.h"
#include "reconciler/page/site.h"

#include <math.h>
#include <stdlib.h>

enum { WATCHERS = 256 };

struct watcher {
	struct watcher *next;
	struct page *p;
	struct http_stream *stream;
	bool told; /* has the whole document */
};

void page_settle(struct page *p)
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

bool page_known(const struct page *p)
{
	const struct seen *s = look_seen(p->look);
	return s->pg_known && s->redis_known;
}

void page_whole(struct page *p, struct buf *b)
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
	page_settle(p);
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
			page_whole(p, &all);
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
	page_settle(p);
}

static void on_look(void *arg)
{
	struct page *p = arg;
	struct buf changed = {0};
	make_parts(p, &changed);
	if (page_known(p))
		tell_watchers(p, &changed);
	buf_fini(&changed);
	page_jobs_run(p);
}

/* ── its life ── */

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
	site_add(m->config, d);
	door_add(d, "GET", "/_fairlead/feed", on_feed, p);
	page_ask_add(p);
	page_act_add(p);
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
		page_job_free(j);
	}
	for (int i = 0; i < FEED_PARTS; i++)
		buf_fini(&p->parts[i]);
	tell_fini(&p->telling);
	auth_key_free(p->admin);
	p->closed = true;
	if (p->running == 0)
		free(p);
}
