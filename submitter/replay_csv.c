#include "common/base/mem.h"
#include "submitter/replay.h"

#include <stdlib.h>

enum { COLUMNS_MAX = 16, WORDS = 8 };
static const char *const words[WORDS] = {"timestamp", "base_fee", "p10", "p25", "p50", "p75", "p90", "used"};

struct csv {
	const char *name;
	size_t line;
	struct err *e;
	int of[WORDS]; /* which column holds that word; -1: none */
	size_t ncolumns;
};

/* The next line of *rest without its end; false: there is none. */
static bool next_line(struct str *rest, struct str *line)
{
	if (rest->n == 0)
		return false;
	const char *end = memchr(rest->p, '\n', rest->n);
	size_t n = end ? (size_t)(end - rest->p) : rest->n;
	*line = (struct str){rest->p, n && rest->p[n - 1] == '\r' ? n - 1 : n};
	*rest = (struct str){rest->p + n + (end != NULL), rest->n - n - (end != NULL)};
	return true;
}

static size_t split(struct str line, struct str out[COLUMNS_MAX])
{
	size_t n = 0;
	for (;;) {
		const char *comma = memchr(line.p, ',', line.n);
		struct str cell = {line.p, comma ? (size_t)(comma - line.p) : line.n};
		while (cell.n && (cell.p[0] == ' ' || cell.p[0] == '\t'))
			cell.p++, cell.n--;
		while (cell.n && (cell.p[cell.n - 1] == ' ' || cell.p[cell.n - 1] == '\t'))
			cell.n--;
		if (n < COLUMNS_MAX)
			out[n] = cell;
		n++;
		if (!comma)
			return n;
		line = (struct str){comma + 1, line.n - (size_t)(comma + 1 - line.p)};
	}
}

static bool read_names(struct csv *c, struct str line)
{
	struct str cells[COLUMNS_MAX];
	c->ncolumns = split(line, cells);
	if (c->ncolumns > COLUMNS_MAX)
		return err_set(c->e, ERR_REJECTED, "%s:%zu: %zu columns are more than %d", c->name, c->line,
			c->ncolumns, COLUMNS_MAX);
	for (size_t w = 0; w < WORDS; w++)
		c->of[w] = -1;
	for (size_t i = 0; i < c->ncolumns; i++) {
		size_t w = 0;
		while (w < WORDS && !str_is(cells[i], words[w]))
			w++;
		if (w == WORDS)
			return err_set(c->e, ERR_REJECTED,
				"%s:%zu: no column is named %.*s; the first line names timestamp, base_fee, p10, p25, p50, "
				"p75, "
				"p90 and, if you like, used",
				c->name, c->line, (int)(cells[i].n > 40 ? 40 : cells[i].n), cells[i].p);
		if (c->of[w] >= 0)
			return err_set(
				c->e, ERR_REJECTED, "%s:%zu: %s stands twice; name it once", c->name, c->line, words[w]);
		c->of[w] = (int)i;
	}
	for (size_t w = 0; w + 1 < WORDS; w++)
		if (c->of[w] < 0)
			return err_set(
				c->e, ERR_REJECTED, "%s:%zu: there is no column %s; add it", c->name, c->line, words[w]);
	return true;
}

static bool whole(struct csv *c, const char *word, const char *unit, struct str cell, struct u256 *out)
{
	uint64_t v;
	if (u256_from_dec(out, cell) && u256_to_u64(*out, &v))
		return true;
	return err_set(c->e, ERR_REJECTED, "%s:%zu: %s is %.*s; write a whole number of %s, as %s", c->name,
		c->line, word, (int)(cell.n > 40 ? 40 : cell.n), cell.p, unit,
		*unit == 'w' ? "1500000000" : "1700000000");
}

