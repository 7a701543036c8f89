#define _GNU_SOURCE
#include "common/io/keeper.h"
#include "common/base/mem.h"
#include "common/base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ORDER_MAX = 32 << 10, WORDS_MAX = 256, END_MS = 1000 };

struct keeper {
	int fd;
	pid_t pid;
};

/* ── its own side: one thread, no loop, nothing but system calls ── */

static pid_t running[KEEPER_SLOTS];

static void reap(void)
{
	for (pid_t gone; (gone = waitpid(-1, NULL, WNOHANG)) > 0;)
		for (size_t i = 0; i < KEEPER_SLOTS; i++)
			if (running[i] == gone)
				running[i] = 0;
}

static void on_child(int signum)
{
	(void)signum; /* interrupts the wait for an order */
}

/* What our process alone is to know. */
static void clean_environment(void)
{
	static const char *const ours[] = {"DATABASE_URL", "REDIS_URL", "PGPASSWORD", "PGPASSFILE", "PGHOST",
		"PGUSER", "PGDATABASE", "PGPORT", "PGSERVICE", "PGSERVICEFILE", "PGSSLKEY", "PGSSLCERT", "DB_HOST",
		"DB_PORT", "DB_USERNAME", "DB_PASSWORD", "DB_NAME"};
	for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
		unsetenv(ours[i]);
}

static _Noreturn void become(char **argv, const char *folder, int fd)
{
	char line[300];
	signal(SIGCHLD, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	setpgid(0, 0);
	dup2(fd, STDIN_FILENO);
	dup2(fd, STDOUT_FILENO);
	if (chdir(folder) == 0)
		execvp(argv[0], argv);
	struct buf said = {0};
	snprintf(
		line, sizeof line, "%.100s in %.100s could not be started: %s", argv[0], folder, strerror(errno));
	buf_text(&said, "{\"fatal\":");
	buf_json(&said, str_of(line));
	buf_text(&said, "}\n");
	ssize_t written = write(STDOUT_FILENO, said.p, said.n);
	_exit(written < 0 ? 126 : 127);
}

/* An order: slot, folder, words, each closed by a NUL. */
static void obey(char *order, size_t n, int fd)
{
	char *argv[WORDS_MAX + 1], *folder = order + 1;
	unsigned slot = (unsigned char)order[0];
	size_t words = 0;
	for (char *p = folder + strlen(folder) + 1; p < order + n && words < WORDS_MAX; p += strlen(p) + 1)
		argv[words++] = p;
	argv[words] = NULL;
	if (running[slot])
		kill(-running[slot], SIGKILL);
	/* Without what libraries do at a fork: libuv's handler would close what has the numbers of its own pipes
	 * now. */
	pid_t pid = words ? _Fork() : -1;
	if (pid == 0)
		become(argv, folder, fd);
	running[slot] = pid > 0 ? pid : 0;
	if (pid > 0)
		setpgid(pid, pid); /* both sides: whoever comes first */
}

static bool any_runs(void)
{
	reap();
	for (size_t i = 0; i < KEEPER_SLOTS; i++)
		if (running[i])
			return true;
	return false;
}

/* Ours is gone: what was started is asked to end, then made to. */
static _Noreturn void end_all(void)
{
	for (size_t i = 0; i < KEEPER_SLOTS; i++)
		if (running[i])
			kill(-running[i], SIGTERM);
	for (int ms = 0; ms < END_MS && any_runs(); ms += 10)
		poll(NULL, 0, 10);
	for (size_t i = 0; i < KEEPER_SLOTS; i++)
		if (running[i])
			kill(-running[i], SIGKILL);
	_exit(0);
}

static _Noreturn void keep(int control)
{
	static char order[ORDER_MAX + 1];
	struct sigaction child = {.sa_handler = on_child};
	setsid(); /* Ctrl-C at the terminal is for ours */
	prctl(PR_SET_NAME, "fairlead-keeper");
	sigaction(SIGCHLD, &child, NULL);
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	clean_environment();
	for (;;) {
		char space[CMSG_SPACE(sizeof(int))];
		struct iovec io = {order, ORDER_MAX};
		struct msghdr m = {
			.msg_iov = &io, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
		ssize_t n = recvmsg(control, &m, MSG_CMSG_CLOEXEC);
		bool interrupted = n < 0 && errno == EINTR; /* by a child's end */
		reap();
		if (interrupted)
			continue;
		if (n <= 0)
			end_all();
		const struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		int fd = -1;
		if (c && c->cmsg_type == SCM_RIGHTS)
			memcpy(&fd, CMSG_DATA(c), sizeof fd);
		order[n] = 0;
		if (fd >= 0 && n > 2 && (unsigned char)order[0] < KEEPER_SLOTS)
			obey(order, (size_t)n, fd);
		if (fd >= 0)
			close(fd);
	}
}

/* ── our side ── */

struct keeper *keeper_open(void (*forget)(void *arg), void *arg, struct err *e)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
		err_put(e, ERR_TRANSIENT, "no pair of sockets could be made: %s", strerror(errno));
		return NULL;
	}
	pid_t pid = fork();
	if (pid == 0) {
		forget(arg);
		/* nothing of ours stays open there: what listens, what is logged into (but its lines) */
		int control = dup2(pair[1], 3);
		closefrom(4);
		fcntl(control, F_SETFD, FD_CLOEXEC);
		keep(control);
	}
	close(pair[1]);
	if (pid < 0) {
		err_put(e, ERR_TRANSIENT, "no process could be started: %s", strerror(errno));
		close(pair[0]);
		return NULL;
	}
	struct keeper *k = mem_alloc(sizeof *k);
	*k = (struct keeper){pair[0], pid};
	return k;
}

static bool send_order(struct keeper *k, const struct buf *order, int fd, struct err *e)
{
	char space[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec io = {order->p, order->n};
	struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(c), &fd, sizeof fd);
	if (sendmsg(k->fd, &m, MSG_NOSIGNAL) == (ssize_t)order->n)
		return true;
	return err_set(e, ERR_TRANSIENT, "the keeper of programs is gone (%s); start fairlead-submitter again",
		strerror(errno));
}

int keeper_spawn(
	struct keeper *k, unsigned slot, const char *const *argv, size_t n, const char *folder, struct err *e)
{
	int pair[2];
	struct buf order = {0};
	must(slot < KEEPER_SLOTS && n > 0);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
		err_put(e, ERR_TRANSIENT, "no pair of sockets could be made: %s", strerror(errno));
		return -1;
	}
	fcntl(pair[1], F_SETFL, 0); /* its own end blocks, as a program expects */
	buf_char(&order, (char)slot);
	buf_put(&order, folder, strlen(folder) + 1);
	for (size_t i = 0; i < n; i++)
		buf_put(&order, argv[i], strlen(argv[i]) + 1);
	bool ok = order.n <= ORDER_MAX
				  ? send_order(k, &order, pair[1], e)
				  : err_set(e, ERR_REJECTED, "its words are longer than %d KiB", ORDER_MAX >> 10);
	buf_fini(&order);
	close(pair[1]);
	if (!ok)
		close(pair[0]);
	return ok ? pair[0] : -1;
}

void keeper_close(struct keeper *k)
{
	if (!k)
		return;
	close(k->fd);
	while (waitpid(k->pid, NULL, 0) < 0 && errno == EINTR)
		;
	free(k);
}
