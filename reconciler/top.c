#include "reconciler/top.h"

#include "common/base/mem.h"
#include "common/base/sentence.h"
#include "reconciler/page/feed.h"
#include "reconciler/page/put.h"
#include "reconciler/page/story.h"
#include "reconciler/pane.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

enum { ONCE_LIMIT_MS = 5000, BLOCK_LOOKS = 5, TYPED = 100 };

struct top {
	struct member *m;
	struct loop *loop;
	struct look *look;
	struct telling telling;
	struct view *view;
	struct buf screen, shown, pane, words[8];
	struct timer *limit;
	bool once, tty, typing, filtered;
	char typed[TYPED];
	struct arena found; /* of a filter */
	struct readable *keys;
	struct termios was;
	int exit_code;
};

/* ── what is seen, as a view ── */

static const char *plain(struct top *t, int slot, const char *rich)
{
	struct buf *b = &t->words[slot];
	buf_clear(b);
	if (!rich)
		return NULL;
	sentence_plain(b, str_of(rich), look_seen(t->look)->now, " ");
	return b->p ? b->p : "";
}

static void take_verdict(struct top *t)
{
	struct view *v = t->view;
	const struct tell_cause *c = &t->telling.verdict;
	v->tone = c->tone;
	v->h1 = c->h1;
	v->lead = plain(t, 0, c->lead);
	v->you = plain(t, 1, c->you);
	v->meanwhile = plain(t, 2, c->meanwhile);
	v->seen = plain(t, 3, c->seen);
	for (int i = 0; i < VIEW_OTHERS; i++)
		v->others[i] = (size_t)i < t->telling.nothers ? t->telling.others[i].h1 : NULL;
}

static void take_chain(struct view *v, const struct seen *s)
{
	const struct fig_chain *c = &s->figures.chains[0];
	v->events = v->applied_lag = 0;
	if (s->figures.nchains == 0)
		return;
	snprintf(v->chain, sizeof v->chain, "%s", c->name);
	v->head = c->head;
	v->done = c->done;
	v->final = c->final;
	v->listening = c->listening;
	v->catching_up = c->catching_up;
	v->head_age_ms = c->at >= 0 ? s->now - c->at : 0;
	for (size_t i = 0; i < s->figures.nchains; i++) {
		v->events += s->figures.chains[i].events;
		v->applied_lag += s->figures.chains[i].lag > 0 ? s->figures.chains[i].lag : 0;
	}
}

static void take_flow(struct view *v, const struct seen *s)
{
	static const char *const programs[] = {"listener", "batcher", "submitter", "reconciler"};
	const struct figures *f = &s->figures;
	v->items_waiting = f->waiting;
	v->items_parked = f->parked;
	v->ready = f->ready;
	v->done_batches = f->done_batches;
	v->due_ms = f->due > 0 ? f->due - s->now : -1;
	v->sending_items = f->sent_items;
	v->mined_not_final = f->mined_items;
	v->sending = f->sent_txs;
	v->oldest_sending_ms = f->oldest_sent > 0 ? s->now - f->oldest_sent : -1;
	v->median_ms = f->median_ms;
	for (int i = 0; i < 4; i++) {
		bool wanted = i != 2 || s->config->nbatches > 0; /* a lane that an earlier file had */
		v->absent_ms[i] =
			wanted && f->loaded && f->unheld[i] >= 0 ? (f->unheld[i] > 0 ? s->now - f->unheld[i] : 0) + 1 : 0;
		v->processes[i] = tell_count(s, programs[i]);
		if (s->redis_away && !v->absent_ms[i])
			v->processes[i] = 1; /* who holds a lane is there, heard or not */
	}
}

