#include "common/io/rpc_curl.h"
#include "common/base/err.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/io/log.h"

#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

struct rpc_curl {
	struct loop *loop;
	CURLM *multi;
	struct timer *timer; /* curl's: none of ours, since curl does not tell twice what it told */
	struct timer *ended; /* looks for what has ended inside rpc_curl_add */
	rpc_curl_fn on_done;
	void *arg;
	struct sock *socks;
};
/* curl takes its interest in a connection back with each answer, and has it again with the next request. A
 * poll that came and went with it would cost seven system calls a request: that of a connection that has
 * brought an answer stays, armed for reading, until curl closes it. (What is not connected yet, and its
 * resolver's sockets, curl 7.88 closes without a word.) */
struct sock {
	uv_poll_t poll;
	struct rpc_curl *owner;
	curl_socket_t fd;
	int mask; /* what the poll is armed for: arming it again costs two epoll_ctl even when nothing changes */
	bool wanted, keeps;
	struct sock *next;
};

static void on_sock_closed(uv_handle_t *h)
{
	free(h->data);
}

static struct sock **find(struct rpc_curl *c, curl_socket_t fd)
{
	struct sock **at = &c->socks;
	while (*at && (*at)->fd != fd)
		at = &(*at)->next;
	return at;
}

static struct sock *sock_of(struct rpc_curl *c, curl_socket_t fd)
{
	struct sock **at = find(c, fd);
	if (*at)
		return *at;
	struct sock *s = *at = mem_alloc(sizeof *s);
	s->owner = c;
	s->fd = fd;
	s->poll.data = s;
	must(uv_poll_init_socket(loop_uv(c->loop), &s->poll, fd) == 0);
	return s;
}

static void drop(struct sock **at)
{
	struct sock *s = *at;
	*at = s->next;
	uv_close((uv_handle_t *)&s->poll, on_sock_closed);
}

/* A connection is about to be closed. */
static int on_close(void *arg, curl_socket_t fd)
{
	struct rpc_curl *c = arg;
	struct sock **at = find(c, fd);
	if (*at)
		drop(at);
	return close(fd);
}

static void take_done(struct rpc_curl *c)
{
	CURLMsg *m;
	int left;
	while ((m = curl_multi_info_read(c->multi, &left))) {
		if (m->msg != CURLMSG_DONE)
			continue;
		CURL *easy = m->easy_handle;
		CURLcode code = m->data.result;
		curl_socket_t fd = CURL_SOCKET_BAD; /* of the connection that brought the answer */
		if (code == CURLE_OK)
			curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &fd);
		if (fd != CURL_SOCKET_BAD)
			sock_of(c, fd)->keeps = true;
		curl_multi_remove_handle(c->multi, easy);
		c->on_done(c->arg, easy, code);
	}
}

static void act(struct rpc_curl *c, curl_socket_t fd, int what)
{
	int running;
	curl_multi_socket_action(c->multi, fd, what, &running);
	take_done(c);
}

static void on_poll(uv_poll_t *h, int status, int events)
{
	struct sock *s = h->data;
	if (!s->wanted) { /* it was closed, or says what nobody asked: curl looks before it uses it again */
		uv_poll_stop(h);
		s->mask = 0;
		return;
	}
	if (status < 0)
		s->mask = 0; /* libuv has stopped it */
	int what = (events & UV_READABLE ? CURL_CSELECT_IN : 0) | (events & UV_WRITABLE ? CURL_CSELECT_OUT : 0) |
			   (status < 0 ? CURL_CSELECT_ERR : 0);
	act(s->owner, s->fd, what);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *sock)
{
	(void)easy, (void)sock;
	struct rpc_curl *c = arg;
	if (what == CURL_POLL_REMOVE) {
		struct sock **at = find(c, fd);
		if (*at && !(*at)->keeps)
			drop(at);
		else if (*at)
			(*at)->wanted = false;
		return 0;
	}
	struct sock *s = sock_of(c, fd);
	s->wanted = true;
	int mask = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
	if (mask == s->mask)
		return 0;
	s->mask = mask;
	if (mask)
		uv_poll_start(&s->poll, mask, on_poll);
	else
		uv_poll_stop(&s->poll);
	return 0;
}

static void on_timeout(void *arg)
{
	act(arg, CURL_SOCKET_TIMEOUT, 0);
}

