#include "common/io/http_parse.h"
#include "common/base/mem.h"

#include <stdlib.h>
#include <strings.h>

static int refuse(struct http_parser *p, int status)
{
	p->status = status;
	return HPE_USER;
}

static int on_begin(llhttp_t *ll)
{
	struct http_parser *p = ll->data;
	must(!p->open);
	p->open = mem_alloc(sizeof *p->open);
	p->head_bytes = 0;
	p->in_value = p->in_body = false;
	if (p->on_begin)
		p->on_begin(p->arg);
	return 0;
}

static int take_head(struct http_parser *p, const char *at, size_t n)
{
	p->head_bytes += n;
	if (p->head_bytes > HTTP_HEAD_MOST)
		return refuse(p, 431);
	if (!p->in_body)
		buf_put(&p->open->head, at, n);
	return 0;
}

static int on_target(llhttp_t *ll, const char *at, size_t n)
{
	struct http_parser *p = ll->data;
	p->open->target_n += n;
	return take_head(p, at, n);
}

static int on_field(llhttp_t *ll, const char *at, size_t n)
{
	struct http_parser *p = ll->data;
	struct http_request *q = p->open;
	if (!p->in_body && (p->in_value || q->field_count == 0)) {
		if (q->field_count == HTTP_FIELDS_MOST)
			return refuse(p, 431);
		q->fields[q->field_count++] = (struct http_field){.name = (uint16_t)q->head.n};
		p->in_value = false;
	}
	int e = take_head(p, at, n);
	if (!e && !p->in_body)
		q->fields[q->field_count - 1].name_n += (uint16_t)n;
	return e;
}

static int on_value(llhttp_t *ll, const char *at, size_t n)
{
	struct http_parser *p = ll->data;
	struct http_request *q = p->open;
	if (memchr(at, '\r', n) || memchr(at, '\n', n) || memchr(at, 0, n))
		return refuse(p, 400);
	size_t begin = q->head.n;
	int e = take_head(p, at, n);
	if (e || p->in_body)
		return e;
	struct http_field *f = &q->fields[q->field_count - 1];
	if (!p->in_value)
		f->value = (uint16_t)begin;
	p->in_value = true;
	f->value_n += (uint16_t)n;
	return 0;
}

/* An empty value has no span: without this the next name would be joined to the last. */
static int on_value_end(llhttp_t *ll)
{
	struct http_parser *p = ll->data;
	p->in_value = true;
	return 0;
}

static int count_fields(const struct http_request *q, const char *name)
{
	int n = 0;
	size_t len = strlen(name);
	for (int i = 0; i < q->field_count; i++)
		n += q->fields[i].name_n == len && strncasecmp(q->head.p + q->fields[i].name, name, len) == 0;
	return n;
}

static bool target_ok(const struct http_request *q)
{
	struct str t = {q->head.p, q->target_n};
	for (size_t i = 0; i < t.n; i++)
		if ((unsigned char)t.p[i] <= ' ' || t.p[i] == 0x7f)
			return false;
	if (t.n && t.p[0] == '/')
		return true;
	return (t.n == 1 && t.p[0] == '*' && q->method == HTTP_OPTIONS) ||
		   (t.n > 7 && strncasecmp(t.p, "http://", 7) == 0);
}

static int on_head_end(llhttp_t *ll)
{
	struct http_parser *p = ll->data;
	struct http_request *q = p->open;
	q->method = ll->method;
	q->http10 = ll->http_major == 1 && ll->http_minor == 0;
	if (ll->http_major != 1 || ll->http_minor > 1)
		return refuse(p, 505);
	/* RFC 9112 section 3.2: "A server MUST respond with a 400 (Bad Request) status code to any HTTP/1.1
	 * request message that lacks a Host header field and to any request message that contains more than one
	 * Host" */
	int hosts = count_fields(q, "Host");
	if (hosts > 1 || (hosts == 0 && !q->http10) || !target_ok(q))
		return refuse(p, 400);
	if (q->http10 && ll->flags & F_TRANSFER_ENCODING)
		return refuse(p, 400);
	if (ll->flags & F_CONTENT_LENGTH && ll->content_length > p->max_body)
		return refuse(p, 413);
	p->in_body = true;
	ll->upgrade = 0; /* nothing is upgraded here: such a request is answered like any other */
	bool body = (ll->flags & F_CHUNKED) || ((ll->flags & F_CONTENT_LENGTH) && ll->content_length > 0);
	if (body && !q->http10 && p->on_continue && str_is(http_header(q, "Expect"), "100-continue"))
		p->on_continue(p->arg);
	return 0;
}

