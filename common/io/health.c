#include "common/io/health.h"
#include "common/base/mem.h"
#include "common/io/metrics.h"

#include <stdlib.h>
#include <unistd.h>

struct health {
	struct health_options o;
	char *program, *ready_alias, *live_alias;
	struct http_server *server;
};

static const char text_type[] = "text/plain; charset=utf-8";

static void get_reasons(const struct health *h, struct buf *out)
{
	if (h->o.reasons)
		h->o.reasons(h->o.arg, out);
}

static int say_ready(struct health *h, struct buf *b)
{
	get_reasons(h, b);
	if (b->n)
		return 503;
	buf_text(b, "ready\n");
	return 200;
}

static void say_status(struct health *h, struct buf *b)
{
	struct buf reasons = {0};
	get_reasons(h, &reasons);
	buf_text(b, "{\"program\":");
	buf_json(b, str_of(h->program));
	buf_printf(b, ",\"version\":\"%s\",\"pid\":%d,\"ready\":%s,\"reasons\":[", FAIRLEAD_VERSION,
		(int)getpid(), reasons.n ? "false" : "true");
	for (size_t i = 0; i < reasons.n;) {
		const char *end = memchr(reasons.p + i, '\n', reasons.n - i);
		size_t n = end ? (size_t)(end - reasons.p) - i : reasons.n - i;
		if (i)
			buf_char(b, ',');
		buf_json(b, (struct str){reasons.p + i, n});
		i += n + 1;
	}
	buf_text(b, "],");
	if (h->o.status)
		h->o.status(h->o.arg, b);
	b->n--; /* the comma behind the last member */
	buf_text(b, "}\n");
	buf_fini(&reasons);
}

/* As /readyz: what an alarm can be set on. */
static void say_metrics(struct health *h, struct buf *b)
{
	struct buf reasons = {0};
	get_reasons(h, &reasons);
	metric_set(metric(METRIC_GAUGE, "fairlead_ready", "1 while /readyz says 200", NULL), reasons.n == 0);
	buf_fini(&reasons);
	metrics_render(b);
}

int health_say(struct health *h, struct str path, struct buf *body, const char **type)
{
	*type = text_type;
	if (str_is(path, "/livez") || (h->live_alias && str_is(path, h->live_alias))) {
		buf_text(body, "alive\n");
		return 200;
	}
	if (str_is(path, "/readyz") || (h->ready_alias && str_is(path, h->ready_alias)))
		return say_ready(h, body);
	if (str_is(path, "/status")) {
		*type = "application/json";
		say_status(h, body);
		return 200;
	}
	if (str_is(path, "/metrics")) {
		*type = "text/plain; version=0.0.4; charset=utf-8";
		say_metrics(h, body);
		return 200;
	}
	return 0;
}

static void on_request(void *arg, struct http_request *q)
{
	struct health *h = arg;
	struct str method = http_method(q);
	struct buf b = {0};
	const char *type;
	int status = health_say(h, http_path(q), &b, &type);
	http_answer_header(q, "Cache-Control", "no-store");
	if (!status) {
		http_answer(q, 404, text_type, STR("There is nothing here. Try /livez /readyz /status /metrics\n"));
	} else if (!str_is(method, "GET") && !str_is(method, "HEAD")) {
		http_answer_header(q, "Allow", "GET, HEAD");
		http_answer(q, 405, text_type, STR("Only GET and HEAD are answered here\n"));
	} else {
		http_answer(q, status, type, (struct str){b.p, b.n});
	}
	buf_fini(&b);
}

struct health *health_open(struct loop *l, const struct health_options *o)
{
	struct health *h = mem_alloc(sizeof *h);
	h->o = *o;
	h->program = mem_text(o->program);
	h->ready_alias = mem_text(o->ready_alias);
	h->live_alias = mem_text(o->live_alias);
	/* A body is read and dropped, so that a POST gets its 405. */
	h->server = http_open(l, &(struct http_options){.max_body = 4096}, on_request, h);
	return h;
}

bool health_listen(struct health *h, const char *address, struct err *e)
{
	return http_listen(h->server, address, e);
}

int health_port(const struct health *h)
{
	return http_port(h->server);
}

void health_close(struct health *h)
{
	if (!h)
		return;
	/* Every answer is given inside on_request: nothing of the server comes back to h. */
	http_close(h->server);
	free(h->program);
	free(h->ready_alias);
	free(h->live_alias);
	free(h);
}
