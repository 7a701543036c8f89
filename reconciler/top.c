#include "reconciler/top.h"

#include "common/base/mem.h"
#include "common/io/redis.h"
#include "reconciler/view.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { LOOK_MS = 1000, SILENT_MS = 2000, ONCE_LIMIT_MS = 5000, RATES = 61, BLOCK_LOOKS = 5 };

struct top {
	struct member *m;
	struct loop *loop;
	struct pg *pg;
	struct redis *redis;
	struct timer *timer, *draw_timer;
	struct view *view;
	struct buf screen, shown;
	bool once, tty, asking, pg_up, redis_known;
	uint64_t asked_us, down_since_ms, redis_asked_us;
	struct { /* one a look, newest last: events and batches so far */
		uint64_t at_ms;
		int64_t events, batches, done;
	} rates[RATES];
	int nrates;
	uint64_t unheld_since_ms[4]; /* nobody holds a lane of listen, apply, send, clock; 0: somebody does */
	struct termios was;
	int exit_code;
};

/* ── figures ── */

static const struct pg_sql sql_chain = {"top_chain",
	"SELECT c.name, coalesce(c.head, -1), c.done, c.final, c.listening, c.catching_up, c.halted, c.lag,"
	" coalesce(extract(epoch FROM clock_timestamp() - b.at) * 1000, 0)::bigint,"
	" (SELECT coalesce(sum(live + swept), 0) FROM fairlead.decl d WHERE d.chain = c.id)"
	" FROM fairlead.chains c LEFT JOIN fairlead.block b ON b.chain = c.id AND b.number = c.done ORDER BY "
	"c.id LIMIT 1"};
static const struct pg_sql sql_batches = {"top_batches",
	"SELECT coalesce(sum(pending), 0), coalesce(sum(parked), 0), coalesce(sum(ready), 0), "
	"coalesce(sum(sending), 0),"
	" coalesce(sum(done), 0), coalesce(extract(epoch FROM min(due) - clock_timestamp()) * 1000, -1)::bigint "
	"FROM fairlead.batches"};
static const struct pg_sql sql_flight = {"top_flight",
	"SELECT coalesce(sum(items) FILTER (WHERE mined IS NULL), 0), coalesce(sum(items) FILTER (WHERE mined IS "
	"NOT NULL), 0),"
	" count(*) FILTER (WHERE mined IS NULL AND state = 'bound'),"
	" coalesce(extract(epoch FROM clock_timestamp() - min(at) FILTER (WHERE mined IS NULL)) * 1000, "
	"-1)::bigint,"
	" coalesce(min(reason) FILTER (WHERE state = 'ready' AND reason IS NOT NULL), '')"
	" FROM fairlead.batch WHERE state IN ('ready', 'bound')"};
static const struct pg_sql sql_speed = {"top_speed",
	"SELECT coalesce(percentile_disc(0.5) WITHIN GROUP (ORDER BY ms), -1), coalesce(max(ms), -1) FROM"
	" (SELECT ms FROM fairlead.lives WHERE mined > clock_timestamp() - interval '1 hour' ORDER BY id DESC "
	"LIMIT 300) s"};
static const struct pg_sql sql_processes = {"top_processes",
	"SELECT count(*) FILTER (WHERE application_name = 'fairlead-listener'),"
	" count(*) FILTER (WHERE application_name = 'fairlead-batcher'), count(*) FILTER (WHERE application_name "
	"= 'fairlead-submitter'),"
	" count(*) FILTER (WHERE application_name = 'fairlead-reconciler') FROM pg_stat_activity WHERE datname = "
	"current_database()"};
static const struct pg_sql sql_odd = {"top_odd",
	"SELECT (SELECT count(*) FROM (SELECT FROM fairlead.dead LIMIT 1001) d),"
	" coalesce((SELECT reason FROM fairlead.item WHERE state = 'parked' ORDER BY at DESC LIMIT 1), '')"};
static const struct pg_sql sql_lives = {"top_lives",
	"SELECT id, key, coalesce(event, ''), coalesce(batch::text, ''), coalesce(array_to_string(fees, ' '), "
	"''), state,"
	" coalesce(reason, ''), coalesce(event_block, -1), coalesce(event_log, -1), coalesce(nonce, -1), "
	"coalesce(mined_block, -1),"
	" coalesce(extract(epoch FROM event_at) * 1000, -1)::bigint, coalesce(ms, -1),"
	" (extract(epoch FROM clock_timestamp() - made) * 1000)::bigint, final, cause IS NULL"
	" FROM fairlead.lives ORDER BY id DESC LIMIT 60"};

