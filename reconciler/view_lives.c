#include "reconciler/view_text.h"

#include <inttypes.h>
#include <stdio.h>

/* Columns of a life; 0: this terminal has no room for it. */
struct widths {
	int key, event, batch, offered, mined, final, to_mined;
};

static struct widths widths_of(const struct view *v)
{
	struct widths w = {.key = 7, .event = 23, .batch = 8, .mined = 15, .final = 10, .to_mined = 8};
	int most = v->width >= 100 ? 13 : 7;
	for (size_t i = 0; i < v->nlives; i++) {
		int n = view_columns(v->lives[i].key);
		w.key = n > most ? most : n > w.key ? n : w.key;
	}
	int room = v->width - (6 + w.key + w.event + w.batch + w.mined);
	if (room < w.to_mined)
		w.to_mined = 0;
	room -= w.to_mined;
	if (room < w.final)
		w.final = 0;
	room -= w.final;
	w.offered = room < 8 ? 0 : room > 40 ? 40 : room;
	return w;
}

/* A key that is too long loses its middle: "0x51ac…09d4". */
static void key_text(const struct view *v, char *out, size_t size, const char *key, int width)
{
	const char *gap = view_sign(v, "…", "~");
	int n = (int)strlen(key), tail = n - (width - 1) / 2, head = width / 2;
	if (view_columns(key) <= width) {
		snprintf(out, size, "%s", key);
		return;
	}
	while (head > 0 && (key[head] & 0xC0) == 0x80)
		head--;
	while ((key[tail] & 0xC0) == 0x80)
		tail++;
	snprintf(out, size, "%.*s%s%s", head, key, gap, key + tail);
}

static void life_columns(const struct view *v, struct buf *b, const struct widths *w)
{
	view_ink(v, b, DIM);
	buf_text(b, "   ");
	view_cell_right(v, b, PLAIN, w->key, v->key[0] ? v->key : "key");
	buf_text(b, "   ");
	view_cell(v, b, PLAIN, w->event, "event");
	view_cell(v, b, PLAIN, w->batch, "batch");
	if (w->offered)
		view_cell(v, b, PLAIN, w->offered, w->offered > 14 ? "offered, gwei" : "gwei");
	view_cell(v, b, PLAIN, w->mined, "mined");
	if (w->final)
		view_cell(v, b, PLAIN, w->final, "final");
	if (w->to_mined)
		view_cell_right(v, b, PLAIN, w->to_mined, "to mined");
	view_ink(v, b, PLAIN);
	view_line_end(b);
}

static enum ink mark(const struct view *v, const struct view_life *l, const char **out)
{
	if (l->taken_back)
		return *out = view_sign(v, "↩", "<"), MAGENTA;
	if (text_is(l->state, "parked"))
		return *out = view_sign(v, "‖", "|"), YELLOW;
	if (text_is(l->state, "dead"))
		return *out = view_sign(v, "✗", "x"), RED;
	if (text_is(l->state, "already"))
		return *out = "-", DIM;
	if (l->is_final)
		return *out = view_sign(v, "✓", "*"), GREEN;
	if (l->mined_block >= 0)
		return *out = view_sign(v, "◉", "O"), CYAN;
	if (l->nonce >= 0)
		return *out = view_sign(v, "◐", "o"), CYAN;
	return *out = view_sign(v, "◌", "."), CYAN;
}

static void life_event(
	const struct view *v, struct buf *b, int width, const struct view_life *l, const struct view_life *above)
{
	char text[64] = "", block[32], at[16];
	bool same = above && above->block == l->block;
	if (l->block >= 0 && same) {
		snprintf(text, sizeof text, "  log %" PRId64, l->log);
	} else if (l->block >= 0) {
		view_grouped(block, sizeof block, l->block);
		view_clock(at, l->event_ms);
		snprintf(text, sizeof text, "%s  %s", block, at);
	}
	view_cell(v, b, same ? DIM : PLAIN, width, text);
}

/* A sentence in place of columns: what is unusual about this life. */
static bool life_sentence(const struct view *v, struct buf *b, const struct view_life *l)
{
	char since[24];
	view_duration(since, sizeof since, l->age_ms);
	if (text_is(l->state, "parked"))
		view_put(v, b, YELLOW, "parked %s: ", since);
	else if (text_is(l->state, "dead"))
		view_put(v, b, RED, "failed for good: ");
	else if (text_is(l->state, "already"))
		view_put(v, b, DIM, "skipped: ");
	else if (l->taken_back)
		view_put(v, b, MAGENTA, "taken back: ");
	else
		return false;
	buf_text(b, l->reason[0]                   ? l->reason
				: text_is(l->state, "already") ? "the chain has it already"
											   : "its event left the chain");
	view_line_end(b);
	return true;
}

/* Where its batch stands: prices, block, depth, how long it took. */
static void life_batch(const struct view *v, struct buf *b, const struct widths *w, const struct view_life *l)
{
	char text[64], d[24];
	if (w->offered)
		view_cell(v, b, PLAIN, w->offered, l->offered);
	if (l->mined_block >= 0) {
		view_grouped(text, sizeof text, l->mined_block);
		view_cell(v, b, PLAIN, w->mined, text);
	} else {
		view_duration(d, sizeof d, l->age_ms);
		snprintf(text, sizeof text,
			l->nonce >= 0 ? "unmined %s"
			: l->batch[0] ? "to be signed"
						  : "collecting",
			d);
		view_cell(v, b, CYAN, w->mined, text);
	}
	if (w->final)
		view_cell(v, b, l->is_final ? DIM : PLAIN, w->final, l->final);
	view_duration(d, sizeof d, l->to_mined_ms >= 0 ? l->to_mined_ms : l->age_ms);
	if (w->to_mined)
		view_cell_right(v, b, PLAIN, w->to_mined, d);
}

static void life_line(const struct view *v, struct buf *b, const struct widths *w, const struct view_life *l,
	const struct view_life *above, const struct view_life *below)
{
	const char *m;
	char key[64];
	enum ink i = mark(v, l, &m);
	bool chosen = v->chosen >= 0 && l == &v->lives[v->chosen];
	view_put(v, b, BOLD, "%s", chosen ? view_sign(v, "▸", ">") : " ");
	view_put(v, b, i, "%s", m);
	buf_char(b, ' ');
	key_text(v, key, sizeof key, l->key, w->key);
	view_cell_right(v, b, BOLD, w->key, key);
	buf_text(b, "   ");
	life_event(v, b, w->event, l, above);
	if (life_sentence(v, b, l))
		return;
	bool same = above && above->batch[0] && text_is(above->batch, l->batch);
	bool goes_on = below && text_is(below->batch, l->batch);
	const char *brace = goes_on ? view_sign(v, "│", "|") : view_sign(v, "└", "`");
	view_cell(v, b, same ? DIM : PLAIN, w->batch, same ? brace : l->batch);
	if (!same)
		life_batch(v, b, w, l);
	view_line_end(b);
}

void view_lives(const struct view *v, struct buf *b, int room)
{
	struct widths w = widths_of(v);
	size_t from = b->n;
	life_columns(v, b, &w);
	for (size_t i = 0; i < v->nlives && (room < 0 || (int)i < room); i++)
		life_line(v, b, &w, &v->lives[i], i > 0 ? &v->lives[i - 1] : NULL,
			i + 1 < v->nlives ? &v->lives[i + 1] : NULL);
	if (v->pg_away_ms > 0)
		view_fade(v, b, from);
}
