#include "reconciler/view_text.h"

#include "common/base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	RINGS = 5,
	LOW = 18, /* a terminal with fewer lines shows the rope without its figures */
};

/* ── the sentence ── */

static enum ink ink_of(const struct view *v)
{
	return text_is(v->tone, "stop")   ? RED
		   : text_is(v->tone, "wait") ? YELLOW
		   : text_is(v->tone, "sea")  ? CYAN
									  : GREEN;
}

static void advice(const struct view *v, struct buf *b, const char *label, const char *text)
{
	if (!text || !*text)
		return;
	view_put(v, b, BOLD, "   %-11s", label);
	view_words(v, b, 14, 14, text);
	view_line_end(b);
}

/* What is the matter, and behind it, or under it where the line is full, what is safe. */
static void verdict(const struct view *v, struct buf *b)
{
	enum ink i = ink_of(v);
	bool well = i == GREEN || i == CYAN;
	const char *lead = v->lead ? v->lead : "";
	view_put(v, b, i, " %s ", well ? view_sign(v, "✓", "*") : view_sign(v, "▲", "!"));
	view_ink(v, b, well ? BOLD : i);
	view_words(v, b, 3, 3, v->h1 ? v->h1 : "");
	view_ink(v, b, PLAIN);
	int col = 3 + view_columns(v->h1 ? v->h1 : "");
	if (*lead && col + 3 + view_columns(lead) > v->width) {
		view_line_end(b);
		col = 0;
	}
	if (*lead) {
		buf_text(b, "   ");
		view_words(v, b, col + 3, 3, lead);
	}
	view_line_end(b);
	advice(v, b, "You", v->you);
	advice(v, b, "Meanwhile", v->meanwhile);
	advice(v, b, "Seen", v->seen);
	for (int k = 0; k < VIEW_OTHERS && v->others[k]; k++)
		advice(v, b, k ? "" : "Also", v->others[k]);
}

/* ── the rope ── */

static int ring_width(const struct view *v)
{
	int w = (v->width - 4) / RINGS;
	return w > 18 ? 18 : w < 11 ? 11 : w;
}

static bool narrow(const struct view *v)
{
	return ring_width(v) < 18;
}

/* A closed ring lets nothing pass: the strand before it is dammed, the one behind it dry. */
static void rope_part(
	const struct view *v, struct buf *b, const char *label, int64_t waits, bool closed, bool dammed)
{
	const char *strand = closed      ? view_sign(v, "┄", ".")
						 : waits > 0 ? view_sign(v, "━", "=")
									 : view_sign(v, "─", "-");
	int width = ring_width(v) - 1, dam = dammed && !closed ? 3 : 0;
	int text = waits > 0 && view_columns(label) + 2 + dam <= width ? view_columns(label) + 2 : 0;
	int left = text ? (width - dam - text) / 2 : width - dam, right = width - dam - text - left;
	enum ink i = closed || waits <= 0 ? DIM : CYAN;
	view_put(v, b, closed ? YELLOW : PLAIN, "%s", closed ? view_sign(v, "●", "@") : view_sign(v, "○", "o"));
	view_ink(v, b, i);
	for (int k = 0; k < left; k++)
		buf_text(b, strand);
	view_ink(v, b, PLAIN);
	if (text)
		view_put(v, b, closed ? DIM : BOLD, " %s ", label);
	view_ink(v, b, i);
	for (int k = 0; k < right; k++)
		buf_text(b, strand);
	view_ink(v, b, PLAIN);
	if (dam)
		view_put(v, b, YELLOW, "%s", view_sign(v, "▒▒▓", "%%#"));
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
	view_cell(v, b, BOLD, ring_width(v), text);
	for (int i = 0; i < 3; i++) {
		bool none = v->loaded && v->processes[i] == 0;
		if (v->processes[i] > 1)
			snprintf(text, sizeof text, "%s%s %s%d", names[i], i == 2 ? "s" : "", view_sign(v, "×", "x"),
				v->processes[i]);
		else
			snprintf(text, sizeof text, "%s%s", none ? "no " : "", names[i]);
		view_cell(v, b, none ? YELLOW : BOLD, ring_width(v), text);
	}
	view_put(v, b, BOLD, "Chain mined");
	view_line_end(b);
}

