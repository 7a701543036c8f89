#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/base/mem.h"
#include "common/io/keeper.h"
#include "common/io/loop.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char secret[] = "a secret of ours";

static void forget(void *arg)
{
	(void)arg;
	memset(secret, 0, sizeof secret - 1);
}

/* The next n bytes, or up to a line's end; "" at the end of the stream. */
static char *line_of(int fd)
{
	static char line[4096];
	size_t n = 0;
	while (n < sizeof line - 1) {
		struct pollfd p = {fd, POLLIN, 0};
		assert_int_equal(poll(&p, 1, 20000), 1);
		ssize_t got = read(fd, line + n, 1);
		if (got <= 0 || line[n] == '\n')
			break;
		n++;
	}
	line[n] = 0;
	return line;
}

static void on_term(void *arg)
{
	(void)arg;
}

static void test_programs(void **state)
{
	(void)state;
	struct err e = {0};
	/* with libuv's signals on, as in a program: its handler at forks closes descriptors by their numbers */
	struct loop *l = loop_new();
	loop_on_term(l, on_term, NULL);
	setenv("DATABASE_URL", "postgresql://secret", 1);
	setenv("AWS_REGION", "eu-west-1", 1);
	struct keeper *k = keeper_open(forget, NULL, &e);
	assert_non_null(k);
	assert_string_equal(secret, "a secret of ours");

	int echo = keeper_spawn(k, 0, (const char *[]){"cat"}, 1, "/", &e);
	assert_true(echo >= 0);
	assert_int_equal(write(echo, "hello\n", 6), 6);
	assert_string_equal(line_of(echo), "hello");

	int sh = keeper_spawn(k, 1,
		(const char *[]){"sh", "-c", "pwd; echo ${DATABASE_URL-none} $AWS_REGION; echo $$; exec sleep 1000"},
		3, "/usr", &e);
	assert_string_equal(line_of(sh), "/usr");
	assert_string_equal(line_of(sh), "none eu-west-1");
	pid_t pid = atoi(line_of(sh));
	assert_int_equal(kill(pid, 0), 0);

	/* another one in that slot ends it */
	int next = keeper_spawn(k, 1, (const char *[]){"sh", "-c", "echo $$; exec sleep 1000"}, 3, "/", &e);
	assert_string_equal(line_of(sh), "");
	pid = atoi(line_of(next));

	/* one that ends by itself ends alone */
	int brief = keeper_spawn(k, 5, (const char *[]){"true"}, 1, "/", &e);
	assert_string_equal(line_of(brief), "");
	close(brief);
	poll(NULL, 0, 50);
	brief = keeper_spawn(k, 5, (const char *[]){"echo", "again"}, 2, "/", &e);
	assert_true(brief >= 0);
	assert_string_equal(line_of(brief), "again");
	close(brief);

	int missing = keeper_spawn(k, 2, (const char *[]){"./nothing"}, 1, "/usr", &e);
	assert_string_equal(line_of(missing),
		"{\"fatal\":\"./nothing in /usr could not be started: No such file or directory\"}");
	assert_string_equal(line_of(missing), "");
	int nowhere = keeper_spawn(k, 3, (const char *[]){"cat"}, 1, "/nowhere", &e);
	assert_non_null(strstr(line_of(nowhere), "cat in /nowhere could not be started"));

	char *huge = mem_alloc(100000);
	memset(huge, 'x', 99999);
	assert_int_equal(keeper_spawn(k, 4, (const char *[]){huge}, 1, "/", &e), -1);
	assert_int_equal(e.class, ERR_REJECTED);
	free(huge);

	keeper_close(k);
	assert_string_equal(line_of(next), "");
	assert_string_equal(line_of(echo), "");
	assert_int_equal(kill(pid, 0), -1);
	assert_int_equal(errno, ESRCH);
	close(echo);
	close(sh);
	close(next);
	close(missing);
	close(nowhere);
	keeper_close(NULL);
	loop_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_programs)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
