#include "common/io/metrics.h"
#include "common/base/err.h"
#include "common/base/mem.h"
#include "common/io/log.h"

#include <dirent.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

struct metric {
	struct metric *next; /* in order of making, metrics of one name behind each other */
	enum metric_type type;
	char *name, *help, *labels; /* labels: NULL or rendered */
	double value;
};
static struct metric *all;

struct metric *metric(enum metric_type type, const char *name, const char *help, const char *labels)
{
	struct metric **at = &all, **behind = NULL;
	for (; *at; at = &(*at)->next) {
		if (!text_is((*at)->name, name))
			continue;
		must((*at)->type == type);
		if (text_is((*at)->labels, labels))
			return *at;
		behind = &(*at)->next;
	}
	if (behind)
		at = behind;
	struct metric *m = mem_alloc(sizeof *m);
	*m = (struct metric){*at, type, mem_text(name), mem_text(help), mem_text(labels), 0};
	*at = m;
	return m;
}

struct histogram {
	struct histogram *next; /* as metric.next */
	char *name, *help, *labels;
	const double *bounds;
	size_t n;
	uint64_t *below; /* one a bound: in it and in none before it; last: above all */
	uint64_t count;
	double sum;
};
static struct histogram *histograms;

struct histogram *metric_histogram(
	const char *name, const char *help, const char *labels, const double *bounds, size_t n)
{
	struct histogram **at = &histograms, **behind = NULL;
	for (; *at; at = &(*at)->next) {
		if (!text_is((*at)->name, name))
			continue;
		if (text_is((*at)->labels, labels))
			return *at;
		behind = &(*at)->next;
	}
	if (behind)
		at = behind;
	struct histogram *h = mem_alloc(sizeof *h);
	*h = (struct histogram){*at, mem_text(name), mem_text(help), mem_text(labels), bounds, n,
		mem_alloc((n + 1) * sizeof *h->below), 0, 0};
	*at = h;
	return h;
}

void histogram_add(struct histogram *h, double v)
{
	size_t i = 0;
	while (i < h->n && v > h->bounds[i])
		i++;
	h->below[i]++;
	h->count++;
	h->sum += v;
}

double histogram_quantile(const struct histogram *h, double share)
{
	double want = share * (double)h->count, seen = 0;
	if (!h->count)
		return NAN;
	for (size_t i = 0; i < h->n; i++) {
		double here = (double)h->below[i], low = i ? h->bounds[i - 1] : 0;
		if (here > 0 && seen + here >= want)
			return low + (h->bounds[i] - low) * (want - seen) / here;
		seen += here;
	}
	return h->bounds[h->n - 1];
}

void metric_add(struct metric *m, int64_t n)
{
	m->value += (double)n;
}

void metric_set(struct metric *m, double v)
{
	m->value = v;
}

double metric_get(const struct metric *m)
{
	return m->value;
}

void metrics_each(void (*fn)(void *arg, const char *name, const char *labels, double value), void *arg)
{
	for (const struct metric *m = all; m; m = m->next)
		fn(arg, m->name, m->labels, m->value);
}

static void put_value(struct buf *out, double v)
{
	if (isnan(v))
		buf_text(out, "NaN");
	else if (isinf(v))
		buf_text(out, v > 0 ? "+Inf" : "-Inf");
	else if (fabs(v) < 9007199254740992.0 && v == floor(v))
		buf_printf(out, "%.0f", v);
	else
		buf_printf(out, "%.15g", v);
}

/* Text format 0.0.4: in HELP a backslash is \\ and a line feed \n. */
static void put_head(struct buf *out, const char *name, const char *help, const char *type)
{
	buf_printf(out, "# HELP %s ", name);
	for (const char *p = help ? help : ""; *p; p++) {
		if (*p == '\\')
			buf_text(out, "\\\\");
		else if (*p == '\n')
			buf_text(out, "\\n");
		else
			buf_char(out, *p);
	}
	buf_printf(out, "\n# TYPE %s %s\n", name, type);
}

static const char *const types[] = {[METRIC_COUNTER] = "counter", [METRIC_GAUGE] = "gauge"};

