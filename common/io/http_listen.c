#include "common/base/mem.h"
#include "common/io/guard.h"
#include "common/io/http_in.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 4096 }; /* as far as net.core.somaxconn lets */

static bool refused(struct err *e, const char *address, const char *what, int uv_code)
{
	const char *cure = uv_code == UV_EADDRINUSE
						   ? "; another process has it: name another address, or end that one"
					   : uv_code == UV_EACCES        ? "; it needs a directory that this user may write to"
					   : uv_code == UV_EADDRNOTAVAIL ? "; this machine has no such address"
													 : "";
	err_put(e, ERR_REJECTED, "can't %s %s: %s%s", what, address, uv_strerror(uv_code), cure);
	if (e)
		e->code = -uv_code;
	return false;
}

/* Whether somebody answers on this socket file; a dead one is what a killed process leaves. */
static bool somebody_answers(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	memcpy(a.sun_path, path, strlen(path) + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return true;
	int rc = connect(fd, (struct sockaddr *)&a, sizeof a);
	bool dead = rc != 0 && errno == ECONNREFUSED;
	close(fd);
	return !dead;
}

static bool clear_path(const char *path, struct err *e)
{
	struct stat st;
	struct sockaddr_un a;
	if (*path == 0 || strlen(path) >= sizeof a.sun_path)
		return err_set(e, ERR_REJECTED, "the socket path %s is empty or longer than %zu characters", path,
			sizeof a.sun_path - 1);
	if (lstat(path, &st) != 0)
		return true;
	if (!S_ISSOCK(st.st_mode))
		return err_set(e, ERR_REJECTED, "can't listen on unix:%s: a file that is no socket is there", path);
	if (somebody_answers(path))
		return err_set(e, ERR_REJECTED,
			"can't listen on unix:%s: another process listens there; name another path, or end that one",
			path);
	unlink(path);
	return true;
}

/* uv_pipe_bind calls a missing directory "permission denied". */
static bool has_directory(const char *path, struct err *e)
{
	const char *slash = strrchr(path, '/');
	if (!slash || slash == path)
		return true;
	char *dir = mem_textn(path, (size_t)(slash - path));
	bool there = access(dir, F_OK) == 0;
	if (!there)
		err_put(e, ERR_REJECTED,
			"can't listen on unix:%s: there is no directory %s; make it, or name another path", path, dir);
	free(dir);
	return there;
}

static bool listen_unix(
	struct http_listener *l, struct loop *loop, const char *path, uv_connection_cb fn, struct err *e)
{
	if (!clear_path(path, e))
		return false;
	if (!has_directory(path, e))
		return false;
	must(uv_pipe_init(loop_uv(loop), &l->s.pipe, 0) == 0);
	l->init = true;
	int rc = uv_pipe_bind(&l->s.pipe, path);
	if (rc == 0)
		rc = uv_listen(&l->s.stream, BACKLOG, fn);
	if (rc != 0)
		return refused(e, path, "listen on socket", rc);
	l->path = mem_text(path);
	guard_may_change_beside(path); /* the socket is removed at the end */
	return true;
}

/* Splits "host:port", "[::1]:port", ":port". */
static bool split(const char *address, char *host, size_t size, const char **port)
{
	const char *colon = strrchr(address, ':');
	if (!colon || (size_t)(colon - address) >= size)
		return false;
	struct str h = {address, (size_t)(colon - address)};
	if (h.n >= 2 && h.p[0] == '[' && h.p[h.n - 1] == ']')
		h = (struct str){h.p + 1, h.n - 2};
	memcpy(host, h.p, h.n);
	host[h.n] = 0;
	uint64_t v;
	*port = colon + 1;
	return str_to_u64(str_of(*port), &v) && v <= 65535;
}

static int try_address(
	struct http_listener *l, struct loop *loop, const struct sockaddr *a, uv_connection_cb fn)
{
	must(uv_tcp_init(loop_uv(loop), &l->s.tcp) == 0);
	l->init = true;
	int rc = uv_tcp_bind(&l->s.tcp, a, 0);
	if (rc == 0)
		rc = uv_listen(&l->s.stream, BACKLOG, fn);
	if (rc != 0)
		return rc;
	struct sockaddr_storage own;
	int n = sizeof own;
	rc = uv_tcp_getsockname(&l->s.tcp, (struct sockaddr *)&own, &n);
	l->port = ntohs(own.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&own)->sin6_port
											  : ((struct sockaddr_in *)&own)->sin_port);
	return rc;
}

static bool listen_tcp(
	struct http_listener *l, struct loop *loop, const char *address, uv_connection_cb fn, struct err *e)
{
	char host[256];
	const char *port;
	if (!split(address, host, sizeof host, &port))
		return err_set(
			e, ERR_REJECTED, "can't listen on %s: an address is unix:/path, host:port or :port", address);
	/* Every address of the machine: IPv6 with IPv4 inside, or IPv4 alone where there is no IPv6. */
	bool no_v6 = access("/proc/net/if_inet6", F_OK) != 0;
	const char *name = *host ? host : no_v6 ? "0.0.0.0" : "::";
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE},
					*found;
	int rc = getaddrinfo(name, port, &hints, &found);
	if (rc != 0)
		return err_set(e, ERR_REJECTED, "can't listen on %s: %s", address, gai_strerror(rc));
	rc = try_address(l, loop, found->ai_addr, fn);
	freeaddrinfo(found);
	return rc == 0 || refused(e, address, "listen on", rc);
}

bool http_listener_open(
	struct http_listener *l, struct loop *loop, const char *address, uv_connection_cb fn, struct err *e)
{
	bool ok = strncmp(address, "unix:", 5) == 0 ? listen_unix(l, loop, address + 5, fn, e)
												: listen_tcp(l, loop, address, fn, e);
	l->s.handle.data = l;
	return ok;
}
