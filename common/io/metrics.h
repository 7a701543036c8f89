/* metrics: named counters and gauges of this process, as Prometheus text exposition format 0.0.4. Pure
 * memory. */
#ifndef FAIRLEAD_IO_METRICS_H
#define FAIRLEAD_IO_METRICS_H

#include "common/base/str.h"

enum metric_type { METRIC_COUNTER, METRIC_GAUGE };
struct metric;
/* name: fairlead_… (counters end in _total), help: one line; labels: rendered "chain=\"main\"" or NULL.
 * Asking again with the same name and labels gives the same metric. Lives for the process. */
struct metric *metric(enum metric_type type, const char *name, const char *help, const char *labels);
void metric_add(struct metric *m, int64_t n);
void metric_set(struct metric *m, double v);
double metric_get(const struct metric *m);
/* How often a value fell below each bound: for durations in seconds. bounds ascend and outlive it; the same
 * name and labels give the same one. */
struct histogram;
struct histogram *metric_histogram(
	const char *name, const char *help, const char *labels, const double *bounds, size_t n);
void histogram_add(struct histogram *h, double v);
/* The value below which this share of all lies, between two bounds by proportion; NAN: none yet. */
double histogram_quantile(const struct histogram *h, double share);
/* all of them, grouped by name, and process_* (cpu, rss, fds, start time) */
void metrics_render(struct buf *out);
void metrics_each(void (*fn)(void *arg, const char *name, const char *labels, double value), void *arg);

#endif
