#include "common/base/mem.h"
#include "common/io/http_in.h"

#include <time.h>

enum {
	GZIP_LEAST = 1024,  /* bytes of a body worth packing */
	COPY_MOST = 16384,  /* a larger body leaves from where it is, if it is its turn */
	DATE_EVERY_MS = 100 /* how late the second may be noticed */
};

/* "Date: …" with its line end, made once a second. */
static struct str date_line(struct loop *l)
{
	static uint64_t looked;
	static time_t of;
	static char text[48];
	static size_t n;
	uint64_t now_ms = loop_now_ms(l);
	if (n && now_ms - looked < DATE_EVERY_MS)
		return (struct str){text, n};
	looked = now_ms;
	time_t now = (time_t)(clock_wall_ms() / 1000);
	if (now != of || !n) {
		struct tm tm;
		gmtime_r(&now, &tm);
		n = strftime(text, sizeof text, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm);
		of = now;
	}
	return (struct str){text, n};
}

static struct str status_line(int status)
{
#define LINE(number, reason) \
	case number: return STR("HTTP/1.1 " #number " " reason "\r\n")
	switch (status) {
		LINE(101, "Switching Protocols");
		LINE(200, "OK");
		LINE(201, "Created");
		LINE(202, "Accepted");
		LINE(204, "No Content");
		LINE(206, "Partial Content");
		LINE(301, "Moved Permanently");
		LINE(302, "Found");
		LINE(303, "See Other");
		LINE(304, "Not Modified");
		LINE(307, "Temporary Redirect");
		LINE(308, "Permanent Redirect");
		LINE(400, "Bad Request");
		LINE(401, "Unauthorized");
		LINE(402, "Payment Required");
		LINE(403, "Forbidden");
		LINE(404, "Not Found");
		LINE(405, "Method Not Allowed");
		LINE(406, "Not Acceptable");
		LINE(408, "Request Timeout");
		LINE(409, "Conflict");
		LINE(410, "Gone");
		LINE(411, "Length Required");
		LINE(412, "Precondition Failed");
		LINE(413, "Content Too Large");
		LINE(414, "URI Too Long");
		LINE(415, "Unsupported Media Type");
		LINE(417, "Expectation Failed");
		LINE(421, "Misdirected Request");
		LINE(422, "Unprocessable Content");
		LINE(425, "Too Early");
		LINE(426, "Upgrade Required");
		LINE(428, "Precondition Required");
		LINE(429, "Too Many Requests");
		LINE(431, "Request Header Fields Too Large");
		LINE(500, "Internal Server Error");
		LINE(501, "Not Implemented");
		LINE(502, "Bad Gateway");
		LINE(503, "Service Unavailable");
		LINE(504, "Gateway Timeout");
		LINE(505, "HTTP Version Not Supported");
	default: return (struct str){0};
	}
#undef LINE
}

static void put_status(struct buf *b, int status)
{
	struct str line = status_line(status);
	if (line.n)
		buf_str(b, line);
	else /* RFC 9112 section 4: the reason may be empty, the space before it stays */
		buf_printf(b, "HTTP/1.1 %d \r\n", status);
}

static void put_number(struct buf *b, uint64_t v)
{
	char text[20];
	size_t i = sizeof text;
	do {
		text[--i] = (char)('0' + v % 10);
	} while (v /= 10);
	buf_put(b, text + i, sizeof text - i);
}

static bool is_value(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if ((c < ' ' && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

bool http_answer_header_str(struct http_request *q, struct str name, struct str value)
{
	if (!http_is_token(name) || !is_value(value))
		return false;
	struct buf *b = &q->extra;
	char *at = buf_room(b, name.n + value.n + 4);
	memcpy(at, name.p, name.n);
	memcpy(at + name.n, ": ", 2);
	if (value.n)
		memcpy(at + name.n + 2, value.p, value.n);
	memcpy(at + name.n + 2 + value.n, "\r\n", 2);
	b->n += name.n + value.n + 4;
	return true;
}

bool http_answer_header(struct http_request *q, const char *name, const char *value)
{
	return http_answer_header_str(q, str_of(name), str_of(value));
}

void http_answer_gzip(struct http_request *q)
{
	q->gzip = true;
}

/* "close", "keep-alive" or NULL */
static const char *http_answer_connection(const struct http_request *q)
{
	const struct http_conn *c = q->conn;
	if (c->final && c->last == q)
		return "close";
	return q->http10 ? "keep-alive" : NULL;
}

void http_answer_head(
	struct http_request *q, int status, const char *content_type, int64_t length, const char *connection)
{
	struct buf *b = &q->reply;
	put_status(b, status);
	buf_str(b, date_line(q->conn->server->loop));
	if (content_type) {
		buf_str(b, STR("Content-Type: "));
		buf_text(b, content_type);
		buf_str(b, STR("\r\n"));
	}
	if (length >= 0) {
		buf_str(b, STR("Content-Length: "));
		put_number(b, (uint64_t)length);
		buf_str(b, STR("\r\n"));
	}
	if (q->extra.n)
		buf_put(b, q->extra.p, q->extra.n);
	if (connection) {
		buf_str(b, STR("Connection: "));
		buf_text(b, connection);
		buf_str(b, STR("\r\n"));
	}
	buf_str(b, STR("\r\n"));
}

static struct str pack(struct http_request *q, struct str body)
{
	struct http_server *s = q->conn->server;
	http_answer_header(q, "Vary", "Accept-Encoding");
	if (body.n <= GZIP_LEAST || !http_takes_gzip(q) || !http_gzip_pack(&s->gzip, &s->packed, body))
		return body;
	http_answer_header(q, "Content-Encoding", "gzip");
	return (struct str){s->packed.p, s->packed.n};
}

/* Nobody is there to be answered. */
static void drop(struct http_request *q)
{
	struct http_conn *c = q->conn;
	http_conn_pop(c, q);
	http_spare_put(c->server, q);
	http_conn_free_if_done(c);
}

void http_answer(struct http_request *q, int status, const char *content_type, struct str body)
{
	struct http_conn *c = q->conn;
	must(!q->answered);
	q->answered = true;
	http_due_drop(&q->late);
	if (c->closing) {
		drop(q);
		return;
	}
	if (q->alone)
		c->holds--;
	if (c->server->closing || c->server->draining)
		c->final = true;
	bool bare = status == 204 || status == 304 || status < 200;
	if (q->gzip && status == 304) /* what a 200 would vary by (RFC 9110 section 15.4.5) */
		http_answer_header(q, "Vary", "Accept-Encoding");
	else if (q->gzip && !bare)
		body = pack(q, body);
	http_answer_head(q, status, content_type, bare ? -1 : (int64_t)body.n, http_answer_connection(q));
	if (bare || q->method == HTTP_HEAD)
		body.n = 0;
	if (body.n > COPY_MOST && q == c->first && !c->stream) {
		http_conn_pop(c, q);
		uv_buf_t v[2] = {{q->reply.p, q->reply.n}, {(char *)(uintptr_t)body.p, body.n}};
		http_send(c, v, 2);
		http_spare_put(c->server, q);
	} else {
		buf_str(&q->reply, body);
		c->gathered += q->reply.n;
	}
	http_conn_advance(c);
}

void http_answer_refusal(struct http_request *q, int status)
{
	if (status == 503)
		http_answer_header(q, "Retry-After", "1");
	http_answer(q, status, NULL, STR(""));
}
