#include "common/io/fetch.h"
#include "common/base/mem.h"
#include "common/io/endpoint.h"
#include "common/io/rpc_curl.h"

#include <stdlib.h>

struct fetcher {
	struct loop *loop;
	struct rpc_curl *curl;
	struct curl_slist *headers;
	struct endpoint at;
	char *base; /* no slash at its end */
	uint64_t timeout_ms;
	struct fetch *first;
};
struct fetch {
	struct fetcher *f;
	CURL *easy;
	struct buf body;
	char *sent;
	bool too_long;
	fetch_fn fn;
	void *arg;
	struct fetch *next, *prev;
};

static void drop(struct fetch *x)
{
	*(x->prev ? &x->prev->next : &x->f->first) = x->next;
	if (x->next)
		x->next->prev = x->prev;
	curl_easy_cleanup(x->easy);
	buf_fini(&x->body);
	free(x->sent);
	free(x);
}

static size_t on_body(char *p, size_t one, size_t n, void *arg)
{
	struct fetch *x = arg;
	(void)one;
	x->too_long |= x->body.n + n > FETCH_BODY_MAX;
	if (x->too_long)
		return 0;
	buf_put(&x->body, p, n);
	return n;
}

static void on_done(void *arg, CURL *easy, CURLcode code)
{
	struct fetch_reply r = {.ok = code == CURLE_OK};
	struct fetch *x = NULL;
	(void)arg;
	curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&x);
	r.status = rpc_curl_status(easy, &r.retry_after_ms);
	r.body = (struct str){x->body.p ? x->body.p : "", x->body.n};
	if (x->too_long)
		err_put(&r.err, ERR_MALFORMED, "%s answered more than %d KiB", x->f->at.name, FETCH_BODY_MAX >> 10);
	else if (!r.ok)
		rpc_curl_error(easy, code, x->f->at.name, &r.err);
	x->fn(x->arg, &r);
	drop(x);
}

struct fetcher *fetcher_open(struct loop *l, const char *url, uint64_t timeout_ms, struct err *e)
{
	struct fetcher *f = mem_alloc(sizeof *f);
	size_t n = strlen(url);
	f->loop = l;
	f->timeout_ms = timeout_ms;
	while (n && url[n - 1] == '/')
		n--;
	f->base = mem_textn(url, n);
	if (endpoint_parse(&f->at, url, e))
		return f;
	free(f->base);
	free(f);
	return NULL;
}

const char *fetcher_name(const struct fetcher *f)
{
	return f->at.name;
}

/* curl comes alive with the first exchange, and TLS with it. */
static void start_curl(struct fetcher *f)
{
	if (f->curl)
		return;
	f->curl = rpc_curl_open(f->loop, FETCH_CONNECTIONS, on_done, f);
	f->headers = curl_slist_append(f->headers, "Content-Type: application/json");
	f->headers = curl_slist_append(f->headers, "Expect:");
	must(f->headers);
}

static void prepare(struct fetch *x, const char *path)
{
	const struct fetcher *f = x->f;
	CURL *h = x->easy = curl_easy_init();
	struct buf url = {0};
	must(h);
	buf_text(&url, f->base);
	buf_text(&url, path);
	curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(h, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(h, CURLOPT_URL, url.p);
	curl_easy_setopt(h, CURLOPT_HTTPHEADER, f->headers);
	curl_easy_setopt(h, CURLOPT_USERAGENT, "fairlead/" FAIRLEAD_VERSION);
	curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, (long)f->timeout_ms);
	curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(h, CURLOPT_WRITEDATA, x);
	curl_easy_setopt(h, CURLOPT_PRIVATE, x);
	if (endpoint_is_loopback(&f->at))
		curl_easy_setopt(h, CURLOPT_NOPROXY, "*");
	if (f->at.tls && getenv("SSL_CERT_FILE"))
		curl_easy_setopt(h, CURLOPT_CAINFO, getenv("SSL_CERT_FILE"));
	buf_fini(&url);
}

struct fetch *fetch_start(struct fetcher *f, const char *path, const char *json, fetch_fn fn, void *arg)
{
	struct fetch *x = mem_alloc(sizeof *x);
	start_curl(f);
	*x = (struct fetch){.f = f, .fn = fn, .arg = arg, .next = f->first, .sent = mem_text(json)};
	if (x->next)
		x->next->prev = x;
	f->first = x;
	prepare(x, path);
	if (json) {
		curl_easy_setopt(x->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(json));
		curl_easy_setopt(x->easy, CURLOPT_POSTFIELDS, x->sent);
	}
	rpc_curl_add(f->curl, x->easy);
	return x;
}

void fetch_cancel(struct fetch *x)
{
	rpc_curl_remove(x->f->curl, x->easy);
	drop(x);
}

void fetcher_close(struct fetcher *f)
{
	while (f->first)
		fetch_cancel(f->first);
	if (f->curl)
		rpc_curl_close(f->curl);
	curl_slist_free_all(f->headers);
	free(f->base);
	free(f);
}
