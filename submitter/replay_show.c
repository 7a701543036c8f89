#include "common/base/mem.h"
#include "common/base/sentence.h"
#include "submitter/replay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The table of --price-replay: 80 columns, colour only where a terminal reads it. Exit: 0, or 78 with the
 * file's mistake as file:line, cause, cure. */

enum { EXIT_FILE = 78, FILE_MOST = 256 << 20 };
static const char *const urgencies[REPLAY_URGENCIES] = {"12s", "1m", "5m", "cheap"};
static const char *const policies[REPLAY_POLICIES] = {"fairlead", "2 x base + tip", "fixed cap"};

struct ink {
	const char *bold, *dim, *wait, *end;
};
static const struct ink colours = {"\033[1m", "\033[2m", "\033[33m", "\033[0m"}, plain = {"", "", "", ""};

static int by_value(const void *a, const void *b)
{
	return u256_cmp(*(const struct u256 *)a, *(const struct u256 *)b);
}

static void show_series(
	const struct replay_series *s, const struct replay_result *r, const struct ink *c, FILE *out)
{
	struct u256 *bases = mem_alloc(s->n * sizeof *bases);
	char low[U256_DEC_MAX], half[U256_DEC_MAX], high[U256_DEC_MAX], n[32], span[32];
	for (size_t i = 0; i < s->n; i++)
		bases[i] = s->rows[i].block.base;
	qsort(bases, s->n, sizeof *bases, by_value);
	say_gwei(low, sizeof low, bases[0]);
	say_gwei(half, sizeof half, bases[s->n / 2]);
	say_gwei(high, sizeof high, bases[s->n - 1]);
	say_grouped(n, sizeof n, (int64_t)s->n, " ");
	say_duration(span, sizeof span, (int64_t)(s->rows[s->n - 1].time_s - s->rows[0].time_s) * 1000, " ");
	fprintf(
		out, " %s blocks in %s. Base fee %s to %s gwei, half of them below %s.\n", n, span, low, high, half);
	fprintf(out,
		" %s%zu transactions of each urgency, %d gas each; best: what hindsight would have paid.%s\n\n",
		c->dim, r->transactions, REPLAY_GAS, c->end);
	free(bases);
}

static void show_regret(char *out, size_t size, const struct replay_sum *t)
{
	int64_t regret = replay_regret(t);
	if (t->mined == 0)
		snprintf(out, size, "-");
	else
		snprintf(out, size, "%lld.%02lld %%", (long long)(regret / 100), (long long)(regret % 100));
}

static void show_line(
	const char *urgency, enum replay_policy p, const struct replay_sum *t, const struct ink *c, FILE *out)
{
	char paid[U256_DEC_MAX], best[U256_DEC_MAX], regret[40];
	say_eth(paid, sizeof paid, t->paid);
	say_eth(best, sizeof best, t->best);
	show_regret(regret, sizeof regret, t);
	fprintf(out, " %s%-8s %-15s%s %7zu   %s%6zu%s   %12s   %12s   %s%9s%s\n", p == REPLAY_OURS ? c->bold : "",
		urgency, policies[p], c->end, t->sent, t->missed ? c->wait : "", t->missed, t->missed ? c->end : "",
		paid, best, p == REPLAY_OURS ? c->bold : "", regret, c->end);
}

void replay_show(
	const struct replay_series *s, const struct replay_result *r, const char *name, bool colour, FILE *out)
{
	const struct ink *c = colour ? &colours : &plain;
	fprintf(out, " %sFairlead%s   what prices would have cost on %s\n", c->bold, c->end, name);
	show_series(s, r, c, out);
	fprintf(out, " %s%-8s %-15s %7s   %6s   %12s   %12s   %9s%s\n", c->dim, "within", "policy", "sent",
		"missed", "paid, ETH", "best, ETH", "above it", c->end);
	for (size_t u = 0; u < REPLAY_URGENCIES; u++) {
		for (enum replay_policy p = 0; p < REPLAY_POLICIES; p++)
			show_line(p == REPLAY_OURS ? urgencies[u] : "", p, &r->sums[p][u], c, out);
		fputc('\n', out);
	}
	struct replay_sum all[REPLAY_POLICIES];
	for (enum replay_policy p = 0; p < REPLAY_POLICIES; p++) {
		all[p] = replay_all(r, p);
		show_line(p == REPLAY_OURS ? "all" : "", p, &all[p], c, out);
	}
	fputc('\n', out);
	for (enum replay_policy p = 0; p < REPLAY_POLICIES; p++) {
		char paid[U256_DEC_MAX], best[U256_DEC_MAX], regret[40];
		u256_to_dec(paid, all[p].paid);
		u256_to_dec(best, all[p].best);
		show_regret(regret, sizeof regret, &all[p]);
		fprintf(out, " %s%-15s paid %s wei, best %s wei, above it %s, missed %zu of %zu%s\n", c->dim,
			policies[p], paid, best, regret, all[p].missed, all[p].sent, c->end);
	}
}

static bool read_file(const char *path, struct buf *out, struct err *e)
{
	FILE *f = fopen(path, "rb");
	size_t n = 0;
	if (!f)
		return err_set(e, ERR_REJECTED, "%s: %s; name a CSV file with a line a block", path, strerror(errno));
	do {
		n = fread(buf_room(out, 65536), 1, 65536, f);
		out->n += n;
	} while (n > 0 && out->n < FILE_MOST);
	bool ok = !ferror(f) && out->n < FILE_MOST;
	fclose(f);
	return ok || err_set(e, ERR_REJECTED, "%s: can't be read, or is larger than 256 MB", path);
}

int replay_main(const char *path)
{
	struct buf text = {0};
	struct err e = {0};
	struct replay_series s = {0};
	struct replay_result r;
	bool ok = read_file(path, &text, &e) && replay_read(&s, path, (struct str){text.p, text.n}, &e);
	if (ok && !replay_run(&s, &r, &e)) {
		fprintf(stderr, "%s: ", path);
		ok = false;
	}
	if (ok)
		replay_show(&s, &r, path, isatty(STDOUT_FILENO) && !getenv("NO_COLOR"), stdout);
	else
		fprintf(stderr, "%s\n", e.text);
	buf_fini(&text);
	replay_free(&s);
	return ok ? 0 : EXIT_FILE;
}
