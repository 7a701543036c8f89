#include "reconciler/view.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

enum ink { PLAIN, BOLD, CYAN, YELLOW, RED, MAGENTA, DIM, GREEN };
enum { RINGS = 5, RING_WIDTH = 18 };

static void ink(const struct view *v, struct buf *b, enum ink i)
{
	static const char *const codes[] = {
		"\033[0m", "\033[1m", "\033[36m", "\033[33m", "\033[1;31m", "\033[35m", "\033[2m", "\033[32m"};
	if (v->color)
		buf_text(b, codes[i]);
}

static void put(const struct view *v, struct buf *b, enum ink i, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
static void put(const struct view *v, struct buf *b, enum ink i, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	if (i != PLAIN)
		ink(v, b, i);
	buf_vprintf(b, fmt, ap);
	if (i != PLAIN)
		ink(v, b, PLAIN);
	va_end(ap);
}

static const char *sign(const struct view *v, const char *utf8, const char *ascii)
{
	return v->utf8 ? utf8 : ascii;
}

/* Columns that s fills: characters, not bytes. */
static int columns(const char *s)
{
	int n = 0;
	for (; *s; s++)
		n += (*s & 0xC0) != 0x80;
	return n;
}

static void pad(struct buf *b, int n)
{
	for (; n > 0; n--)
		buf_char(b, ' ');
}

static void cell(const struct view *v, struct buf *b, enum ink i, int width, const char *s)
{
	put(v, b, i, "%s", s);
	pad(b, width - columns(s));
}

static void cell_right(const struct view *v, struct buf *b, enum ink i, int width, const char *s)
{
	pad(b, width - columns(s));
	put(v, b, i, "%s", s);
}

void view_duration(char *out, size_t size, int64_t ms)
{
	if (ms < 9950)
		snprintf(out, size, "%" PRId64 ".%" PRId64 " s", ms / 1000, ms % 1000 / 100);
	else if (ms < 120000)
		snprintf(out, size, "%" PRId64 " s", ms / 1000);
	else if (ms < 7200000)
		snprintf(out, size, "%" PRId64 " min", ms / 60000);
	else
		snprintf(out, size, "%" PRId64 " h", ms / 3600000);
}

void view_grouped(char *out, size_t size, int64_t n)
{
	char plain[24];
	int len = snprintf(plain, sizeof plain, "%" PRId64, n);
	size_t at = 0;
	for (int i = 0; i < len && at + 4 < size; i++) {
		if (i > 0 && (len - i) % 3 == 0 && plain[i - 1] != '-')
			out[at++] = ' ';
		out[at++] = plain[i];
	}
	out[at] = 0;
}

static void clock_text(char out[16], int64_t unix_ms)
{
	time_t t = (time_t)(unix_ms / 1000);
	struct tm tm;
	gmtime_r(&t, &tm);
	strftime(out, 16, "%H:%M:%S", &tm);
}

/* ── the sentence ── */

/* No blank stands at the end of a line. */
static void line_end(struct buf *b)
{
	while (b->n > 0 && b->p[b->n - 1] == ' ')
		b->n--;
	buf_char(b, '\n');
}

static void verdict_away(const struct view *v, struct buf *b)
{
	char since[24];
	view_duration(since, sizeof since, v->pg_away_ms);
	bool alarm = v->pg_away_ms >= 10000;
	put(v, b, alarm ? RED : YELLOW, " %s PostgreSQL has not answered for %s.", sign(v, "▲", "!"), since);
	buf_text(b, "   Nothing is lost and nothing is sent twice.\n");
	put(v, b, BOLD, "   You        ");
	buf_text(b,
		"restarting it? Do nothing. If not, see whether it runs: pg_isready, systemctl status postgresql\n");
	buf_printf(b, "   Meanwhile  the cursor stands, no new transaction is signed; ready says 503. %s\n",
		v->pg_reason);
}

static void verdict_speed(const struct view *v, struct buf *b)
{
	char half[24], slow[24];
	if (v->median_ms < 0)
		return;
	view_duration(half, sizeof half, v->median_ms);
	view_duration(slow, sizeof slow, v->slowest_ms);
	buf_printf(b, "   %s from event to mined; the slowest this hour %s.", half, slow);
}

static void verdict(const struct view *v, struct buf *b)
{
	if (v->pg_away_ms > 0) {
		verdict_away(v, b);
		return;
	}
	if (v->halted) {
		put(v, b, RED, " %s Chain %s is halted.", sign(v, "▲", "!"), v->chain);
		buf_printf(b, "   Nothing is lost and nothing is destroyed.\n   Why        %s\n", v->halted_why);
		return;
	}
	if (v->dead > 0) {
		put(v, b, RED, " %s %" PRId64 " failed for good.", sign(v, "▲", "!"), v->dead);
		buf_text(b, "   They wait in fairlead.dead with the reason of each; the others go on.\n");
		return;
	}
	if (v->waiting_reason[0]) {
		put(v, b, YELLOW, " %s Submitter waits: %s.", sign(v, "▲", "!"), v->waiting_reason);
		buf_text(b, "   Nothing is lost; it goes on by itself when the reason is gone.\n");
		return;
	}
	if (!v->listening) {
		put(v, b, YELLOW, " %s Listener does not hear chain %s.", sign(v, "▲", "!"), v->chain);
		buf_text(b, "   It asks again with growing gaps; nothing is missed, history is read when the node "
					"answers.\n");
		return;
	}
	if (v->events == 0 && v->nlives == 0) {
		put(v, b, BOLD, " %s Listening.", sign(v, "✓", "*"));
		buf_text(b,
			" No event yet. Three usual reasons: none was emitted, another address, start: is too high.\n");
		return;
	}
	put(v, b, GREEN, " %s ", sign(v, "✓", "*"));
	put(v, b, BOLD, "%s", v->items_parked > 0 ? "Nothing needs you now." : "Nothing needs you.");
	verdict_speed(v, b);
	if (v->items_parked > 0)
		put(v, b, YELLOW, " %" PRId64 " parked: %s", v->items_parked, v->parked_reason);
	line_end(b);
}

/* ── the rope ── */

static void rope_part(
	const struct view *v, struct buf *b, const char *label, int64_t waits, bool closed, bool open_end)
{
	const char *strand = closed ? sign(v, "┄", ".") : waits > 0 ? sign(v, "━", "=") : sign(v, "─", "-");
	int width = RING_WIDTH - 1, text = waits > 0 || closed ? columns(label) + 2 : 0;
	if (text == 2 || text > width - 2)
		text = 0;
	int left = text ? (width - text) / 2 : width, right = text ? width - text - left : 0;
	enum ink i = closed ? DIM : waits > 0 ? CYAN : DIM;
	put(v, b, closed ? YELLOW : PLAIN, "%s", closed ? sign(v, "●", "@") : sign(v, "○", "o"));
	ink(v, b, i);
	for (int k = 0; k < left - (open_end ? 1 : 0); k++)
		buf_text(b, strand);
	ink(v, b, PLAIN);
	if (text)
		put(v, b, closed ? DIM : BOLD, " %s ", label);
	ink(v, b, i);
	for (int k = 0; k < right; k++)
		buf_text(b, strand);
	ink(v, b, PLAIN);
}

static void count_label(char *out, size_t size, int64_t n, const char *one, const char *many)
{
	snprintf(out, size, "%" PRId64 " %s", n, n == 1 ? one : many);
}

static void names_line(const struct view *v, struct buf *b)
{
	static const char *const names[] = {"Listener", "Batcher", "Submitter"};
	char text[64];
	buf_text(b, "   ");
	snprintf(text, sizeof text, "Chain %s", v->chain);
	cell(v, b, BOLD, RING_WIDTH, text);
	for (int i = 0; i < 3; i++) {
		if (v->processes[i] > 1)
			snprintf(text, sizeof text, "%s%s %s%d", names[i], i == 2 ? "s" : "", sign(v, "×", "x"),
				v->processes[i]);
		else
			snprintf(text, sizeof text, "%s%s", v->processes[i] == 0 && v->loaded ? "no " : "", names[i]);
		cell(v, b, v->processes[i] == 0 && v->loaded ? YELLOW : BOLD, RING_WIDTH, text);
	}
	put(v, b, BOLD, "Chain mined");
	line_end(b);
}

static void rope_line(const struct view *v, struct buf *b)
{
	char label[5][40];
	int64_t behind = v->head > v->done ? v->head - v->done : 0;
	count_label(label[0], sizeof label[0], behind, "block", "blocks");
	count_label(label[1], sizeof label[1], v->applied_lag, "event", "events");
	count_label(label[2], sizeof label[2], v->items_waiting, "item", "items");
	snprintf(label[3], sizeof label[3], "%" PRId64 " in %" PRId64 " %s", v->sending_items,
		v->sending + v->ready, v->sending + v->ready == 1 ? "tx" : "txs");
	snprintf(label[4], sizeof label[4], "%" PRId64 " to final", v->mined_not_final);
	bool closed = v->pg_away_ms > 0;
	buf_text(b, "   ");
	rope_part(v, b, label[0], behind, closed, false);
	rope_part(v, b, label[1], v->applied_lag, closed, false);
	rope_part(v, b, label[2], v->items_waiting, closed, false);
	rope_part(v, b, label[3], v->sending + v->ready, closed, false);
	rope_part(v, b, label[4], v->mined_not_final, closed, false);
	line_end(b);
}

static void rate(char *out, size_t size, double per_min, const char *what)
{
	if (per_min < 0)
		snprintf(out, size, "counting %s", what);
	else
		snprintf(out, size, "%.1f %s/min", per_min, what);
}

static void first_figures(const struct view *v, struct buf *b)
{
	char text[64];
	buf_text(b, "   ");
	view_grouped(text, sizeof text, v->head);
	cell(v, b, PLAIN, RING_WIDTH, v->head < 0 ? "no head yet" : text);
	rate(text, sizeof text, v->events_per_min, "events");
	cell(v, b, PLAIN, RING_WIDTH, text);
	if (v->due_ms >= 0) {
		char in[24];
		view_duration(in, sizeof in, v->due_ms);
		snprintf(text, sizeof text, "goes in %s", in);
	} else {
		snprintf(text, sizeof text, "%" PRId64 " parked", v->items_parked);
	}
	cell(v, b, v->due_ms < 0 && v->items_parked > 0 ? YELLOW : PLAIN, RING_WIDTH, text);
	rate(text, sizeof text, v->batches_per_min, "batches");
	cell(v, b, PLAIN, RING_WIDTH, text);
	snprintf(text, sizeof text, "%" PRId64 " %s done", v->done_batches,
		v->done_batches == 1 ? "batch" : "batches");
	buf_text(b, text);
	line_end(b);
}

static void second_figures(const struct view *v, struct buf *b)
{
	char text[64], age[24];
	buf_text(b, "   ");
	view_duration(age, sizeof age, v->head_age_ms);
	snprintf(text, sizeof text, "%s ago", age);
	cell(v, b, PLAIN, RING_WIDTH, v->head < 0 ? "" : text);
	cell(v, b, PLAIN, RING_WIDTH,
		v->catching_up      ? "catching up"
		: v->head > v->done ? "reading"
							: "at the head");
	snprintf(text, sizeof text, "%" PRId64 " events in all", v->events);
	cell(v, b, PLAIN, RING_WIDTH, text);
	view_duration(age, sizeof age, v->oldest_sending_ms);
	snprintf(text, sizeof text, "%s the oldest", age);
	cell(v, b, PLAIN, RING_WIDTH, v->oldest_sending_ms < 0 ? "nothing in flight" : text);
	view_duration(age, sizeof age, v->median_ms);
	snprintf(text, sizeof text, "%s from event", age);
	buf_text(b, v->median_ms < 0 ? "" : text);
	line_end(b);
}

static void foundation_line(const struct view *v, struct buf *b)
{
	char final[32];
	const char *dot = sign(v, "·", "-");
	buf_text(b, "   ");
	if (v->pg_away_ms > 0)
		put(v, b, RED, "PostgreSQL no answer");
	else
		buf_printf(b, "PostgreSQL %.1f ms", v->pg_ms);
	if (v->redis_ms < 0)
		put(v, b, YELLOW, " %s Redis no answer: bells are late, nothing is lost", dot);
	else
		buf_printf(b, " %s Redis %.1f ms", dot, v->redis_ms);
	view_grouped(final, sizeof final, v->final);
	if (v->processes[3] == 0 && v->loaded)
		put(v, b, YELLOW, " %s Reconciler: none runs", dot);
	else
		buf_printf(b, " %s Reconciler final to %s", dot, v->final < 0 ? "no block yet" : final);
	line_end(b);
}

/* ── lives ── */

static void life_columns(const struct view *v, struct buf *b)
{
	put(v, b, DIM, "   %7.7s   %-23s %-7s %-23s %-14s %-11s %9s", v->key[0] ? v->key : "key", "event",
		"batch", "offered, gwei", "mined", "final", "to mined");
	line_end(b);
}

static enum ink mark(const struct view *v, const struct view_life *l, const char **out)
{
	if (l->taken_back)
		return *out = sign(v, "↩", "<"), MAGENTA;
	if (text_is(l->state, "parked"))
		return *out = sign(v, "‖", "|"), YELLOW;
	if (text_is(l->state, "dead"))
		return *out = sign(v, "✗", "x"), RED;
	if (text_is(l->state, "already"))
		return *out = "-", DIM;
	if (l->is_final)
		return *out = sign(v, "✓", "*"), GREEN;
	if (l->mined_block >= 0)
		return *out = sign(v, "◉", "O"), CYAN;
	if (l->nonce >= 0)
		return *out = sign(v, "◐", "o"), CYAN;
	return *out = sign(v, "◌", "."), CYAN;
}

static void life_event(
	const struct view *v, struct buf *b, const struct view_life *l, const struct view_life *above)
{
	char text[64] = "", block[32], at[16];
	if (l->block >= 0 && above && above->block == l->block)
		snprintf(text, sizeof text, "  log %" PRId64, l->log);
	else if (l->block >= 0) {
		view_grouped(block, sizeof block, l->block);
		clock_text(at, l->event_ms);
		snprintf(text, sizeof text, "%s  %s", block, at);
	}
	cell(v, b, above && above->block == l->block ? DIM : PLAIN, 24, text);
}

/* A sentence in place of columns: what is unusual about this life. */
static bool life_sentence(const struct view *v, struct buf *b, const struct view_life *l)
{
	char since[24];
	view_duration(since, sizeof since, l->age_ms);
	if (text_is(l->state, "parked"))
		put(v, b, YELLOW, "parked %s: ", since);
	else if (text_is(l->state, "dead"))
		put(v, b, RED, "failed for good: ");
	else if (text_is(l->state, "already"))
		put(v, b, DIM, "skipped: ");
	else if (l->taken_back)
		put(v, b, MAGENTA, "taken back: ");
	else
		return false;
	buf_text(b, l->reason[0]                   ? l->reason
				: text_is(l->state, "already") ? "the chain has it already"
											   : "its event left the chain");
	line_end(b);
	return true;
}

static void life_line(const struct view *v, struct buf *b, const struct view_life *l,
	const struct view_life *above, const struct view_life *below)
{
	const char *m;
	char text[64], d[24];
	enum ink i = mark(v, l, &m);
	buf_char(b, ' ');
	put(v, b, i, "%s", m);
	buf_char(b, ' ');
	cell_right(v, b, BOLD, 7, l->key);
	buf_text(b, "   ");
	life_event(v, b, l, above);
	if (life_sentence(v, b, l))
		return;
	bool same = above && above->batch[0] && text_is(above->batch, l->batch);
	bool goes_on = below && text_is(below->batch, l->batch);
	const char *brace = goes_on ? sign(v, "│", "|") : sign(v, "└", "`");
	cell(v, b, same ? DIM : PLAIN, 8, same ? brace : l->batch);
	cell(v, b, PLAIN, 24, same ? "" : l->offered);
	if (same) {
		line_end(b);
		return;
	}
	if (l->mined_block >= 0) {
		view_grouped(text, sizeof text, l->mined_block);
		cell(v, b, PLAIN, 15, text);
	} else {
		view_duration(d, sizeof d, l->age_ms);
		snprintf(text, sizeof text,
			l->nonce >= 0 ? "unmined %s"
			: l->batch[0] ? "to be signed"
						  : "collecting",
			d);
		cell(v, b, CYAN, 15, text);
	}
	cell(v, b, l->is_final ? DIM : PLAIN, 11, l->final);
	view_duration(d, sizeof d, l->to_mined_ms >= 0 ? l->to_mined_ms : l->age_ms);
	cell_right(v, b, PLAIN, 10, d);
	line_end(b);
}

static int count_lines(const char *s)
{
	int n = 0;
	for (; s && *s; s++)
		n += *s == '\n';
	return n;
}

static void lives(const struct view *v, struct buf *b, int room)
{
	life_columns(v, b);
	for (size_t i = 0; i < v->nlives && (room < 0 || (int)i < room); i++)
		life_line(
			v, b, &v->lives[i], i > 0 ? &v->lives[i - 1] : NULL, i + 1 < v->nlives ? &v->lives[i + 1] : NULL);
}

void view_render(const struct view *v, struct buf *b)
{
	char at[16];
	clock_text(at, v->now_ms);
	char title[120];
	snprintf(title, sizeof title, " Fairlead %s %s", sign(v, "·", "-"), v->app);
	put(v, b, PLAIN, "%s", title);
	pad(b, (v->width < 100 ? v->width : 100) - columns(title) - 12);
	put(v, b, DIM, "%s UTC\n", at);
	size_t before = b->n;
	if (!v->loaded && v->pg_away_ms == 0) {
		buf_text(b, " Reading the figures of the fleet.\n");
		return;
	}
	verdict(v, b);
	if (v->loaded) {
		line_end(b);
		names_line(v, b);
		rope_line(v, b);
		first_figures(v, b);
		second_figures(v, b);
		foundation_line(v, b);
		line_end(b);
		int used = 1 + count_lines(b->p + before) + 1 + count_lines(v->foot) + (v->foot ? 1 : 0);
		lives(v, b, v->height > 0 ? v->height - used - 2 : -1);
	}
	if (v->foot) {
		line_end(b);
		put(v, b, DIM, "%s", v->foot);
		line_end(b);
	}
}