/* Which kinds of lane nobody holds: a stopped program looks like a dead one. */
static const struct pg_sql sql_unheld = {"top_unheld",
	"SELECT bool_and(until < clock_timestamp()) FILTER (WHERE name LIKE 'listen:%'),"
	" bool_and(until < clock_timestamp()) FILTER (WHERE name LIKE 'apply:%'),"
	" bool_and(until < clock_timestamp()) FILTER (WHERE name LIKE 'send:%'),"
	" bool_and(until < clock_timestamp()) FILTER (WHERE name = 'clock') FROM fairlead.lane"};

static void take_chain(struct view *v, const struct pg_reply *r)
{
	if (pg_rows(r, 0) == 0)
		return;
	snprintf(v->chain, sizeof v->chain, "%s", pg_get_text(r, 0, 0, 0));
	v->head = pg_get_int(r, 0, 0, 1);
	v->done = pg_get_int(r, 0, 0, 2);
	v->final = pg_get_int(r, 0, 0, 3);
	v->listening = pg_get_bool(r, 0, 0, 4);
	v->catching_up = pg_get_bool(r, 0, 0, 5);
	v->halted = !pg_is_null(r, 0, 0, 6);
	snprintf(v->halted_why, sizeof v->halted_why, "%s", pg_get_text(r, 0, 0, 6));
	v->applied_lag = pg_get_int(r, 0, 0, 7);
	v->head_age_ms = pg_get_int(r, 0, 0, 8);
	v->events = pg_get_int(r, 0, 0, 9);
}

static void take_queues(struct view *v, const struct pg_reply *r)
{
	v->items_waiting = pg_get_int(r, 1, 0, 0);
	v->items_parked = pg_get_int(r, 1, 0, 1);
	v->ready = pg_get_int(r, 1, 0, 2);
	v->done_batches = pg_get_int(r, 1, 0, 4);
	v->due_ms = pg_get_int(r, 1, 0, 5);
	v->sending_items = pg_get_int(r, 2, 0, 0);
	v->mined_not_final = pg_get_int(r, 2, 0, 1);
	v->sending = pg_get_int(r, 2, 0, 2);
	v->oldest_sending_ms = pg_get_int(r, 2, 0, 3);
	snprintf(v->waiting_reason, sizeof v->waiting_reason, "%s", pg_get_text(r, 2, 0, 4));
	v->median_ms = pg_get_int(r, 3, 0, 0);
	v->slowest_ms = pg_get_int(r, 3, 0, 1);
	for (int i = 0; i < 4; i++)
		v->processes[i] = (int)pg_get_int(r, 4, 0, i);
	v->dead = pg_get_int(r, 5, 0, 0);
	snprintf(v->parked_reason, sizeof v->parked_reason, "%s", pg_get_text(r, 5, 0, 1));
}

static void take_absent(struct top *t, const struct pg_reply *r)
{
	enum { S = 7, SUBMITTER = 2 };
	uint64_t now = loop_now_ms(t->loop);
	for (int i = 0; i < 4; i++) {
		bool unheld = pg_rows(r, S) > 0 && !pg_is_null(r, S, 0, i) && pg_get_bool(r, S, 0, i);
		if (i == SUBMITTER && t->m->config->nbatches == 0)
			unheld = false; /* a lane that an earlier file had */
		if (!unheld)
			t->unheld_since_ms[i] = 0;
		else if (!t->unheld_since_ms[i])
			t->unheld_since_ms[i] = now;
		t->view->absent_ms[i] = unheld ? (int64_t)(now - t->unheld_since_ms[i]) + 1 : 0;
	}
}

/* "1.002 1.128" → the fees of a life's attempts, oldest first, an arrow between. */
static void offered(char *out, size_t size, const char *fees, bool utf8)
{
	size_t at = 0;
	out[0] = 0;
	while (*fees && at + 1 < size) {
		const char *end = strchr(fees, ' ');
		int len = end ? (int)(end - fees) : (int)strlen(fees);
		double gwei = strtod(fees, NULL); /* for people only: no amount is computed from it (INV-12) */
		int n = snprintf(out + at, size - at, "%s%.2f", at ? (utf8 ? " → " : " > ") : "", gwei);
		at += n > 0 ? (size_t)n : 0;
		fees += len + (end ? 1 : 0);
	}
}