static void take_rates(struct view *v, const struct seen *s)
{
	v->events_per_min = v->batches_per_min = -1;
	v->blocks_per_s = 0;
	if (s->nrates < 2)
		return;
	size_t last = s->nrates - 1, before = s->nrates > BLOCK_LOOKS ? last - BLOCK_LOOKS : 0;
	double sec = (double)(s->rates[last].at - s->rates[before].at) / 1000;
	double min = (double)(s->rates[last].at - s->rates[0].at) / 60000;
	if (sec > 0.5)
		v->blocks_per_s = (double)(s->rates[last].done - s->rates[before].done) / sec;
	if (min < 0.05)
		return;
	v->events_per_min = (double)(s->rates[last].events - s->rates[0].events) / min;
	v->batches_per_min = (double)(s->rates[last].batches - s->rates[0].batches) / min;
}

struct offer {
	const struct view *v;
	char *out;
	size_t size, at;
};

static void add_fee(void *arg, const char *gwei)
{
	struct offer *o = arg;
	int n =
		snprintf(o->out + o->at, o->size - o->at, "%s%s", o->at ? (o->v->utf8 ? " → " : " > ") : "", gwei);
	o->at += n > 0 && (size_t)n < o->size - o->at ? (size_t)n : 0;
}

static void take_life(const struct view *v, struct view_life *l, const struct life *f, int64_t now)
{
	struct offer o = {.v = v, .out = l->offered, .size = sizeof l->offered};
	*l = (struct view_life){.id = f->id,
		.block = f->event_block,
		.log = f->event_log,
		.nonce = f->nonce,
		.mined_block = f->mined_block,
		.event_ms = f->event_at,
		.to_mined_ms = f->mined >= 0 ? f->mined - f->made : -1,
		.age_ms = now - (f->turned >= 0 && !text_is(f->state, "batched") ? f->turned : f->made),
		.is_final = life_state(f) == STATE_FINAL,
		.taken_back = life_state(f) == STATE_TAKEN};
	snprintf(l->key, sizeof l->key, "%s", f->key);
	snprintf(l->event, sizeof l->event, "%s", f->event);
	if (f->batch >= 0)
		snprintf(l->batch, sizeof l->batch, "%" PRId64, f->batch);
	life_fees(f, add_fee, &o);
	snprintf(l->state, sizeof l->state, "%s", f->state);
	struct buf why = {0};
	if (f->reason[0])
		sentence_say(&why, str_of(f->reason), SENTENCE_TEXT, now);
	snprintf(l->reason, sizeof l->reason, "%s", why.n ? why.p : "");
	buf_fini(&why);
	if (l->is_final)
		snprintf(l->final, sizeof l->final, "final");
	else if (l->mined_block >= 0)
		snprintf(l->final, sizeof l->final, "%" PRId64 " of %" PRId64,
			f->head > l->mined_block ? f->head - l->mined_block : 0, f->head - f->chain_final);
}

static void fill(struct top *t)
{
	struct view *v = t->view;
	const struct seen *s = look_seen(t->look);
	tell(&t->telling, s);
	take_verdict(t);
	v->loaded = s->figures.loaded;
	v->pg_away_ms = s->pg_away ? s->now - s->pg_away + 1 : 0;
	v->figures_ms = s->figures.at;
	v->pg_ms = s->pg_ms;
	v->redis_ms = s->redis_away ? -1 : s->redis_ms < 0 ? 0 : s->redis_ms;
	take_chain(v, s);
	take_flow(v, s);
	take_rates(v, s);
	if (t->filtered)
		return;
	v->nlives = 0;
	for (size_t i = 0; i < s->figures.nlives && v->nlives < VIEW_LIVES; i++)
		take_life(v, &v->lives[v->nlives++], &s->figures.lives[i], s->now);
}

/* ── a section ── */

static void make_pane(struct top *t)
{
	static const enum feed_part parts[] = {
		[VIEW_PARKED] = FEED_PARKED, [VIEW_CHAINS] = FEED_CHAINS, [VIEW_SIGNERS] = FEED_SIGNERS};
	const struct seen *s = look_seen(t->look);
	enum view_section at = t->view->section;
	struct buf json = {0};
	if (at == VIEW_NOW || at == VIEW_STORY ||
		at == VIEW_ROUTES) /* those come from PostgreSQL, when asked for */
		return;
	if (at != VIEW_KEYS) {
		put_open(&json, NULL, '{');
		feed_put(&json, parts[at], s, &t->telling, NULL, 0);
		put_close(&json, '}');
		put_end(&json);
	}
	buf_clear(&t->pane);
	pane_of(&t->pane, at, (struct str){json.p, json.n}, s->now, t->view->utf8);
	buf_fini(&json);
}