/* 0, 1, 0.5, .25 */
static bool share(struct csv *c, struct str cell, uint32_t *ppm)
{
	uint64_t v = 0;
	int behind = -1;
	bool ok = cell.n > 0 && cell.n < 20;
	for (size_t i = 0; ok && i < cell.n; i++) {
		if (cell.p[i] == '.' && behind < 0) {
			behind = 0;
			continue;
		}
		ok = cell.p[i] >= '0' && cell.p[i] <= '9';
		if (behind < 6 && v <= MARKET_PPM) {
			v = v * 10 + (uint64_t)(cell.p[i] - '0');
			behind += behind >= 0;
		}
	}
	for (int i = behind < 0 ? 0 : behind; i < 6; i++)
		v *= 10;
	*ppm = (uint32_t)v;
	return (ok && v <= MARKET_PPM) ||
		   err_set(c->e, ERR_REJECTED, "%s:%zu: used is %.*s; write the share of the gas limit, from 0 to 1",
			   c->name, c->line, (int)(cell.n > 40 ? 40 : cell.n), cell.p);
}

static bool read_row(struct csv *c, struct str line, struct replay_row *row)
{
	struct str cells[COLUMNS_MAX];
	struct u256 time;
	size_t n = split(line, cells);
	if (n != c->ncolumns)
		return err_set(c->e, ERR_REJECTED, "%s:%zu: %zu values for %zu columns; is a comma missing?", c->name,
			c->line, n, c->ncolumns);
	if (!whole(c, words[0], "seconds since 1970", cells[c->of[0]], &time) ||
		!whole(c, words[1], "wei", cells[c->of[1]], &row->block.base))
		return false;
	row->time_s = time.w[0];
	for (size_t i = 0; i < MARKET_TIPS; i++) {
		if (!whole(c, words[2 + i], "wei", cells[c->of[2 + i]], &row->block.tips[i]))
			return false;
		if (i && u256_lt(row->block.tips[i], row->block.tips[i - 1]))
			return err_set(c->e, ERR_REJECTED, "%s:%zu: %s is less than %s; percentiles rise", c->name,
				c->line, words[2 + i], words[1 + i]);
	}
	row->block.has_tips = true;
	return c->of[7] < 0 || share(c, cells[c->of[7]], &row->block.used_ppm);
}

/* EIP-1559 backwards: the base fee rises by an eighth × (2 × used − 1). */
static void fill_used(struct replay_series *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct u256 a = s->rows[i].block.base, d;
		struct u256 b = i + 1 < s->n ? s->rows[i + 1].block.base : a;
		bool up = u256_cmp(b, a) >= 0;
		must(up ? u256_sub(&d, b, a) : u256_sub(&d, a, b));
		must(u256_mul(&d, d, u256_of((uint64_t)4 * MARKET_PPM)));
		uint64_t half = MARKET_PPM / 2, move = u256_div64(d, a.w[0] ? a.w[0] : 1, NULL).w[0];
		move = move > half ? half : move;
		s->rows[i].block.used_ppm = (uint32_t)(up ? half + move : half - move);
	}
}

void replay_free(struct replay_series *s)
{
	free(s->rows);
	*s = (struct replay_series){0};
}

bool replay_read(struct replay_series *s, const char *name, struct str text, struct err *e)
{
	struct csv c = {.name = name, .e = e};
	struct str line;
	size_t cap = 0;
	*s = (struct replay_series){0};
	if (text.n >= 3 && memcmp(text.p, "\xef\xbb\xbf", 3) == 0)
		text = (struct str){text.p + 3, text.n - 3};
	while (next_line(&text, &line)) {
		c.line++;
		if (line.n == 0 || line.p[0] == '#')
			continue;
		if (c.ncolumns == 0) {
			if (!read_names(&c, line))
				return false;
			continue;
		}
		if (s->n == cap) {
			cap = cap ? 2 * cap : 1024;
			s->rows = mem_grow(s->rows, cap, sizeof *s->rows);
		}
		struct replay_row *row = &s->rows[s->n];
		*row = (struct replay_row){.block.number = s->n + 1};
		if (!read_row(&c, line, row))
			return replay_free(s), false;
		if (s->n && row->time_s <= row[-1].time_s)
			return replay_free(s),
				   err_set(e, ERR_REJECTED,
					   "%s:%zu: this block is not later than the one above it; sort them by timestamp", name,
					   c.line);
		s->n++;
	}
	if (s->n == 0)
		return err_set(e, ERR_REJECTED, "%s:%zu: there is no block in it; one line a block, under the names",
			name, c.line ? c.line : 1);
	if (c.of[7] < 0)
		fill_used(s);
	return true;
}
