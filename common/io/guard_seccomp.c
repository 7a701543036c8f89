#define _GNU_SOURCE
#include "common/io/guard_in.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#if defined(__x86_64__)
#define MACHINE          AUDIT_ARCH_X86_64
#define PUT_RESULT(u, n) ((u)->uc_mcontext.gregs[REG_RAX] = (n))
#elif defined(__aarch64__)
#define MACHINE          AUDIT_ARCH_AARCH64
#define PUT_RESULT(u, n) ((u)->uc_mcontext.regs[0] = (uint64_t)(n))
#endif

#ifdef MACHINE

/* What libuv, curl, libpq, OpenSSL, the C library and we call while signing and sending. Not among them: what
 * starts programs, looks into other processes, loads code into the kernel, mounts, changes users, modes or
 * owners. */
static const int allowed[] = {
	SYS_read,
	SYS_write,
	SYS_readv,
	SYS_writev,
	SYS_pread64,
	SYS_pwrite64,
	SYS_close,
	SYS_close_range,
	SYS_fstat,
	SYS_newfstatat,
	SYS_statx,
	SYS_fstatfs,
	SYS_statfs,
	SYS_lseek,
	SYS_openat,
	SYS_faccessat,
	SYS_faccessat2,
	SYS_readlinkat,
	SYS_getdents64,
	SYS_getcwd,
	SYS_unlinkat,
	SYS_fcntl,
	SYS_flock,
	SYS_fsync,
	SYS_fdatasync,
	SYS_ftruncate,
	SYS_umask,
	SYS_dup,
	SYS_dup3,
	SYS_pipe2,
	SYS_eventfd2,
	SYS_signalfd4,
	SYS_timerfd_create,
	SYS_timerfd_settime,
	SYS_timerfd_gettime,
	SYS_epoll_create1,
	SYS_epoll_ctl,
	SYS_epoll_pwait,
	SYS_epoll_pwait2,
	SYS_ppoll,
	SYS_pselect6,
	SYS_inotify_init1,
	SYS_inotify_add_watch,
	SYS_inotify_rm_watch,
	/* memory */
	SYS_mmap,
	SYS_munmap,
	SYS_mprotect,
	SYS_mremap,
	SYS_madvise,
	SYS_brk,
	SYS_mlock,
	SYS_mlock2,
	SYS_munlock,
	SYS_mincore,
	SYS_msync,
	SYS_membarrier,
	/* sockets; SYS_socket and SYS_socketpair are below */
	SYS_connect,
	SYS_bind,
	SYS_listen,
	SYS_accept,
	SYS_accept4,
	SYS_getsockname,
	SYS_getpeername,
	SYS_sendto,
	SYS_recvfrom,
	SYS_sendmsg,
	SYS_recvmsg,
	SYS_sendmmsg,
	SYS_recvmmsg,
	SYS_shutdown,
	SYS_setsockopt,
	SYS_getsockopt,
	/* time, threads, signals, the end */
	SYS_clock_gettime,
	SYS_clock_getres,
	SYS_clock_nanosleep,
	SYS_nanosleep,
	SYS_gettimeofday,
	SYS_times,
	SYS_futex,
	SYS_set_robust_list,
	SYS_get_robust_list,
	SYS_set_tid_address,
	SYS_rseq,
	SYS_sched_yield,
	SYS_sched_getaffinity,
	SYS_sched_getparam,
	SYS_sched_getscheduler,
	SYS_getcpu,
	SYS_rt_sigaction,
	SYS_rt_sigprocmask,
	SYS_rt_sigreturn,
	SYS_rt_sigtimedwait,
	SYS_sigaltstack,
	SYS_restart_syscall,
	SYS_wait4,
	SYS_waitid,
	SYS_exit,
	SYS_exit_group,
	/* who and what we are */
	SYS_getpid,
	SYS_getppid,
	SYS_gettid,
	SYS_getuid,
	SYS_geteuid,
	SYS_getgid,
	SYS_getegid,
	SYS_getgroups,
	SYS_getrusage,
	SYS_uname,
	SYS_sysinfo,
	SYS_getrandom,
#ifdef __x86_64__
	SYS_stat,
	SYS_lstat,
	SYS_open,
	SYS_access,
	SYS_readlink,
	SYS_unlink,
	SYS_getdents,
	SYS_dup2,
	SYS_pipe,
	SYS_select,
	SYS_poll,
	SYS_epoll_wait,
	SYS_epoll_create,
	SYS_inotify_init,
	SYS_eventfd,
	SYS_time,
	SYS_getrlimit,
	SYS_arch_prctl,
#endif
};

enum { FILTER_MAX = 512 };
struct program {
	struct sock_filter code[FILTER_MAX];
	unsigned short n;
};

static void put(struct program *p, struct sock_filter f)
{
	if (p->n < FILTER_MAX)
		p->code[p->n++] = f;
}

#define FIELD(name)    offsetof(struct seccomp_data, name)
#define LOAD(at)       (struct sock_filter) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)(at))
#define RET(what)      (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, what)
#define IF(k, yes, no) (struct sock_filter) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)(k), yes, no)
#define ARG(i)         (FIELD(args) + (i) * sizeof(uint64_t)) /* its low half: both machines are little-endian */

/* call: allowed where the low half of its argument is one of values. */
static void allow_values(struct program *p, int call, unsigned arg, const unsigned *values, size_t n)
{
	put(p, IF(call, 0, (unsigned char)(n + 3)));
	put(p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			   (unsigned)(offsetof(struct seccomp_data, args) + arg * sizeof(uint64_t))));
	for (size_t i = 0; i < n; i++)
		put(p, IF(values[i], (unsigned char)(n - i), 0));
	put(p, RET(SECCOMP_RET_TRAP));
	put(p, RET(SECCOMP_RET_ALLOW));
}

