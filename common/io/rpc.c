#include "common/io/rpc.h"
#include "common/base/mem.h"
#include "common/io/endpoint.h"
#include "common/io/rpc_curl.h"
#include "common/io/rpc_json.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	CONNECTIONS = 8,         /* per endpoint; curl queues what is more */
	IDLE_HANDLES = 8,        /* easy handles kept for the next requests */
	BODY_MOST = 256 << 20,   /* bytes of one reply */
	CONNECT_MOST_MS = 10000, /* of the request's own time */
	CALLS_MOST = 1 << 16,
};

struct rpc_request {
	struct rpc *rpc;
	struct rpc_request *prev, *next; /* in rpc->sent or rpc->refused */
	struct buf ask;                  /* "[{call},{call}": the bracket closes when it is sent */
	uint64_t first_id;
	int calls;
	CURL *easy;
	struct buf body;
	struct rpc_json *json;
	bool body_over;   /* more than BODY_MOST */
	bool body_broken; /* no JSON-RPC: the rest is not stored */
	uint64_t sent_us;
	rpc_done_fn fn;
	void *arg;
};
struct list {
	struct rpc_request *first, *last;
};

struct rpc {
	struct loop *loop;
	char *url;
	struct endpoint at;
	struct err bad_url; /* class is set when the URL can't be used */
	uint64_t timeout_ms;
	struct rpc_curl *curl; /* NULL until the first request */
	struct curl_slist *headers;
	CURL *idle[IDLE_HANDLES];
	int idles;
	struct list sent, refused; /* on their way; and those that get their error in the next turn */
	uint64_t serial;
	bool closing, step_is_due;
	struct rpc_stats stats;
};

static void list_put(struct list *l, struct rpc_request *q)
{
	q->next = NULL;
	q->prev = l->last;
	*(l->last ? &l->last->next : &l->first) = q;
	l->last = q;
}

static void list_take(struct list *l, struct rpc_request *q)
{
	*(q->prev ? &q->prev->next : &l->first) = q->next;
	*(q->next ? &q->next->prev : &l->last) = q->prev;
}

struct rpc *rpc_open(struct loop *l, const char *url, uint64_t timeout_ms)
{
	struct rpc *r = mem_alloc(sizeof *r);
	r->loop = l;
	r->url = mem_text(url);
	r->timeout_ms = timeout_ms ? timeout_ms : 30000;
	if (endpoint_parse(&r->at, url, &r->bad_url) && r->at.websocket)
		err_put(&r->bad_url, ERR_REJECTED, "a ws:// URL can't carry HTTP requests");
	return r;
}

const char *rpc_url(const struct rpc *r)
{
	return r->url;
}

struct rpc_stats rpc_stats(const struct rpc *r)
{
	return r->stats;
}

/* Ids of one request follow each other and fit 31 bits, which every node can hold. */
struct rpc_request *rpc_request(struct rpc *r)
{
	struct rpc_request *q = mem_alloc(sizeof *q);
	q->rpc = r;
	q->first_id = (1 + r->serial++ % (INT16_MAX - 1)) * CALLS_MOST;
	return q;
}

void rpc_call(struct rpc_request *q, const char *method, const char *params, ...)
{
	must(q->calls < CALLS_MOST);
	buf_printf(&q->ask,
		"%c{\"jsonrpc\":\"2.0\",\"id\":%llu,\"method\":\"%s\",\"params\":", q->calls ? ',' : '[',
		(unsigned long long)q->first_id + (unsigned)q->calls, method);
	va_list ap;
	va_start(ap, params);
	buf_vprintf(&q->ask, params, ap);
	va_end(ap);
	buf_char(&q->ask, '}');
	q->calls++;
}

int rpc_calls(const struct rpc_request *q)
{
	return q->calls;
}

static size_t on_body(char *p, size_t one, size_t n, void *arg)
{
	(void)one;
	struct rpc_request *q = arg;
	q->rpc->stats.bytes_in += n;
	if (q->body_broken)
		return n;
	if (q->body.n + n > BODY_MOST) {
		q->body_over = true;
		return 0;
	}
	if (q->body.n == 0) {
		curl_off_t whole = -1;
		curl_easy_getinfo(q->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &whole);
		if (whole > 0 && whole <= BODY_MOST)
			buf_room(&q->body, (size_t)whole);
	}
	buf_put(&q->body, p, n);
	q->body_broken = !rpc_json_feed(q->json);
	return n;
}