static void take_life(const struct view *v, struct view_life *l, const struct pg_reply *r, int row)
{
	enum { S = 6 };
	*l = (struct view_life){.id = pg_get_int(r, S, row, 0),
		.block = pg_get_int(r, S, row, 7),
		.log = pg_get_int(r, S, row, 8),
		.nonce = pg_get_int(r, S, row, 9),
		.mined_block = pg_get_int(r, S, row, 10),
		.event_ms = pg_get_int(r, S, row, 11),
		.to_mined_ms = pg_get_int(r, S, row, 12),
		.age_ms = pg_get_int(r, S, row, 13),
		.is_final = pg_get_bool(r, S, row, 14),
		.taken_back = pg_get_bool(r, S, row, 15)};
	snprintf(l->key, sizeof l->key, "%s", pg_get_text(r, S, row, 1));
	snprintf(l->event, sizeof l->event, "%s", pg_get_text(r, S, row, 2));
	snprintf(l->batch, sizeof l->batch, "%s", pg_get_text(r, S, row, 3));
	offered(l->offered, sizeof l->offered, pg_get_text(r, S, row, 4), v->utf8);
	snprintf(l->state, sizeof l->state, "%s", pg_get_text(r, S, row, 5));
	snprintf(l->reason, sizeof l->reason, "%s", pg_get_text(r, S, row, 6));
	if (l->is_final)
		snprintf(l->final, sizeof l->final, "final");
	else if (l->mined_block >= 0)
		snprintf(l->final, sizeof l->final, "%" PRId64 " of %" PRId64,
			v->head > l->mined_block ? v->head - l->mined_block : 0, v->head - v->final);
}