static int on_body(llhttp_t *ll, const char *at, size_t n)
{
	struct http_parser *p = ll->data;
	if (p->open->body.n + n > p->max_body)
		return refuse(p, 413);
	buf_put(&p->open->body, at, n);
	return 0;
}

static int on_end(llhttp_t *ll)
{
	struct http_parser *p = ll->data;
	struct http_request *q = p->open;
	q->keep_alive = llhttp_should_keep_alive(ll) != 0;
	p->open = NULL;
	bool keep = q->keep_alive;
	bool go_on = p->on_request(p->arg, q); /* q may be gone now */
	return keep && go_on ? 0 : HPE_PAUSED;
}

static const llhttp_settings_t *settings(void)
{
	static llhttp_settings_t s;
	if (!s.on_message_begin) {
		llhttp_settings_init(&s);
		s.on_message_begin = on_begin;
		s.on_url = on_target;
		s.on_header_field = on_field;
		s.on_header_value = on_value;
		s.on_header_value_complete = on_value_end;
		s.on_headers_complete = on_head_end;
		s.on_body = on_body;
		s.on_message_complete = on_end;
	}
	return &s;
}

void http_parser_init(struct http_parser *p, size_t max_body)
{
	*p = (struct http_parser){.max_body = max_body};
	llhttp_init(&p->ll, HTTP_REQUEST, settings());
	p->ll.data = p;
}

int http_parse(struct http_parser *p, const char *bytes, size_t n, size_t *used)
{
	*used = n;
	if (p->status)
		return p->status;
	enum llhttp_errno e = llhttp_execute(&p->ll, bytes, n);
	if (e == HPE_OK)
		return 0;
	const char *at = llhttp_get_error_pos(&p->ll);
	*used = at && at >= bytes && at <= bytes + n ? (size_t)(at - bytes) : n;
	if (e == HPE_PAUSED) {
		llhttp_resume(&p->ll);
		return 0;
	}
	if (!p->status)
		p->status = e == HPE_INVALID_VERSION ? 505 : 400;
	return p->status;
}

void http_parser_fini(struct http_parser *p)
{
	if (p->open)
		http_request_free(p->open);
	p->open = NULL;
}

void http_request_free(struct http_request *q)
{
	buf_fini(&q->head);
	buf_fini(&q->body);
	buf_fini(&q->extra);
	buf_fini(&q->reply);
	free(q);
}

struct str http_method(const struct http_request *q)
{
	return str_of(llhttp_method_name((llhttp_method_t)q->method));
}

/* The target without scheme and authority of the absolute form (RFC 9112 section 3.2.2). */
static struct str target(const struct http_request *q)
{
	struct str t = {q->head.p, q->target_n};
	if (t.n > 7 && t.p[0] != '/' && t.p[0] != '*') {
		const char *slash = memchr(t.p + 7, '/', t.n - 7);
		t = slash ? (struct str){slash, t.n - (size_t)(slash - t.p)} : STR("/");
	}
	return t;
}

struct str http_path(const struct http_request *q)
{
	struct str t = target(q);
	const char *mark = t.n ? memchr(t.p, '?', t.n) : NULL;
	if (mark)
		t.n = (size_t)(mark - t.p);
	return t;
}

struct str http_query(const struct http_request *q)
{
	struct str t = target(q);
	const char *mark = t.n ? memchr(t.p, '?', t.n) : NULL;
	return mark ? (struct str){mark + 1, t.n - (size_t)(mark + 1 - t.p)} : STR("");
}

struct str http_header(const struct http_request *q, const char *name)
{
	size_t len = strlen(name);
	for (int i = 0; i < q->field_count; i++) {
		const struct http_field *f = &q->fields[i];
		if (f->name_n == len && strncasecmp(q->head.p + f->name, name, len) == 0)
			return (struct str){q->head.p + (f->value_n ? f->value : f->name), f->value_n};
	}
	return (struct str){0};
}

struct str http_body(const struct http_request *q)
{
	return (struct str){q->body.p, q->body.n};
}