/* ── drawing ── */

static void size_of_terminal(struct view *v)
{
	struct winsize w = {0};
	v->width = 100;
	v->height = 0;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 0) {
		v->width = w.ws_col;
		v->height = w.ws_row;
	}
}

/* false: the terminal is gone. */
static bool write_all(const char *p, size_t n)
{
	while (n > 0) {
		ssize_t k = write(STDOUT_FILENO, p, n);
		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return false;
		p += k;
		n -= (size_t)k;
	}
	return true;
}

/* Copies one line, cut at the terminal's width; escape sequences take no room. Returns what follows it. */
static const char *clip_line(struct buf *out, const char *p, int width)
{
	int col = 0;
	for (; *p && *p != '\n'; p++) {
		if (*p == '\033') {
			const char *end = strchr(p, 'm');
			if (!end)
				break;
			buf_put(out, p, (size_t)(end - p) + 1);
			p = end;
			continue;
		}
		col += (*p & 0xC0) != 0x80;
		if (col <= width)
			buf_char(out, *p);
	}
	return *p == '\n' ? p + 1 : p;
}

static void finish(struct top *t, int code)
{
	t->exit_code = code;
	loop_end(t->loop, code);
}

static void draw(struct top *t)
{
	struct view *v = t->view;
	v->now_ms = clock_wall_ms();
	fill(t);
	make_pane(t);
	v->pane = t->pane.p;
	if (t->tty)
		size_of_terminal(v);
	buf_clear(&t->screen);
	view_render(v, &t->screen);
	if (!t->tty) {
		write_all(t->screen.p, t->screen.n);
		return;
	}
	buf_clear(&t->shown);
	buf_text(&t->shown, "\033[H");
	int row = 0;
	for (const char *p = t->screen.p; *p && row < v->height - 1; row++) {
		p = clip_line(&t->shown, p, v->width);
		buf_text(&t->shown, "\033[0m\033[K\r\n");
	}
	buf_text(&t->shown, "\033[J");
	if (!write_all(t->shown.p, t->shown.n))
		finish(t, 0);
}

/* ── asking ── */

/* --once: printed when both servers have answered, or are known not to. */
static void on_look(void *arg)
{
	struct top *t = arg;
	const struct seen *s = look_seen(t->look);
	if (!t->once) {
		if (s->pg_known || s->figures.loaded)
			draw(t);
		return;
	}
	if (s->pg_known && !s->pg_away && !s->figures.loaded) {
		fprintf(stderr, "The fleet's tables can't be read: %s\n", s->pg_error);
		finish(t, 75);
	} else if (s->figures.loaded && s->redis_known) {
		draw(t);
		finish(t, 0);
	}
}

static void on_limit(void *arg)
{
	struct top *t = arg;
	draw(t);
	finish(t, 75);
}

static void on_term(void *arg)
{
	finish(arg, 0);
}

static void show_pane(struct top *t, enum view_section at, const struct buf *json)
{
	t->view->section = at;
	buf_clear(&t->pane);
	pane_of(&t->pane, at, (struct str){json->p, json->n}, look_seen(t->look)->now, t->view->utf8);
	draw(t);
}

static void on_story(void *arg, const struct pg_reply *r)
{
	struct top *t = arg;
	struct buf json = {0};
	if (r->outcome == PG_OK && story_put(&json, r, look_seen(t->look)))
		show_pane(t, VIEW_STORY, &json);
	buf_fini(&json);
}

