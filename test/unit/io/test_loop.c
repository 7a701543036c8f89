#include "test/unit/io/spin.h"

#include "common/base/mem.h"
#include "common/io/loop.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct probe {
	struct loop *loop;
	struct timer *timer;
	int calls;
	char trace[64];
};

static void count(void *arg)
{
	((struct probe *)arg)->calls++;
}

static void end_with_three(void *arg)
{
	loop_end(((struct probe *)arg)->loop, 3);
}

static void test_end(void **state)
{
	(void)state;
	struct probe p = {.loop = loop_new()};
	timer_start(p.loop, &p.timer, 1, end_with_three, &p);
	assert_true(timer_is_on(p.timer));
	assert_int_equal(loop_run(p.loop), 3);
	assert_false(timer_is_on(p.timer));
	timer_free(&p.timer);
	assert_null(p.timer);
	timer_free(&p.timer);
	timer_stop(&p.timer);
	loop_free(p.loop);
}

static void free_itself(void *arg)
{
	struct probe *p = arg;
	p->calls++;
	timer_free(&p->timer);
}

static void start_again(void *arg)
{
	struct probe *p = arg;
	if (++p->calls < 3)
		timer_start(p->loop, &p->timer, 0, start_again, p);
}

static void test_timers(void **state)
{
	(void)state;
	struct probe p = {.loop = loop_new()}, q = {.loop = p.loop}, never = {.loop = p.loop};
	timer_start(p.loop, &p.timer, 0, free_itself, &p);
	timer_start(p.loop, &q.timer, 0, start_again, &q);
	timer_start(p.loop, &never.timer, 0, count, &never);
	timer_stop(&never.timer);
	spin_until(p.loop, p.calls == 1 && q.calls == 3);
	assert_null(p.timer);
	assert_int_equal(never.calls, 0);
	/* a started timer that is started again is moved, with its new callback */
	timer_start(p.loop, &q.timer, 0, count, &never);
	timer_start(p.loop, &q.timer, 100000, count, &q);
	for (int i = 0; i < 3; i++)
		spin_once(p.loop);
	assert_int_equal(never.calls, 0);
	timer_free(&q.timer);
	timer_free(&never.timer);
	loop_free(p.loop);
}

static void put_a(void *arg)
{
	strcat(((struct probe *)arg)->trace, "a");
}

static void put_b_then_a(void *arg)
{
	struct probe *p = arg;
	strcat(p->trace, "b");
	loop_later(p->loop, put_a, p);
}

static void test_later(void **state)
{
	(void)state;
	struct probe p = {.loop = loop_new()};
	loop_later(p.loop, put_a, &p);
	loop_later(p.loop, put_b_then_a, &p);
	loop_later(p.loop, put_a, &p);
	assert_string_equal(p.trace, "");
	spin_until(p.loop, strlen(p.trace) == 4);
	assert_string_equal(p.trace, "abaa");
	loop_later(p.loop, put_b_then_a, &p);
	loop_free(p.loop); /* what was asked for still runs */
	assert_string_equal(p.trace, "abaaba");
}

/* The first signal asks, whichever it is; the second ends the process with 75. */
static int status_after_signals(int first, int second)
{
	pid_t pid = fork();
	if (pid == 0) {
		struct probe p = {.loop = loop_new()};
		loop_on_term(p.loop, count, &p);
		kill(getpid(), first);
		while (p.calls == 0)
			uv_run(loop_uv(p.loop), UV_RUN_ONCE);
		if (second)
			kill(getpid(), second);
		for (int i = 0; second && i < 1000; i++)
			uv_run(loop_uv(p.loop), UV_RUN_ONCE);
		_exit(p.calls);
	}
	int status = 0;
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_signals(void **state)
{
	(void)state;
	assert_int_equal(status_after_signals(SIGTERM, 0), 1);
	assert_int_equal(status_after_signals(SIGINT, 0), 1);
	assert_int_equal(status_after_signals(SIGINT, SIGTERM), 75);
	assert_int_equal(status_after_signals(SIGTERM, SIGTERM), 75);
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* Written in place, replaced by a rename, gone, there again, and reached over a symbolic link that is
 * swapped. */
static void test_watch(void **state)
{
	(void)state;
	char dir[] = "/tmp/fairlead-unit-XXXXXX", file[64], other[64], link_to[64], new_link[64];
	assert_non_null(mkdtemp(dir));
	snprintf(file, sizeof file, "%s/map.json", dir);
	snprintf(other, sizeof other, "%s/other.json", dir);
	snprintf(link_to, sizeof link_to, "%s/link.json", dir);
	snprintf(new_link, sizeof new_link, "%s/link.new", dir);
	write_file(file, "1");
	assert_int_equal(symlink("map.json", link_to), 0);
	struct probe p = {.loop = loop_new()}, q = {.loop = p.loop};
	struct watch *w = watch_open(p.loop, file, count, &p), *v = watch_open(p.loop, link_to, count, &q);
	for (int i = 0; i < 3; i++)
		spin_once(p.loop);
	assert_int_equal(p.calls, 0);
	write_file(file, "two");
	spin_until(p.loop, p.calls >= 1 && q.calls >= 1);
	int before = p.calls;
	write_file(other, "second");
	assert_int_equal(rename(other, file), 0);
	spin_until(p.loop, p.calls > before);
	before = p.calls;
	unlink(file);
	spin_until(p.loop, p.calls > before);
	before = p.calls;
	write_file(file, "there");
	spin_until(p.loop, p.calls > before);
	write_file(other, "another");
	for (int i = 0; i < 3; i++)
		spin_once(p.loop);
	before = q.calls;
	assert_int_equal(symlink("other.json", new_link), 0);
	assert_int_equal(rename(new_link, link_to), 0);
	spin_until(p.loop, q.calls > before);
	watch_close(w);
	watch_close(v);
	loop_free(p.loop);
	unlink(file);
	unlink(other);
	unlink(link_to);
	rmdir(dir);
}

struct reading {
	struct readable *r;
	int fd, bytes;
	bool over;
};

static void read_some(void *arg)
{
	struct reading *g = arg;
	char in[8];
	ssize_t n = read(g->fd, in, sizeof in);
	assert_true(n >= 0);
	g->bytes += (int)n;
	g->over = n == 0;
	if (g->over)
		readable_close(g->r);
}

static void test_readable(void **state)
{
	(void)state;
	int ends[2], file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	assert_int_equal(pipe(ends), 0);
	struct loop *l = loop_new();
	struct reading g = {.fd = ends[0]};
	g.r = readable_open(l, ends[0], read_some, &g);
	assert_non_null(g.r);
	assert_null(readable_open(l, file, read_some, &g));
	readable_close(NULL);
	for (int i = 0; i < 3; i++)
		spin_once(l);
	assert_int_equal(g.bytes, 0);
	assert_int_equal(write(ends[1], "twelve bytes", 12), 12);
	spin_until(l, g.bytes == 12);
	close(ends[1]);
	spin_until(l, g.over);
	loop_free(l);
	close(ends[0]);
	close(file);
}

static void test_clock(void **state)
{
	(void)state;
	uint64_t a = clock_mono_us(), b = clock_mono_us();
	assert_true(a <= b);
	assert_true(clock_wall_ms() > 1600000000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_timers),
		cmocka_unit_test(test_later),
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_watch),
		cmocka_unit_test(test_readable),
		cmocka_unit_test(test_clock),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