static CURL *easy_get(struct rpc *r)
{
	if (r->idles)
		return r->idle[--r->idles];
	CURL *h = curl_easy_init();
	must(h);
	curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(h, CURLOPT_QUICK_EXIT, 1L); /* a name still being looked up holds nobody at the end */
	curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(h, CURLOPT_URL, r->url);
	curl_easy_setopt(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(h, CURLOPT_HTTPHEADER, r->headers);
	curl_easy_setopt(h, CURLOPT_USERAGENT, "fairlead/" FAIRLEAD_VERSION);
	curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(h, CURLOPT_TCP_NODELAY, 1L);
	curl_easy_setopt(h, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, (long)r->timeout_ms);
	curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS,
		(long)(r->timeout_ms < CONNECT_MOST_MS ? r->timeout_ms : CONNECT_MOST_MS));
	if (endpoint_is_loopback(&r->at))
		curl_easy_setopt(h, CURLOPT_NOPROXY, "*");
	if (r->at.tls) {
		curl_easy_setopt(h, CURLOPT_ACCEPT_ENCODING, "");
		/* A private node's own authority, named as OpenSSL and the WebSocket side name it. */
		const char *authorities = getenv("SSL_CERT_FILE");
		if (authorities)
			curl_easy_setopt(h, CURLOPT_CAINFO, authorities);
	}
	return h;
}

static void easy_put(struct rpc *r, CURL *h)
{
	if (r->idles < IDLE_HANDLES)
		r->idle[r->idles++] = h;
	else
		curl_easy_cleanup(h);
}

static void request_free(struct rpc_request *q)
{
	rpc_json_free(q->json);
	buf_fini(&q->ask);
	buf_fini(&q->body);
	free(q);
}

/* Answers q and ends its life. answers: NULL when rep->ok is false. */
static void complete(struct rpc_request *q, struct rpc_reply *rep)
{
	struct rpc *r = q->rpc;
	rep->calls = q->calls;
	rep->took_us = clock_mono_us() - q->sent_us;
	if (!rep->ok)
		r->stats.failures++;
	if (q->easy)
		easy_put(r, q->easy);
	q->fn(q->arg, rep);
	request_free(q);
}

static enum err_class class_of_status(long status)
{
	if (status == 408 || status == 425 || status == 429 || status >= 500)
		return ERR_TRANSIENT;
	return status >= 300 ? ERR_REJECTED : ERR_MALFORMED;
}

static void describe_transfer(struct rpc_request *q, CURLcode code, struct err *e)
{
	const char *name = q->rpc->at.name;
	curl_off_t ready_us = 0;
	long os = 0;
	curl_easy_getinfo(q->easy, CURLINFO_PRETRANSFER_TIME_T, &ready_us);
	curl_easy_getinfo(q->easy, CURLINFO_OS_ERRNO, &os);
	if (q->body_over)
		err_put(e, ERR_REJECTED, "%s answered more than %d MiB", name, BODY_MOST >> 20);
	else if (code == CURLE_OPERATION_TIMEDOUT && ready_us == 0)
		err_put(e, ERR_TRANSIENT, "%s could not be reached in time", name);
	else if (code == CURLE_OPERATION_TIMEDOUT)
		err_put(e, ERR_TRANSIENT, "%s did not answer within %llu ms%s", name,
			(unsigned long long)q->rpc->timeout_ms, q->body.n ? ", its answer stopped half-way" : "");
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

static void describe_body(struct rpc_request *q, long status, struct err *e)
{
	struct err what = *e;
	err_put(e, class_of_status(status), "%s answered %s with status %ld, not JSON-RPC", q->rpc->at.name,
		what.text, status);
}

static void on_done(void *arg, CURL *easy, CURLcode code)
{
	struct rpc *r = arg;
	struct rpc_request *q = NULL;
	curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&q);
	list_take(&r->sent, q);
	struct rpc_reply rep = {0};
	struct arena a = {0};
	curl_off_t retry_s = 0;
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &rep.http_status);
	curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry_s);
	rep.retry_after_ms = retry_s > 0 ? (uint64_t)retry_s * 1000 : 0;
	if (code != CURLE_OK) {
		describe_transfer(q, code, &rep.err);
	} else {
		struct rpc_answer *answers = arena_alloc(&a, (size_t)q->calls * sizeof *answers);
		rep.answers = answers;
		rep.ok = rpc_json_end(q->json, &a, answers, &rep.err);
		if (!rep.ok)
			describe_body(q, rep.http_status, &rep.err);
	}
	if (!rep.ok) {
		rep.answers = NULL;
		rep.err.code = (int)rep.http_status;
	}
	complete(q, &rep);
	arena_fini(&a);
}

