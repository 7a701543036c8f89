#include "common/base/mem.h"
#include "common/io/rpc_in.h"

#include <stdlib.h>

enum { READ_MOST = 64 << 10 }; /* at once: a block of receipts is some hundred KiB */

static size_t on_body(char *p, size_t one, size_t n, void *arg)
{
	(void)one;
	struct rpc_request *q = arg;
	struct rpc *r = q->rpc;
	if (q->cancelled || r->closing)
		return 0;
	if (q->paused || r->sending) { /* nobody hears an answer inside the call that asks */
		q->held = true;
		if (!q->paused)
			rpc_step_soon(r);
		return CURL_WRITEFUNC_PAUSE;
	}
	r->busy++;
	bool wanted = rpc_arrived(q, (struct str){p, n});
	r->busy--;
	return wanted ? n : 0;
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
	curl_easy_setopt(h, CURLOPT_BUFFERSIZE, (long)READ_MOST);
	curl_easy_setopt(h, CURLOPT_TCP_NODELAY, 1L);
	curl_easy_setopt(h, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS,
		(long)(r->timeout_ms < RPC_CONNECT_MOST_MS ? r->timeout_ms : RPC_CONNECT_MOST_MS));
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

void rpc_http_drop(struct rpc_request *q)
{
	struct rpc *r = q->rpc;
	rpc_curl_remove(r->curl, q->easy);
	if (r->idles < RPC_IDLE_HANDLES)
		r->idle[r->idles++] = q->easy;
	else
		curl_easy_cleanup(q->easy);
	q->easy = NULL;
}

static void ended(struct rpc_request *q, CURLcode code)
{
	struct rpc_reply rep = {0};
	if (q->cancelled) {
		rpc_gone(q);
		return;
	}
	rep.http_status = rpc_curl_status(q->easy, &rep.retry_after_ms);
	if (code == CURLE_OK) {
		rpc_whole(q, &rep);
		return;
	}
	rpc_curl_error(q->easy, code, q->rpc->at.name, &rep.err);
	rpc_failed(q, &rep);
}

static void on_done(void *arg, CURL *easy, CURLcode code)
{
	(void)arg;
	struct rpc_request *q = NULL;
	curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&q);
	ended(q, code);
}

/* curl comes alive with the first request, and TLS with it: a program that asks nobody pays for neither. */
static void start_curl(struct rpc *r)
{
	if (r->curl)
		return;
	r->curl = rpc_curl_open(r->loop, 2L * RPC_CONNECTIONS, on_done, r);
	r->headers = curl_slist_append(r->headers, "Content-Type: application/json");
	r->headers = curl_slist_append(r->headers, "Accept: application/json");
	r->headers = curl_slist_append(r->headers, "Expect:"); /* no waiting for 100-continue */
	must(r->headers);
}

void rpc_http_send(struct rpc_request *q, struct str ask)
{
	struct rpc *r = q->rpc;
	start_curl(r);
	q->easy = easy_get(r);
	curl_easy_setopt(q->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)ask.n);
	curl_easy_setopt(q->easy, CURLOPT_POSTFIELDS, ask.p);
	curl_easy_setopt(q->easy, CURLOPT_WRITEDATA, q);
	curl_easy_setopt(q->easy, CURLOPT_PRIVATE, q);
	r->sending = true;
	rpc_curl_add(r->curl, q->easy);
	r->sending = false;
}

/* curl hands the bytes that it held over in here. When they are not wanted it says so here alone, and would
 * go on. */
void rpc_http_resume(struct rpc_request *q)
{
	q->held = false;
	CURLcode code = curl_easy_pause(q->easy, CURLPAUSE_CONT);
	if (code != CURLE_OK)
		ended(q, code);
}

void rpc_http_close(struct rpc *r)
{
	while (r->idles)
		curl_easy_cleanup(r->idle[--r->idles]);
	if (r->curl)
		rpc_curl_close(r->curl);
	curl_slist_free_all(r->headers);
}
