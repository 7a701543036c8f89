/* dies: runs f in a child and says how it ended: for what aborts or exits by design. */
#ifndef FAIRLEAD_TEST_DIES_H
#define FAIRLEAD_TEST_DIES_H

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* 128 + signal, or the exit code; 0 where f came back. */
static inline int end_of(void (*f)(void *), void *arg)
{
	pid_t pid = fork();
	if (pid == 0) {
		struct rlimit none = {0, 0};
		setrlimit(RLIMIT_CORE, &none);
		signal(SIGABRT, SIG_DFL); /* cmocka and the sanitizers catch these */
		signal(SIGSEGV, SIG_DFL);
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
		dup2(null, 2);
		f(arg);
		_exit(0);
	}
	int status = 0;
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
static inline bool aborts(void (*f)(void *), void *arg)
{
	return end_of(f, arg) == 128 + SIGABRT;
}

#endif