/* -1 deletes the timer. 0 means "in the next turn" and stays 0: a millisecond here would be one per request.
 */
static int on_timer(CURLM *m, long ms, void *arg)
{
	(void)m;
	struct rpc_curl *c = arg;
	if (ms < 0)
		timer_stop(&c->timer);
	else
		timer_start(c->loop, &c->timer, (uint64_t)ms, on_timeout, c);
	return 0;
}

struct rpc_curl *rpc_curl_open(struct loop *l, long connections, rpc_curl_fn on_done, void *arg)
{
	struct rpc_curl *c = mem_alloc(sizeof *c);
	c->loop = l;
	c->on_done = on_done;
	c->arg = arg;
	must(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
	c->multi = curl_multi_init();
	must(c->multi);
	curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
	curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
	curl_multi_setopt(c->multi, CURLMOPT_MAX_HOST_CONNECTIONS, connections);
	curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, connections);
	return c;
}

static void on_ended(void *arg)
{
	take_done(arg);
}

void rpc_curl_add(struct rpc_curl *c, CURL *easy)
{
	int running;
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, c);
	must(curl_multi_add_handle(c->multi, easy) == CURLM_OK);
	curl_multi_socket_action(c->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	timer_start(c->loop, &c->ended, 0, on_ended, c);
}

void rpc_curl_remove(struct rpc_curl *c, CURL *easy)
{
	curl_multi_remove_handle(c->multi, easy);
}

void rpc_curl_close(struct rpc_curl *c)
{
	curl_multi_cleanup(c->multi);
	while (c->socks) {
		log_bug("curl.leak", "A socket was still watched when all connections were closed",
			F_INT("fd", c->socks->fd), F_INT("keeps", c->socks->keeps), F_INT("wanted", c->socks->wanted));
		drop(&c->socks);
	}
	timer_free(&c->timer);
	timer_free(&c->ended);
	curl_global_cleanup();
	free(c);
}

/* Seconds until a limit of requests is open again, for those who do not say Retry-After (RFC 9110, 10.2.3). A
 * number that is longer than a day is a date. */
static uint64_t reset_ms(CURL *easy)
{
	static const char *const names[] = {"RateLimit-Reset", "X-RateLimit-Reset", "X-Rate-Limit-Reset"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct curl_header *h;
		uint64_t s;
		if (curl_easy_header(easy, names[i], 0, CURLH_HEADER, -1, &h) == CURLHE_OK &&
			str_to_u64(str_of(h->value), &s) && s <= 86400)
			return s * 1000;
	}
	return 0;
}

long rpc_curl_status(CURL *easy, uint64_t *retry_after_ms)
{
	curl_off_t retry_s = 0;
	long status = 0;
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry_s);
	*retry_after_ms = retry_s > 0 ? (uint64_t)retry_s * 1000 : 0;
	if (!*retry_after_ms && (status == 429 || status == 503))
		*retry_after_ms = reset_ms(easy);
	return status;
}

void rpc_curl_error(CURL *easy, CURLcode code, const char *name, struct err *e)
{
	long os = 0;
	curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &os);
	if (code == CURLE_OPERATION_TIMEDOUT)
		err_put(e, ERR_TRANSIENT, "%s could not be reached in time", name);
	else if (code == CURLE_COULDNT_CONNECT)
		err_put(e, ERR_TRANSIENT, "%s refused the connection%s%s", name, os ? ": " : "",
			os ? strerror((int)os) : "");
	else if (code == CURLE_COULDNT_RESOLVE_HOST)
		err_put(e, ERR_TRANSIENT, "the address of %s could not be found", name);
	else if (code == CURLE_GOT_NOTHING)
		err_put(e, ERR_TRANSIENT, "%s closed the connection without an answer", name);
	else if (code == CURLE_PARTIAL_FILE || code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR)
		err_put(e, ERR_TRANSIENT, "%s cut the connection in the middle of its answer", name);
	else if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CONNECT_ERROR)
		err_put(e, ERR_TRANSIENT, "%s could not agree on TLS, or its certificate is not trusted", name);
	else if (code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_WEIRD_SERVER_REPLY)
		err_put(e, ERR_MALFORMED, "%s answered something that is not HTTP", name);
	else
		err_put(e, ERR_TRANSIENT, "%s could not be asked: %s", name, curl_easy_strerror(code));
}