/* curl comes alive with the first request, and TLS with it: a program that asks nobody pays for neither. */
static void start_curl(struct rpc *r)
{
	if (r->curl)
		return;
	r->curl = rpc_curl_open(r->loop, CONNECTIONS, on_done, r);
	r->headers = curl_slist_append(r->headers, "Content-Type: application/json");
	r->headers = curl_slist_append(r->headers, "Accept: application/json");
	r->headers = curl_slist_append(r->headers, "Expect:"); /* no waiting for 100-continue */
	must(r->headers);
}

static void finish_close(struct rpc *r)
{
	while (r->idles)
		curl_easy_cleanup(r->idle[--r->idles]);
	if (r->curl)
		rpc_curl_close(r->curl);
	curl_slist_free_all(r->headers);
	free(r->url);
	free(r);
}

/* Gives the refused their error; when closing, all that is on its way is refused first. */
static void step(void *arg)
{
	struct rpc *r = arg;
	r->step_is_due = false;
	while (r->closing && r->sent.first) {
		struct rpc_request *q = r->sent.first;
		list_take(&r->sent, q);
		rpc_curl_remove(r->curl, q->easy);
		list_put(&r->refused, q);
	}
	for (struct rpc_request *q = r->refused.first, *last = r->refused.last, *next; q; q = next) {
		next = q == last ? NULL : q->next;
		list_take(&r->refused, q);
		struct rpc_reply rep = {.err = r->bad_url};
		if (r->closing)
			err_put(&rep.err, ERR_TRANSIENT,
				"the request to %s was given up, its connections were closed here", r->at.name);
		complete(q, &rep);
	}
	if (r->closing && !r->step_is_due)
		finish_close(r);
}

static void step_soon(struct rpc *r)
{
	if (!r->step_is_due)
		loop_later(r->loop, step, r);
	r->step_is_due = true;
}

void rpc_send(struct rpc_request *q, rpc_done_fn fn, void *arg)
{
	struct rpc *r = q->rpc;
	must(q->calls > 0);
	q->fn = fn;
	q->arg = arg;
	q->sent_us = clock_mono_us();
	r->stats.requests++;
	r->stats.calls += (uint64_t)q->calls;
	if (r->closing || r->bad_url.class) {
		list_put(&r->refused, q);
		step_soon(r);
		return;
	}
	start_curl(r);
	buf_char(&q->ask, ']');
	struct str ask = {q->ask.p, q->ask.n};
	if (q->calls == 1)
		ask = (struct str){q->ask.p + 1, q->ask.n - 2};
	q->json = rpc_json_new(&q->body, q->first_id, q->calls);
	q->easy = easy_get(r);
	curl_easy_setopt(q->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)ask.n);
	curl_easy_setopt(q->easy, CURLOPT_POSTFIELDS, ask.p);
	curl_easy_setopt(q->easy, CURLOPT_WRITEDATA, q);
	curl_easy_setopt(q->easy, CURLOPT_PRIVATE, q);
	list_put(&r->sent, q);
	rpc_curl_add(r->curl, q->easy);
}

void rpc_close(struct rpc *r)
{
	if (!r)
		return;
	must(!r->closing);
	r->closing = true;
	step_soon(r);
}