static void rope_line(const struct view *v, struct buf *b)
{
	char label[RINGS][40];
	int64_t behind = v->head > v->done ? v->head - v->done : 0, txs = v->sending + v->ready;
	count_label(label[0], sizeof label[0], behind, "block", "blocks");
	count_label(label[1], sizeof label[1], v->applied_lag, "event", "events");
	count_label(label[2], sizeof label[2], v->items_waiting, "item", "items");
	snprintf(label[3], sizeof label[3], "%" PRId64 " in %" PRId64 " %s", v->sending_items, txs,
		txs == 1 ? "tx" : "txs");
	snprintf(label[4], sizeof label[4], "%" PRId64 " to final", v->mined_not_final);
	const int64_t waits[RINGS] = {behind, v->applied_lag, v->items_waiting, txs, v->mined_not_final};
	bool closed[RINGS + 1] = {!v->listening};
	for (int i = 0; i < 3; i++)
		closed[i + 1] = v->pg_away_ms > 0 || v->absent_ms[i] > 0;
	buf_text(b, "   ");
	for (int i = 0; i < RINGS; i++)
		rope_part(v, b, label[i], waits[i], closed[i], closed[i + 1]);
	view_line_end(b);
}

static void rate(const struct view *v, char *out, size_t size, double per_min, const char *what)
{
	if (per_min < 0)
		snprintf(out, size, "counting%s%s", narrow(v) ? "" : " ", narrow(v) ? "" : what);
	else
		snprintf(out, size, "%.*f%s%s/min", per_min < 9.95 ? 1 : 0, per_min, narrow(v) ? "" : " ",
			narrow(v) ? "" : what);
}

static void first_figures(const struct view *v, struct buf *b)
{
	char text[64];
	int width = ring_width(v);
	buf_text(b, "   ");
	view_grouped(text, sizeof text, v->head);
	view_cell(v, b, PLAIN, width, v->head < 0 ? "no head yet" : text);
	rate(v, text, sizeof text, v->events_per_min, "events");
	view_cell(v, b, PLAIN, width, text);
	if (v->due_ms >= 0) {
		char in[24];
		view_duration(in, sizeof in, v->due_ms);
		snprintf(text, sizeof text, "goes in %s", in);
	} else {
		snprintf(text, sizeof text, "%" PRId64 " parked", v->items_parked);
	}
	view_cell(v, b, v->due_ms < 0 && v->items_parked > 0 ? YELLOW : PLAIN, width, text);
	rate(v, text, sizeof text, v->batches_per_min, "batches");
	view_cell(v, b, PLAIN, width, text);
	count_label(text, sizeof text, v->done_batches, "batch done", "batches done");
	buf_text(b, text);
	view_line_end(b);
}

static void second_figures(const struct view *v, struct buf *b)
{
	char text[64], age[24];
	int width = ring_width(v);
	buf_text(b, "   ");
	view_duration(age, sizeof age, v->head_age_ms);
	snprintf(text, sizeof text, "%s ago", age);
	bool moves = v->catching_up && v->blocks_per_s > 0;
	if (moves) { /* long work: how fast, and how long still */
		view_grouped(age, sizeof age, (int64_t)(v->blocks_per_s + 0.5));
		snprintf(text, sizeof text, "%s%s/s", age, narrow(v) ? "" : " blocks");
	}
	view_cell(v, b, PLAIN, width, v->head < 0 ? "" : text);
	if (moves) {
		view_duration(age, sizeof age, (int64_t)((double)(v->head - v->done) / v->blocks_per_s * 1000));
		snprintf(text, sizeof text, "%s to go", age);
	}
	view_cell(v, b, PLAIN, width,
		!v->listening       ? "no answer"
		: moves             ? text
		: v->catching_up    ? "catching up"
		: v->head > v->done ? "reading"
							: "at the head");
	count_label(text, sizeof text, v->events, "event", "events");
	view_cell(v, b, PLAIN, width, text);
	view_duration(age, sizeof age, v->oldest_sending_ms);
	snprintf(text, sizeof text, narrow(v) ? "oldest %s" : "%s the oldest", age);
	view_cell(v, b, PLAIN, width,
		v->oldest_sending_ms >= 0 ? text
		: narrow(v)               ? "none in flight"
								  : "nothing in flight");
	view_duration(age, sizeof age, v->median_ms);
	snprintf(text, sizeof text, "%s from event", age);
	buf_text(b, v->median_ms < 0 ? "" : text);
	view_line_end(b);
}

