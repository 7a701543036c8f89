#include "common/io/metrics.h"

#include <ctype.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_values(void **state)
{
	(void)state;
	struct buf b = {0};
	struct metric *a =
		metric(METRIC_COUNTER, "fairlead_events_total", "Events \\ read\nso far.", "chain=\"main\"");
	struct metric *g = metric(METRIC_GAUGE, "fairlead_lag_seconds", "Lag.", NULL);
	struct metric *c = metric(METRIC_COUNTER, "fairlead_events_total", "Events.", "chain=\"other\"");
	assert_ptr_equal(a, metric(METRIC_COUNTER, "fairlead_events_total", "Events.", "chain=\"main\""));
	assert_ptr_not_equal(a, c);
	metric_add(a, 40);
	metric_add(a, 2);
	metric_set(g, 0.25);
	assert_true(metric_get(a) == 42);
	metrics_render(&b);
	const char *expected =
		"# HELP fairlead_events_total Events \\\\ read\\nso far.\n# TYPE fairlead_events_total counter\n"
		"fairlead_events_total{chain=\"main\"} 42\nfairlead_events_total{chain=\"other\"} 0\n"
		"# HELP fairlead_lag_seconds Lag.\n# TYPE fairlead_lag_seconds gauge\nfairlead_lag_seconds 0.25\n";
	assert_memory_equal(b.p, expected, strlen(expected));
	metric_set(g, INFINITY);
	buf_clear(&b);
	metrics_render(&b);
	assert_non_null(strstr(b.p, "fairlead_lag_seconds +Inf\n"));
	buf_fini(&b);
}

static double value_of(const char *text, const char *name)
{
	struct buf b = {0};
	buf_printf(&b, "\n%s ", name);
	const char *at = strstr(text, b.p);
	double v = at ? strtod(at + b.n, NULL) : -1;
	buf_fini(&b);
	return v;
}

static void test_process(void **state)
{
	(void)state;
	struct buf b = {0};
	metrics_render(&b);
	assert_true(value_of(b.p, "process_resident_memory_bytes") > 100000);
	assert_true(
		value_of(b.p, "process_virtual_memory_bytes") > value_of(b.p, "process_resident_memory_bytes"));
	assert_true(value_of(b.p, "process_cpu_seconds_total") >= 0);
	assert_true(value_of(b.p, "process_open_fds") >= 3);
	assert_true(value_of(b.p, "process_max_fds") >= value_of(b.p, "process_open_fds"));
	assert_true(value_of(b.p, "process_start_time_seconds") > 1600000000);
	assert_true(value_of(b.p, "fairlead_log_lines_lost_total") == 0);
	/* every line is a comment or a name, perhaps labels, and one value */
	for (char *line = strtok(b.p, "\n"); line; line = strtok(NULL, "\n")) {
		if (line[0] == '#')
			continue;
		char *space = strrchr(line, ' '), *end;
		assert_non_null(space);
		assert_true(isalpha((unsigned char)line[0]));
		(void)strtod(space + 1, &end);
		assert_true(*end == 0);
	}
	buf_fini(&b);
}

static void sum(void *arg, const char *name, const char *labels, double value)
{
	(void)labels;
	if (strcmp(name, "fairlead_events_total") == 0)
		*(double *)arg += value;
}

static void test_each(void **state)
{
	(void)state;
	double total = 0;
	metrics_each(sum, &total);
	assert_true(total == 42);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_process),
		cmocka_unit_test(test_each),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
