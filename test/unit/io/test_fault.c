#include "common/base/str.h"
#include "common/io/fault.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* A child with FAIRLEAD_FAULT=fault that passes two points `passes` times; the wait status, its exit code
 * counts how often a point said "fail". */
static int child(const char *fault, const char *trace, int passes)
{
	pid_t pid = fork();
	if (pid == 0) {
		int fails = 0;
		if (fault)
			setenv("FAIRLEAD_FAULT", fault, 1);
		if (trace)
			setenv("FAIRLEAD_FAULT_TRACE", trace, 1);
		if (!freopen("/dev/null", "w", stderr))
			_exit(99);
		fault_init("listener");
		for (int i = 0; i < passes; i++) {
			fails += fault_hit(FAULT_listen_before_commit);
			fails += fault_hit(FAULT_listen_after_commit);
		}
		_exit(fails);
	}
	int status = 0;
	waitpid(pid, &status, WUNTRACED);
	if (WIFSTOPPED(status)) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	return status;
}

static void test_unarmed(void **state)
{
	(void)state;
	assert_int_equal(child(NULL, NULL, 5), 0);
	assert_int_equal(child("", NULL, 5), 0);
}

static void test_actions(void **state)
{
	(void)state;
	int s = child("listen_after_commit:3:kill", NULL, 3);
	assert_true(WIFSIGNALED(s) && WTERMSIG(s) == SIGKILL);
	assert_int_equal(child("listen_after_commit:4:kill", NULL, 3), 0);
	s = child("listener.listen_before_commit:1:stop", NULL, 1);
	assert_true(WIFSTOPPED(s) && WSTOPSIG(s) == SIGSTOP);
	assert_int_equal(WEXITSTATUS(child("listen_before_commit:2:err,listen_before_commit:3:err", NULL, 9)), 2);
	/* another program's point is known, and not ours */
	assert_int_equal(child("apply_before_commit:1:kill", NULL, 1), 0);
}

static void test_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {"nowhere:1:kill", "listen_after_commit", "listen_after_commit:0:kill",
		"listen_after_commit:x:kill", "listen_after_commit:1:boom", "listen_after_commit:1:", ":1:kill"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(WEXITSTATUS(child(bad[i], NULL, 1)), 64);
}

static void test_trace(void **state)
{
	(void)state;
	char path[] = "/tmp/fairlead-unit-XXXXXX", text[400] = "";
	int fd = mkstemp(path);
	assert_int_equal(child(NULL, path, 4), 0);
	assert_int_equal(child(NULL, path, 1), 0);
	assert_true(read(fd, text, sizeof text - 1) > 0);
	assert_string_equal(text, "listener.listen_before_commit\nlistener.listen_after_commit\n"
							  "listener.listen_before_commit\nlistener.listen_after_commit\n");
	close(fd);
	unlink(path);
	assert_int_equal(WEXITSTATUS(child(NULL, "/nonexistent/trace", 1)), 64);
}

static void test_list(void **state)
{
	(void)state;
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	fault_list(f, "batcher");
	fclose(f);
	assert_non_null(strstr(text, "batcher batcher.apply_before_commit a run of events"));
	assert_null(strstr(text, "listener.listen"));
	free(text);
	f = open_memstream(&text, &n);
	fault_list(f, NULL);
	fclose(f);
	int count = 0;
	for (size_t i = 0; i < n; i++)
		count += text[i] == '\n';
	assert_int_equal(count, FAULT_COUNT);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unarmed),
		cmocka_unit_test(test_actions),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_trace),
		cmocka_unit_test(test_list),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