static void foundation_line(const struct view *v, struct buf *b)
{
	char final[32];
	const char *dot = view_sign(v, "·", "-");
	buf_text(b, "   ");
	if (v->pg_away_ms > 0)
		view_put(v, b, RED, "PostgreSQL no answer");
	else
		buf_printf(b, "PostgreSQL %.1f ms", v->pg_ms);
	if (v->redis_ms < 0)
		view_put(v, b, YELLOW, " %s Redis no answer", dot);
	else
		buf_printf(b, " %s Redis %.1f ms", dot, v->redis_ms);
	view_grouped(final, sizeof final, v->final);
	if (v->processes[3] == 0 && v->loaded)
		view_put(v, b, YELLOW, " %s Reconciler: none runs", dot);
	else
		buf_printf(b, " %s Reconciler final to %s", dot, v->final < 0 ? "no block yet" : final);
	view_line_end(b);
}

static int count_lines(const char *s)
{
	int n = 0;
	for (; s && *s; s++)
		n += *s == '\n';
	return n;
}

/* The figures' own age is said once they are old. */
static void gap_above_lives(const struct view *v, struct buf *b)
{
	char at[16];
	if (v->pg_away_ms > 0) {
		view_clock(at, v->figures_ms);
		view_put(v, b, YELLOW, "   as of %s", at);
	}
	view_line_end(b);
}

static void title(const struct view *v, struct buf *b)
{
	char at[16], text[120];
	view_clock(at, v->now_ms);
	snprintf(text, sizeof text, " Fairlead %s %s", view_sign(v, "·", "-"), v->app);
	buf_text(b, text);
	view_pad(b, (v->width < 100 ? v->width : 100) - view_columns(text) - 12);
	view_put(v, b, DIM, "%s UTC", at);
	view_line_end(b);
}

static void pane(const struct view *v, struct buf *b)
{
	for (const char *p = v->pane ? v->pane : ""; *p;) {
		size_t n = strcspn(p, "\n");
		char *line = mem_textn(p, n);
		int indent = line[0] == '\t' ? 5 : 3;
		view_pad(b, indent);
		if (indent == 3)
			view_ink(v, b, BOLD);
		view_words(v, b, indent, 5, line + (indent == 5));
		view_ink(v, b, PLAIN);
		view_line_end(b);
		free(line);
		p += n + (p[n] == '\n');
	}
}

static void keys_line(const struct view *v, struct buf *b)
{
	if (v->typed)
		view_put(v, b, BOLD, " / %s%s", v->typed, v->chosen == -2 ? view_sign(v, "▏", "_") : "   esc: all");
	else if (v->keys)
		view_put(v, b, DIM,
			" / filter   j k line   enter unfold   p parked   c chains   s signers   r routes   ? keys   q "
			"quit");
	if (v->typed || v->keys)
		view_line_end(b);
}

static void now(const struct view *v, struct buf *b, size_t before, bool low, const char *foot)
{
	view_line_end(b);
	names_line(v, b);
	rope_line(v, b);
	if (!low) {
		first_figures(v, b);
		second_figures(v, b);
	}
	foundation_line(v, b);
	gap_above_lives(v, b);
	int used = 1 + count_lines(b->p + before) + 1 + count_lines(foot) + (foot ? 1 : 0) + (v->keys ? 1 : 0);
	view_lives(v, b, v->height > 0 ? (v->height > used + 2 ? v->height - used - 2 : 0) : -1);
}

void view_render(const struct view *v, struct buf *b)
{
	title(v, b);
	size_t before = b->n;
	bool low = v->height > 0 && v->height < LOW;
	const char *foot = low ? NULL : v->foot;
	if (!v->loaded && v->pg_away_ms == 0) {
		buf_text(b, " Reading the figures of the fleet.\n");
		return;
	}
	verdict(v, b);
	if (v->section != VIEW_NOW) {
		view_line_end(b);
		pane(v, b);
	} else if (v->loaded) {
		now(v, b, before, low, foot);
	}
	keys_line(v, b);
	if (foot) {
		view_line_end(b);
		view_put(v, b, DIM, "%s", foot);
		view_line_end(b);
	}
}
