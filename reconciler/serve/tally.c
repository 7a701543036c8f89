#include "reconciler/serve/tally.h"

#include "common/io/log.h"
#include "common/io/metrics.h"

#include <stdio.h>
#include <stdlib.h>

struct tally {
	const char *label;
	struct metric *classes[6]; /* by status / 100 */
	struct metric *cached;
	struct histogram *took;
	uint64_t asked, refused, failed, from_cache;
};

static const double bounds[] = {
	0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30};

struct tally *tally_new(const char *label)
{
	struct tally *t = mem_alloc(sizeof *t);
	struct buf b = {0};
	buf_text(&b, "route=");
	buf_json(&b, str_of(label));
	t->label = label;
	t->took = metric_histogram("fairlead_http_request_duration_seconds",
		"From a request's last byte to its answer", b.p, bounds, sizeof bounds / sizeof *bounds);
	t->cached = metric(METRIC_COUNTER, "fairlead_http_cached_total", "Answers that were kept ones", b.p);
	for (int i = 1; i < 6; i++) {
		struct buf one = {0};
		buf_printf(&one, "%s,status=\"%dxx\"", b.p, i);
		t->classes[i] = metric(
			METRIC_COUNTER, "fairlead_http_requests_total", "Requests, by what they ended with", one.p);
		buf_fini(&one);
	}
	buf_fini(&b);
	return t;
}

void tally_free(struct tally *t)
{
	free(t);
}

void tally_cached(struct tally *t)
{
	t->from_cache++;
	metric_add(t->cached, 1);
}

static void write_line(
	const struct tally *t, const struct visit *v, int status, size_t bytes, uint64_t took_us)
{
	struct str method = v->unread ? STR("-") : http_method(v->q), at = v->unread ? STR("-") : http_path(v->q);
	bool changed = !str_is(method, "GET") && !str_is(method, "HEAD") && !str_is(method, "OPTIONS");
	char id[80], word[16], path[300], peer[64], trace[64];
	snprintf(id, sizeof id, "%.*s", (int)v->id.n, v->id.p);
	snprintf(word, sizeof word, "%.*s", (int)method.n, method.p);
	snprintf(path, sizeof path, "%.*s", (int)at.n, at.p); /* a query may hold a secret */
	snprintf(peer, sizeof peer, "%.*s", (int)http_peer(v->q).n, http_peer(v->q).p);
	snprintf(trace, sizeof trace, "%.*s", (int)v->trace.n, v->trace.p);
	LOG_AT(changed || status >= 400 ? LOG_INFO : LOG_DEBUG, "http", "Answered", F_STR("route", t->label),
		F_STR("method", word), F_STR("path", path), F_INT("status", status), F_UINT("us", took_us),
		F_UINT("bytes", bytes), F_STR("peer", peer), F_STR("who", v->who), F_STR("request", id),
		F_STR("trace", v->trace.n ? trace : NULL));
}

void tally_answer(struct tally *t, const struct visit *v, int status, size_t bytes)
{
	uint64_t took = clock_mono_us() - v->began_us;
	t->asked++;
	t->refused += status >= 400 && status < 500;
	t->failed += status >= 500;
	if (status >= 100 && status < 600)
		metric_add(t->classes[status / 100], 1);
	histogram_add(t->took, (double)took / 1e6);
	write_line(t, v, status, bytes, took);
}

bool tally_figures(const struct tally *t, struct way_figures *out)
{
	*out = (struct way_figures){.label = t->label,
		.asked = t->asked,
		.refused = t->refused,
		.failed = t->failed,
		.cached = t->from_cache,
		.p50_ms = 1000 * histogram_quantile(t->took, 0.5),
		.p99_ms = 1000 * histogram_quantile(t->took, 0.99)};
	return t->asked > 0;
}
