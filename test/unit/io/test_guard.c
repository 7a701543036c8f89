#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/base/mem.h"
#include "common/io/guard.h"
#include "common/io/guard_in.h"
#include "common/io/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define INSTRUMENTED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define INSTRUMENTED true
#endif
#endif
#ifndef INSTRUMENTED
#define INSTRUMENTED false
#endif

static char dir[64], ours[100], other[100];

/* What fn makes of itself in a process of its own: its exit code, and what it said. */
static int in_child(int (*fn)(void), char *said, size_t size)
{
	int pair[2], status;
	size_t n = 0;
	assert_int_equal(pipe(pair), 0);
	pid_t pid = fork();
	if (pid == 0) {
		dup2(pair[1], STDERR_FILENO);
		_exit(fn());
	}
	close(pair[1]);
	for (ssize_t got; n < size - 1 && (got = read(pair[0], said + n, size - 1 - n)) > 0;)
		n += (size_t)got;
	said[n] = 0;
	close(pair[0]);
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static int begun(void)
{
	struct rlimit core = {1, 1};
	guard_begin();
	getrlimit(RLIMIT_CORE, &core);
	if ((prctl(PR_GET_DUMPABLE) != 0 && !INSTRUMENTED) || core.rlim_cur || core.rlim_max)
		return 1;
	raise(SIGABRT);
	return 2;
}

static void *thread(void *arg)
{
	return arg;
}

#define WANT(n, cond) \
	if (!(cond))      \
	return fprintf(stderr, "step %d: %s\n", n, strerror(errno)), n

static int closed(void)
{
	pthread_t t;
	void *got = NULL, *given = dir;
	char *argv[] = {"true", NULL};
	log_init("test", "info");
	guard_may_read(ours);
	guard_may_change_beside(ours);
	guard_close();
	WANT(1, open(ours, O_RDONLY) >= 0);
	WANT(2, open("/etc/hosts", O_RDONLY) >= 0 || errno == ENOENT);
	WANT(3, open(other, O_RDONLY) < 0 && errno == EACCES);
	WANT(4, open(other, O_WRONLY) < 0 && errno == EACCES);
	WANT(5, open("/tmp", O_RDONLY | O_DIRECTORY) < 0 && errno == EACCES);
	WANT(6, unlink(other) < 0 && (errno == EACCES || errno == EPERM));
	WANT(7, socket(AF_INET, SOCK_STREAM, 0) >= 0 && socket(AF_UNIX, SOCK_STREAM, 0) >= 0);
	WANT(8, socket(AF_PACKET, SOCK_RAW, 0) < 0 && errno == EPERM);
	WANT(9, pthread_create(&t, NULL, thread, given) == 0 && pthread_join(t, &got) == 0 && got == given);
	WANT(10, fork() < 0 && errno == EPERM);
	WANT(11, execve("/bin/true", argv, NULL) < 0 && errno == EPERM);
	WANT(11, execve("/bin/true", argv, NULL) < 0);
	WANT(12, ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) < 0 && errno == EPERM);
	WANT(13, kill(getppid(), SIGCONT) < 0 && errno == EPERM);
	WANT(14, prctl(PR_SET_DUMPABLE, 1) < 0 && errno == EPERM);
	WANT(15, chmod(ours, 0777) < 0 && errno == EPERM);
	WANT(16, system("true") != 0);
	struct rlimit more = {RLIM_INFINITY, RLIM_INFINITY};
	WANT(17, setrlimit(RLIMIT_CORE, &more) < 0 && errno == EPERM);
	WANT(18, unlink(ours) == 0);
	return 0;
}

static int left_open(void)
{
	log_init("test", "info");
	setenv("FAIRLEAD_SECCOMP", "off", 1);
	guard_close();
	WANT(1, open(other, O_RDONLY) >= 0);
	pid_t pid = fork();
	WANT(2, pid >= 0);
	if (pid == 0)
		_exit(0);
	return 0;
}

static void test_begin(void **state)
{
	(void)state;
	char said[4096];
	assert_int_equal(in_child(begun, said, sizeof said), 1000 + SIGABRT);
}

static void test_close(void **state)
{
	(void)state;
	char said[8192];
	int code = in_child(closed, said, sizeof said);
	if (strstr(said, "ev=guard.open")) {
		print_message("left open here: %s", said);
		return;
	}
	if (!strstr(said, "seccomp=true") || strstr(said, "landlock=0")) {
		print_message("the kernel has not both: %s", said);
		return;
	}
	if (code)
		fail_msg("exit %d: %s", code, said);
	/* each refused call is one line, once */
	const char *line = strstr(said, "ev=guard.refused");
	assert_non_null(line);
	assert_non_null(strstr(said, "name=execve"));
	assert_non_null(strstr(said, "name=socket"));
	assert_non_null(strstr(said, "FAIRLEAD_SECCOMP=off allows it"));
	line = strstr(said, "name=execve");
	assert_null(strstr(line + 1, "name=execve"));
}

static void test_off(void **state)
{
	(void)state;
	char said[4096];
	int code = in_child(left_open, said, sizeof said);
	if (code)
		fail_msg("exit %d: %s", code, said);
	assert_non_null(strstr(said, "ev=guard.open"));
}

static int set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/guard.XXXXXX");
	assert_non_null(mkdtemp(dir));
	char in[80];
	snprintf(in, sizeof in, "%s/in", dir);
	assert_int_equal(mkdir(in, 0700), 0);
	snprintf(ours, sizeof ours, "%s/ours", in);
	snprintf(other, sizeof other, "%s/other", dir);
	close(open(ours, O_CREAT | O_WRONLY, 0600));
	close(open(other, O_CREAT | O_WRONLY, 0600));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(ours);
	unlink(other);
	*strrchr(ours, '/') = 0;
	rmdir(ours);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_begin),
		cmocka_unit_test_setup_teardown(test_close, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_off, set_up, tear_down)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