static void on_routes(void *arg, const struct pg_reply *r)
{
	struct top *t = arg;
	struct buf json = {0};
	if (r->outcome != PG_OK)
		return;
	put_open(&json, NULL, '{');
	put_open(&json, "routes", '[');
	for (int i = 0; i < pg_rows(r, 0); i++) {
		put_open(&json, NULL, '{');
		put_text(&json, "route", pg_get_text(r, 0, i, 0));
		put_int(&json, "asked", pg_get_int(r, 0, i, 1));
		put_int(&json, "refused", pg_get_int(r, 0, i, 2));
		put_int(&json, "failed", pg_get_int(r, 0, i, 3));
		put_close(&json, '}');
	}
	put_close(&json, ']');
	put_close(&json, '}');
	put_end(&json);
	show_pane(t, VIEW_ROUTES, &json);
	buf_fini(&json);
}

static void on_found(void *arg, const struct pg_reply *r)
{
	struct top *t = arg;
	struct view *v = t->view;
	if (r->outcome != PG_OK || !t->filtered)
		return;
	arena_reset(&t->found);
	v->nlives = 0;
	for (int i = 0; i < pg_rows(r, 0) && v->nlives < VIEW_LIVES; i++) {
		struct life l;
		life_take(&l, &t->found, r, 0, i);
		take_life(v, &v->lives[v->nlives++], &l, look_seen(t->look)->now);
	}
	draw(t);
}

static struct pg_unit *unit(struct top *t)
{
	return look_pg(t->look) ? pg_unit(look_pg(t->look)) : NULL;
}

static void search(struct top *t)
{
	struct lives_ask ask = {.before = -1, .after = -1, .at = -1, .q = str_of(t->typed)};
	struct pg_unit *u = t->typed[0] ? unit(t) : NULL;
	t->filtered = u != NULL;
	t->view->typed = t->filtered ? t->typed : NULL;
	if (!u)
		return;
	lives_ask(u, &ask);
	pg_unit_run(u, 0, on_found, t);
}

/* ── keys ── */

static void typing(struct top *t, char c)
{
	size_t n = strlen(t->typed);
	if (c == 27) {
		t->typing = t->filtered = false;
		t->view->typed = NULL;
	} else if (c == '\n' || c == '\r') {
		t->typing = false;
		search(t);
	} else if ((c == 127 || c == 8) && n > 0) {
		t->typed[n - 1] = 0;
	} else if ((unsigned char)c >= ' ' && c != 127 && n + 1 < TYPED) {
		t->typed[n] = c;
		t->typed[n + 1] = 0;
	}
	t->view->chosen = t->typing ? -2 : -1;
}

static void toggle(struct top *t, enum view_section at)
{
	t->view->section = t->view->section == at ? VIEW_NOW : at;
}

static void unfold(struct top *t)
{
	struct view *v = t->view;
	struct pg_unit *u;
	if (v->section != VIEW_NOW) {
		v->section = VIEW_NOW;
		return;
	}
	if (v->chosen < 0 || (size_t)v->chosen >= v->nlives || !(u = unit(t)))
		return;
	story_ask(u, v->lives[v->chosen].id);
	pg_unit_run(u, 0, on_story, t);
}

static void ask_routes(struct top *t)
{
	struct pg_unit *u;
	if (t->view->section == VIEW_ROUTES || !(u = unit(t))) {
		t->view->section = VIEW_NOW;
		return;
	}
	routes_ask(u);
	pg_unit_run(u, 0, on_routes, t);
}

static void on_key(struct top *t, char c)
{
	struct view *v = t->view;
	if (t->typing) {
		typing(t, c);
		return;
	}
	switch (c) {
	case 'q': finish(t, 0); break;
	case '/':
		t->typing = true;
		t->typed[0] = 0;
		v->typed = t->typed;
		v->chosen = -2;
		v->section = VIEW_NOW;
		break;
	case 'j':
		v->chosen = v->chosen + 1 < (int)v->nlives ? (v->chosen < 0 ? 0 : v->chosen + 1) : v->chosen;
		break;
	case 'k': v->chosen = v->chosen > 0 ? v->chosen - 1 : v->chosen; break;
	case '\r':
	case '\n': unfold(t); break;
	case 'p': toggle(t, VIEW_PARKED); break;
	case 'c': toggle(t, VIEW_CHAINS); break;
	case 's': toggle(t, VIEW_SIGNERS); break;
	case 'r': ask_routes(t); break;
	case '?': toggle(t, VIEW_KEYS); break;
	case 27:
		v->section = VIEW_NOW;
		t->filtered = false;
		v->typed = NULL;
		v->chosen = -1;
		break;
	default: break;
	}
}