static void put_histogram(struct buf *out, const struct histogram *h)
{
	const char *labels = h->labels ? h->labels : "", *comma = *labels ? "," : "";
	uint64_t seen = 0;
	for (size_t i = 0; i <= h->n; i++) {
		seen += h->below[i];
		buf_printf(out, "%s_bucket{%s%sle=\"", h->name, labels, comma);
		put_value(out, i < h->n ? h->bounds[i] : INFINITY);
		buf_printf(out, "\"} %" PRIu64 "\n", seen);
	}
	const char *open = *labels ? "{" : "", *close = *labels ? "}" : "";
	buf_printf(out, "%s_sum%s%s%s ", h->name, open, labels, close);
	put_value(out, h->sum);
	buf_printf(out, "\n%s_count%s%s%s %" PRIu64 "\n", h->name, open, labels, close, h->count);
}

static void put_one(struct buf *out, const char *name, const char *help, enum metric_type type, double v)
{
	put_head(out, name, help, types[type]);
	buf_text(out, name);
	buf_char(out, ' ');
	put_value(out, v);
	buf_char(out, '\n');
}

static double count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	double n = 0;
	if (!d)
		return 0;
	for (struct dirent *e; (e = readdir(d));)
		n += e->d_name[0] != '.';
	closedir(d);
	return n - 1; /* the directory itself */
}

/* The Unix time of boot plus the ticks at which the process started (proc(5): field 22 of stat). */
static double start_time(void)
{
	unsigned long long ticks = 0, boot = 0;
	char line[512];
	FILE *f = fopen("/proc/self/stat", "re");
	if (f) {
		char *behind = fgets(line, sizeof line, f) ? strrchr(line, ')') : NULL;
		if (behind && sscanf(behind + 2,
						  "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
						  &ticks) != 1)
			ticks = 0;
		fclose(f);
	}
	f = fopen("/proc/stat", "re");
	if (!f)
		return 0;
	while (fgets(line, sizeof line, f))
		if (sscanf(line, "btime %llu", &boot) == 1)
			break;
	fclose(f);
	return (double)boot + (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

static void put_process(struct buf *out)
{
	struct rusage u;
	struct rlimit files;
	unsigned long long size = 0, resident = 0;
	getrusage(RUSAGE_SELF, &u);
	double cpu = (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
				 (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
	put_one(out, "process_cpu_seconds_total", "CPU time used, user and system.", METRIC_COUNTER, cpu);
	FILE *f = fopen("/proc/self/statm", "re");
	if (f) {
		if (fscanf(f, "%llu %llu", &size, &resident) != 2)
			size = resident = 0;
		fclose(f);
	}
	double page = (double)sysconf(_SC_PAGESIZE);
	put_one(
		out, "process_resident_memory_bytes", "Memory held in RAM.", METRIC_GAUGE, (double)resident * page);
	put_one(out, "process_virtual_memory_bytes", "Address space used.", METRIC_GAUGE, (double)size * page);
	put_one(out, "process_open_fds", "Open file descriptors.", METRIC_GAUGE, count_fds());
	if (getrlimit(RLIMIT_NOFILE, &files) == 0)
		put_one(out, "process_max_fds", "Most file descriptors that may be open.", METRIC_GAUGE,
			(double)files.rlim_cur);
	put_one(out, "process_start_time_seconds", "Unix time at which the process started.", METRIC_GAUGE,
		start_time());
}

void metrics_render(struct buf *out)
{
	for (const struct metric *m = all, *before = NULL; m; before = m, m = m->next) {
		if (!before || !text_is(before->name, m->name))
			put_head(out, m->name, m->help, types[m->type]);
		buf_text(out, m->name);
		if (m->labels)
			buf_printf(out, "{%s}", m->labels);
		buf_char(out, ' ');
		put_value(out, m->value);
		buf_char(out, '\n');
	}
	for (const struct histogram *h = histograms, *before = NULL; h; before = h, h = h->next) {
		if (!before || !text_is(before->name, h->name))
			put_head(out, h->name, h->help, "histogram");
		put_histogram(out, h);
	}
	put_one(out, "fairlead_log_lines_lost_total", "Log lines that could not be written.", METRIC_COUNTER,
		(double)log_lost());
	put_process(out);
}