static void take_rates(struct top *t)
{
	struct view *v = t->view;
	if (t->nrates == RATES) {
		memmove(t->rates, t->rates + 1, sizeof t->rates - sizeof t->rates[0]);
		t->nrates--;
	}
	t->rates[t->nrates].at_ms = loop_now_ms(t->loop);
	t->rates[t->nrates].events = v->events;
	t->rates[t->nrates].done = v->done;
	t->rates[t->nrates++].batches = v->done_batches;
	int before = t->nrates > BLOCK_LOOKS ? t->nrates - 1 - BLOCK_LOOKS : 0;
	double s = (double)(t->rates[t->nrates - 1].at_ms - t->rates[before].at_ms) / 1000;
	v->blocks_per_s = s > 0.5 ? (double)(v->done - t->rates[before].done) / s : 0;
	double min = (double)(t->rates[t->nrates - 1].at_ms - t->rates[0].at_ms) / 60000;
	v->events_per_min = v->batches_per_min = -1;
	if (min < 0.05)
		return;
	v->events_per_min = (double)(v->events - t->rates[0].events) / min;
	v->batches_per_min = (double)(v->done_batches - t->rates[0].batches) / min;
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

static int64_t unix_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void finish(struct top *t, int code)
{
	t->exit_code = code;
	loop_end(t->loop, code);
}

static void draw(struct top *t)
{
	struct view *v = t->view;
	v->now_ms = unix_ms();
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
static void draw_once(struct top *t)
{
	if (!t->view->loaded || !t->redis_known)
		return;
	draw(t);
	finish(t, 0);
}

static void on_figures(void *arg, const struct pg_reply *r)
{
	struct top *t = arg;
	struct view *v = t->view;
	t->asking = false;
	if (r->outcome != PG_OK) {
		snprintf(v->pg_reason, sizeof v->pg_reason, "%.190s", r->err.text);
		if (t->once && r->outcome == PG_REFUSED) {
			fprintf(stderr, "The fleet's tables can't be read: %s\n", r->err.text);
			finish(t, 75);
		}
		return;
	}
	v->pg_ms = (double)(clock_mono_us() - t->asked_us) / 1000;
	v->pg_away_ms = 0;
	v->loaded = true;
	take_chain(v, r);
	take_queues(v, r);
	take_rates(t);
	take_absent(t, r);
	v->figures_ms = unix_ms();
	v->nlives = 0;
	for (int i = 0; i < pg_rows(r, 6) && v->nlives < VIEW_LIVES; i++)
		take_life(v, &v->lives[v->nlives++], r, i);
	if (t->once)
		draw_once(t);
	else if (t->redis_known)
		draw(t);
}

static void on_redis(void *arg, const struct redisReply *reply, const struct err *e)
{
	struct top *t = arg;
	(void)e;
	t->view->redis_ms = reply ? (double)(clock_mono_us() - t->redis_asked_us) / 1000 : -1;
	t->redis_known = true;
	if (t->once)
		draw_once(t);
}

static void on_redis_up(void *arg)
{
	struct top *t = arg;
	t->redis_asked_us = clock_mono_us();
	redis_command(t->redis, 1000, on_redis, t, 1, &STR("PING"));
}

static void on_redis_down(void *arg, const struct err *e)
{
	struct top *t = arg;
	(void)e;
	t->view->redis_ms = -1;
	t->redis_known = true;
	if (t->once)
		draw_once(t);
}

static void ask(struct top *t)
{
	static const struct pg_sql *const all[] = {
		&sql_chain, &sql_batches, &sql_flight, &sql_speed, &sql_processes, &sql_odd, &sql_lives, &sql_unheld};
	if (!t->once && redis_is_up(t->redis))
		on_redis_up(t);
	if (t->asking || !t->pg_up)
		return;
	struct pg_unit *u = pg_unit(t->pg);
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		pg_stmt(u, all[i]);
	t->asking = true;
	t->asked_us = clock_mono_us();
	pg_unit_run(u, 0, on_figures, t);
}

static void on_look(void *arg)
{
	struct top *t = arg;
	timer_start(t->loop, &t->timer, LOOK_MS, on_look, t);
	uint64_t now = loop_now_ms(t->loop), asked_ms = t->asked_us / 1000;
	bool silent = t->pg_up && t->asking && now > asked_ms + SILENT_MS;
	if (silent || (!t->pg_up && t->down_since_ms)) {
		t->view->pg_away_ms = (int64_t)(now - (silent ? asked_ms : t->down_since_ms)) + 1;
		if (!t->once)
			draw(t);
	}
	if (t->once && t->view->pg_away_ms > ONCE_LIMIT_MS) {
		draw(t);
		finish(t, 75);
	}
	ask(t);
}

static void on_up(void *arg)
{
	struct top *t = arg;
	t->pg_up = true;
	t->view->pg_reason[0] = 0;
	ask(t);
}

static void on_down(void *arg, const struct err *e)
{
	struct top *t = arg;
	if (t->pg_up || !t->down_since_ms)
		t->down_since_ms = loop_now_ms(t->loop);
	t->pg_up = false;
	snprintf(t->view->pg_reason, sizeof t->view->pg_reason, "%.190s", e->text);
}

static void on_term(void *arg)
{
	finish(arg, 0);
}

/* ── the terminal ── */

static void raw_terminal(struct top *t)
{
	struct termios raw;
	if (tcgetattr(STDIN_FILENO, &t->was) == 0) {
		raw = t->was;
		raw.c_lflag &= ~(tcflag_t)ECHO;
		tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	}
	write_all("\033[?1049h\033[?25l\033[2J", 18);
}

static void leave_terminal(struct top *t)
{
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

/* "token" of a batch whose key is tokenId. */
static void key_heading(struct view *v, const struct config *c)
{
	if (c->nbatches == 0)
		return;
	snprintf(v->key, sizeof v->key, "%s", c->batches[0].key);
	size_t n = strlen(v->key);
	if (n > 2 && text_is(v->key + n - 2, "Id"))
		v->key[n - 2] = 0;
	else if (n > 3 && text_is(v->key + n - 3, "_id"))
		v->key[n - 3] = 0;
}

int top_main(void *arg, struct member *m)
{
	(void)arg;
	struct top t = {
		.m = m, .loop = loop_new(), .once = m->options.once, .view = mem_alloc(sizeof(struct view))};
	t.tty = !t.once && isatty(STDOUT_FILENO);
	t.view->color = t.tty && !getenv("NO_COLOR");
	t.view->utf8 = utf8_terminal();
	t.view->foot = getenv("FAIRLEAD_TOP_FOOT");
	t.view->redis_ms = -1;
	t.view->width = 100;
	key_heading(t.view, m->config);
	snprintf(t.view->app, sizeof t.view->app, "%s", m->config->name);
	char *conninfo = pg_conninfo_from_env(), *url = redis_url_from_env();
	pg_for_people(t.view->pg_server, sizeof t.view->pg_server, conninfo);
	struct pg_events pe = {.on_up = on_up, .on_down = on_down, .arg = &t};
	struct pg_options po = {.conninfo = conninfo, .application = "fairlead-top"};
	struct redis_events re = {.on_up = on_redis_up, .on_down = on_redis_down, .arg = &t};
	t.pg = pg_open(t.loop, &po, &pe);
	t.redis = redis_open(t.loop, url, &re);
	loop_on_term(t.loop, on_term, &t);
	if (t.tty)
		raw_terminal(&t);
	on_look(&t);
	loop_run(t.loop);
	if (t.tty)
		leave_terminal(&t);
	timer_free(&t.timer);
	pg_close(t.pg);
	redis_close(t.redis);
	loop_free(t.loop);
	free(conninfo);
	free(url);
	buf_fini(&t.screen);
	buf_fini(&t.shown);
	free(t.view);
	return t.exit_code;
}