static void on_readable(void *arg)
{
	struct top *t = arg;
	char in[64];
	ssize_t n = read(STDIN_FILENO, in, sizeof in);
	if (n <= 0 && !(n < 0 && (errno == EAGAIN || errno == EINTR))) {
		readable_close(t->keys); /* nobody types any more; the screen goes on */
		t->keys = NULL;
		return;
	}
	for (ssize_t i = 0; i < n; i++) {
		if (in[i] == 27 && n > 1) /* an arrow, a function key */
			break;
		on_key(t, in[i]);
	}
	draw(t);
}

/* ── the terminal ── */

static void raw_terminal(struct top *t)
{
	struct termios raw;
	if (tcgetattr(STDIN_FILENO, &t->was) == 0) {
		raw = t->was;
		raw.c_lflag &= ~(tcflag_t)(ECHO | ICANON);
		tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	}
	write_all("\033[?1049h\033[?25l\033[2J", 18);
	t->keys = isatty(STDIN_FILENO) ? readable_open(t->loop, STDIN_FILENO, on_readable, t) : NULL;
}

static void leave_terminal(struct top *t)
{
	readable_close(t->keys);
	write_all("\033[?25h\033[?1049l", 14);
	tcsetattr(STDIN_FILENO, TCSANOW, &t->was);
}

static bool utf8_terminal(void)
{
	static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
	for (int i = 0; i < 3; i++) {
		const char *s = getenv(names[i]);
		if (s && *s)
			return strstr(s, "UTF-8") || strstr(s, "utf8") || strstr(s, "utf-8");
	}
	return true; /* nothing is said: most terminals of today can */
}

int top_main(void *arg, struct member *m)
{
	(void)arg;
	static struct top t; /* answers may come until the loop is freed */
	t = (struct top){
		.m = m, .loop = loop_new(), .once = m->options.once, .view = mem_alloc(sizeof(struct view))};
	t.tty = !t.once && isatty(STDOUT_FILENO);
	t.view->color = t.tty && !getenv("NO_COLOR");
	t.view->utf8 = utf8_terminal();
	t.view->foot = getenv("FAIRLEAD_TOP_FOOT");
	t.view->width = 100;
	t.view->chosen = -1;
	t.view->keys = t.tty;
	tell_item_name(m->config, t.view->key, sizeof t.view->key);
	snprintf(t.view->app, sizeof t.view->app, "%s", m->config->name);
	char *conninfo = pg_conninfo_from_env(), *url = redis_url_from_env();
	struct look_options o = {.loop = t.loop,
		.config = m->config,
		.conninfo = conninfo,
		.redis_url = url,
		.on_look = on_look,
		.arg = &t};
	t.look = look_open(&o);
	loop_on_term(t.loop, on_term, &t);
	if (t.tty)
		raw_terminal(&t);
	if (t.once)
		timer_start(t.loop, &t.limit, ONCE_LIMIT_MS, on_limit, &t);
	look_start(t.look);
	loop_run(t.loop);
	if (t.tty)
		leave_terminal(&t);
	timer_free(&t.limit);
	look_close(t.look);
	loop_free(t.loop);
	free(conninfo);
	free(url);
	buf_fini(&t.screen);
	buf_fini(&t.shown);
	buf_fini(&t.pane);
	for (size_t i = 0; i < sizeof t.words / sizeof *t.words; i++)
		buf_fini(&t.words[i]);
	arena_fini(&t.found);
	tell_fini(&t.telling);
	free(t.view);
	return t.exit_code;
}