static void allow_with_care(struct program *p)
{
	static const unsigned families[] = {
		AF_UNIX, AF_INET, AF_INET6, AF_NETLINK}; /* the last: how names are looked up */
	static const unsigned terminal[] = {0x5401 /* TCGETS */, 0x5413 /* TIOCGWINSZ */, 0x5421 /* FIONBIO */,
		0x541b /* FIONREAD */, 0x5451 /* FIOCLEX */};
	static const unsigned names[] = {PR_SET_NAME, PR_GET_NAME, 0x53564d41 /* PR_SET_VMA */, PR_GET_DUMPABLE};
	static const unsigned nothing_new[] = {0};
	const unsigned self[] = {(unsigned)getpid()};
	allow_values(p, SYS_socket, 0, families, 4);
	allow_values(p, SYS_socketpair, 0, families, 1);
	allow_values(p, SYS_ioctl, 1, terminal, 5);
	allow_values(p, SYS_prctl, 0, names, 4);
	allow_values(p, SYS_prlimit64, 2, nothing_new, 1); /* asks, sets nothing */
	allow_values(p, SYS_kill, 0, self, 1);
	allow_values(p, SYS_tgkill, 0, self, 1);
	/* A thread, not a process; clone3 hides its flags in memory, and who gets ENOSYS for it calls clone. Not
	 * a trap: who starts programs blocks signals meanwhile, and a trap that is blocked kills. Its caller
	 * hears EPERM. */
	put(p, IF(SYS_clone, 0, 4));
	put(p, LOAD(ARG(0)));
	put(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 1, 0));
	put(p, RET(SECCOMP_RET_ERRNO | EPERM));
	put(p, RET(SECCOMP_RET_ALLOW));
	put(p, IF(SYS_clone3, 0, 1));
	put(p, RET(SECCOMP_RET_ERRNO | ENOSYS));
#ifdef __x86_64__
	put(p, IF(SYS_fork, 1, 0));
	put(p, IF(SYS_vfork, 0, 1));
	put(p, RET(SECCOMP_RET_ERRNO | EPERM));
#endif
}

static void build(struct program *p)
{
	put(p, LOAD(FIELD(arch)));
	put(p, IF(MACHINE, 1, 0));
	put(p, RET(SECCOMP_RET_KILL_PROCESS));
	put(p, LOAD(FIELD(nr)));
	for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++) {
		put(p, IF(allowed[i], 0, 1));
		put(p, RET(SECCOMP_RET_ALLOW));
	}
	allow_with_care(p);
	put(p, RET(SECCOMP_RET_TRAP));
}

/* ── a refused call ── */

static bool json;
static atomic_bool said[1024];

static const char *name_of(int call)
{
	static const struct {
		int call;
		const char *name;
	} names[] = {
		{SYS_execve, "execve"},
		{SYS_execveat, "execveat"},
		{SYS_clone, "clone"},
		{SYS_ptrace, "ptrace"},
		{SYS_process_vm_readv, "process_vm_readv"},
		{SYS_kill, "kill"},
		{SYS_prctl, "prctl"},
		{SYS_socket, "socket"},
		{SYS_ioctl, "ioctl"},
		{SYS_prlimit64, "prlimit64"},
		{SYS_mount, "mount"},
		{SYS_bpf, "bpf"},
		{SYS_memfd_create, "memfd_create"},
		{SYS_mkdirat, "mkdirat"},
		{SYS_renameat2, "renameat2"},
		{SYS_fchmodat, "fchmodat"},
		{SYS_setuid, "setuid"},
		{SYS_chdir, "chdir"},
		{SYS_io_uring_setup, "io_uring_setup"},
#ifdef __x86_64__
		{SYS_chmod, "chmod"},
		{SYS_rename, "rename"},
		{SYS_mkdir, "mkdir"},
#endif
	};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i].call == call)
			return names[i].name;
	return "?";
}

/* Runs in place of the call, on its thread: whatever that holds is held, so the line is written without the
 * log's help. */
static void on_refused(int signum, siginfo_t *info, void *context)
{
	char line[300];
	int call = info->si_syscall, before = errno;
	(void)signum;
	PUT_RESULT((ucontext_t *)context, -EPERM);
	if (call < 0 || call >= (int)(sizeof said / sizeof *said) || atomic_exchange(&said[call], true))
		return;
	static const char text[] = "A system call that signing does not need was refused; where it is needed, "
							   "FAIRLEAD_SECCOMP=off allows it";
	int n = json ? snprintf(line, sizeof line,
					   "{\"level\":\"odd\",\"ev\":\"guard.refused\",\"text\":\"%s\",\"call\":%d,\"name\":\"%"
					   "s\"}\n",
					   text, call, name_of(call))
				 : snprintf(line, sizeof line, "level=odd ev=guard.refused text=\"%s\" call=%d name=%s\n",
					   text, call, name_of(call));
	if (n > 0 && write(STDERR_FILENO, line, (size_t)n) != n)
		n = 0;
	errno = before;
}

bool guard_seccomp(void)
{
	struct program *p = calloc(1, sizeof *p);
	struct sigaction refused = {.sa_sigaction = on_refused, .sa_flags = SA_SIGINFO | SA_NODEFER};
	const char *form = getenv("FAIRLEAD_LOG");
	json = form && strcmp(form, "json") == 0;
	if (!p)
		return false;
	build(p);
	struct sock_fprog filter = {p->n, p->code};
	bool ok = p->n < FILTER_MAX && sigaction(SIGSYS, &refused, NULL) == 0 &&
			  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
			  syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter) == 0;
	free(p);
	return ok;
}

#else

bool guard_seccomp(void)
{
	return false;
}

#endif
