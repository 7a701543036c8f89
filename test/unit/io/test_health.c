#include "common/io/health.h"
#include "common/io/metrics.h"
#include "peer.h"

#include <stdio.h>

static struct loop *l;
static struct health *h;
static const char *why; /* the reasons not to be ready */

static void reasons(void *arg, struct buf *out)
{
	(void)arg;
	buf_text(out, why);
}

static void status(void *arg, struct buf *out)
{
	(void)arg;
	buf_text(out, "\"head\":12,\"list\":[1,2],");
}

static int setup(void **state)
{
	(void)state;
	l = loop_new();
	why = "";
	h = health_open(l, &(struct health_options){.program = "listener",
						   .ready_alias = "/health/ready",
						   .live_alias = "/health/live",
						   .reasons = reasons,
						   .status = status});
	struct err e;
	assert_true(health_listen(h, "127.0.0.1:0", &e));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	health_close(h);
	loop_free(l);
	return 0;
}

/* The whole answer to one request, connection closed. */
static const char *ask(const char *method, const char *path)
{
	static char text[65536];
	char line[200];
	struct peer *p = peer_connect(l, health_port(h));
	snprintf(line, sizeof line, "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", method, path);
	peer_say(p, line);
	spin_until(l, p->eof);
	snprintf(text, sizeof text, "%s", p->in.p);
	peer_free(l, p);
	return text;
}

static const char *body_of(const char *answer)
{
	const char *b = strstr(answer, "\r\n\r\n");
	assert_non_null(b);
	return b + 4;
}

static void alive_while_the_loop_turns(void **state)
{
	(void)state;
	why = "PostgreSQL does not answer\n";
	for (int i = 0; i < 2; i++) {
		const char *a = ask("GET", i ? "/health/live" : "/livez");
		assert_true(text_starts(a, "HTTP/1.1 200 OK\r\n"));
		assert_string_equal(body_of(a), "alive\n");
	}
}

static void ready_tells_the_truth(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		const char *path = i ? "/health/ready" : "/readyz";
		why = "";
		const char *a = ask("GET", path);
		assert_true(text_starts(a, "HTTP/1.1 200 OK\r\n"));
		assert_string_equal(body_of(a), "ready\n");
		why = "Listener is 12 blocks behind\nRedis does not answer\n";
		a = ask("GET", path);
		assert_true(text_starts(a, "HTTP/1.1 503 "));
		assert_string_equal(body_of(a), why);
		assert_non_null(strstr(a, "Cache-Control: no-store\r\n"));
	}
}

static void status_is_json(void **state)
{
	(void)state;
	char want[300];
	why = "a \"quoted\" reason\nanother\n";
	const char *a = ask("GET", "/status");
	assert_non_null(strstr(a, "Content-Type: application/json\r\n"));
	snprintf(want, sizeof want,
		"{\"program\":\"listener\",\"version\":\"%s\",\"pid\":%d,\"ready\":false,"
		"\"reasons\":[\"a \\\"quoted\\\" reason\",\"another\"],\"head\":12,\"list\":[1,2]}\n",
		FAIRLEAD_VERSION, (int)getpid());
	assert_string_equal(body_of(a), want);
	why = "";
	assert_non_null(strstr(ask("GET", "/status"), "\"ready\":true,\"reasons\":[],\"head\""));
}

static void metrics_are_prometheus_text(void **state)
{
	(void)state;
	metric_add(metric(METRIC_COUNTER, "fairlead_test_total", "Things of the test.", NULL), 7);
	const char *a = ask("GET", "/metrics");
	assert_non_null(strstr(a, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
	assert_non_null(strstr(a, "# TYPE fairlead_test_total counter\nfairlead_test_total 7\n"));
	assert_non_null(strstr(a, "\nprocess_"));
}

static void only_get_and_head_and_known_paths(void **state)
{
	(void)state;
	const char *a = ask("HEAD", "/livez");
	assert_true(text_starts(a, "HTTP/1.1 200 OK\r\n"));
	assert_non_null(strstr(a, "Content-Length: 6\r\n"));
	assert_string_equal(body_of(a), "");
	a = ask("DELETE", "/readyz");
	assert_true(text_starts(a, "HTTP/1.1 405 Method Not Allowed\r\n"));
	assert_non_null(strstr(a, "Allow: GET, HEAD\r\n"));
	assert_true(text_starts(ask("GET", "/"), "HTTP/1.1 404 "));
	assert_true(text_starts(ask("GET", "/livez/"), "HTTP/1.1 404 "));
	assert_true(text_starts(ask("GET", "/readyz?verbose"), "HTTP/1.1 200 "));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(alive_while_the_loop_turns),
		T(ready_tells_the_truth),
		T(status_is_json),
		T(metrics_are_prometheus_text),
		T(only_get_and_head_and_known_paths),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
