#include "common/io/http_parse.h"
#include "common/base/mem.h"

#include <stdlib.h>
#include <strings.h>

enum { KEEP_MOST = 16384 }; /* bytes of a buffer that a spare request keeps */

static int refuse(struct http_parser *p, int status)
{
	p->status = status;
	return HPE_USER;
}

static uint16_t place(const struct http_parser *p, const char *at)
{
	return (uint16_t)(at - p->open->head.p);
}

/* ── the header section, read by llhttp in one go: every span is whole and lies in head ────────────────── */

static int on_target(llhttp_t *ll, const char *at, size_t n)
{
	struct http_parser *p = ll->data;
	p->open->target = place(p, at);
	p->open->target_n = (uint16_t)n;
	return 0;
}

bool http_is_token(struct str s)
{
	static bool made, token[256];
	if (!made) {
		for (int c = '0'; c <= 'z'; c++)
			token[c] = (c <= '9') || (c >= 'A' && c <= 'Z') || c >= 'a';
		for (const char *c = "!#$%&'*+-.^_`|~"; *c; c++)
			token[(unsigned char)*c] = true;
		made = true;
	}
	for (size_t i = 0; i < s.n; i++)
		if (!token[(unsigned char)s.p[i]])
			return false;
	return s.n > 0;
}

bool http_word_is(struct str s, const char *word)
{
	return s.n == strlen(word) && strncasecmp(s.p, word, s.n) == 0;
}

bool http_list_next(struct str *list, struct str *item)
{
	while (list->n) {
		const char *comma = memchr(list->p, ',', list->n);
		*item = (struct str){list->p, comma ? (size_t)(comma - list->p) : list->n};
		size_t taken = item->n + (comma != NULL);
		*list = (struct str){list->p + taken, list->n - taken};
		while (item->n && (*item->p == ' ' || *item->p == '\t'))
			item->p++, item->n--;
		while (item->n && (item->p[item->n - 1] == ' ' || item->p[item->n - 1] == '\t'))
			item->n--;
		if (item->n)
			return true;
	}
	return false;
}

bool http_list_has(struct str list, const char *word)
{
	struct str item;
	while (http_list_next(&list, &item))
		if (http_word_is(item, word))
			return true;
	return false;
}

static int on_field(llhttp_t *ll, const char *at, size_t n)
{
	struct http_parser *p = ll->data;
	struct http_request *q = p->open;
	if (q->field_count == p->max_fields)
		return refuse(p, 431);
	if (!http_is_token((struct str){at, n})) /* llhttp lets a space before the colon pass */
		return refuse(p, 400);
	q->fields[q->field_count++] = (struct http_field){place(p, at), (uint16_t)n, place(p, at), 0};
	return 0;
}

static int on_value(llhttp_t *ll, const char *at, size_t n)
{
	struct http_parser *p = ll->data;
	struct http_field *f = &p->open->fields[p->open->field_count - 1];
	if (memchr(at, 0, n))
		return refuse(p, 400);
	while (n && (at[n - 1] == ' ' || at[n - 1] == '\t'))
		n--;
	f->value = place(p, at);
	f->value_n = (uint16_t)n;
	return 0;
}

static int on_head_end(llhttp_t *ll)
{
	(void)ll;
	return HPE_PAUSED; /* bodies are not llhttp's */
}

static const llhttp_settings_t *settings(void)
{
	static llhttp_settings_t s;
	if (!s.on_url) {
		llhttp_settings_init(&s);
		s.on_url = on_target;
		s.on_header_field = on_field;
		s.on_header_value = on_value;
		s.on_headers_complete = on_head_end;
	}
	return &s;
}

static bool field_is(const struct http_request *q, const struct http_field *f, const char *name, size_t n)
{
	return f->name_n == n && strncasecmp(q->head.p + f->name, name, n) == 0;
}

static int count_fields(const struct http_request *q, const char *name)
{
	int n = 0;
	size_t len = strlen(name);
	for (int i = 0; i < q->field_count; i++)
		n += field_is(q, &q->fields[i], name, len);
	return n;
}

static bool is_absolute(struct str t, size_t *scheme_n)
{
	*scheme_n = t.n > 7 && strncasecmp(t.p, "http://", 7) == 0    ? 7
				: t.n > 8 && strncasecmp(t.p, "https://", 8) == 0 ? 8
																  : 0;
	return *scheme_n > 0;
}

static struct str raw_target(const struct http_request *q)
{
	return (struct str){q->head.p + q->target, q->target_n};
}

/* What may stand in a Host or an authority; user information may not (RFC 9110 section 4.2.4). */
static bool authority_ok(struct str a)
{
	for (size_t i = 0; i < a.n; i++)
		if ((unsigned char)a.p[i] <= ' ' || a.p[i] == 0x7f || strchr("/?#@\\,\"<>", a.p[i]))
			return false;
	return true;
}

static bool target_ok(const struct http_request *q)
{
	struct str t = raw_target(q);
	size_t scheme;
	for (size_t i = 0; i < t.n; i++)
		if ((unsigned char)t.p[i] <= ' ' || t.p[i] == 0x7f || t.p[i] == '#')
			return false;
	if (t.n && t.p[0] == '/')
		return true;
	if (t.n == 1 && t.p[0] == '*')
		return q->method == HTTP_OPTIONS;
	return is_absolute(t, &scheme) && t.p[scheme] != '/' && authority_ok(http_host(q));
}

/* RFC 9112 section 6.1: a coding before chunked that is not understood is 501, chunked not being the last
 * (or a length beside it, which llhttp refuses) is 400. */
static int coding_status(const struct http_request *q, const llhttp_t *ll)
{
	if (!(ll->flags & F_TRANSFER_ENCODING))
		return 0;
	if (q->http10 || !(ll->flags & F_CHUNKED) || count_fields(q, "Content-Length"))
		return 400;
	struct str v = http_header(q, "Transfer-Encoding");
	bool alone = count_fields(q, "Transfer-Encoding") == 1 && v.n == 7 && strncasecmp(v.p, "chunked", 7) == 0;
	return alone ? 0 : 501;
}

static int head_status(const struct http_request *q, const llhttp_t *ll)
{
	if (ll->http_major != 1 || ll->http_minor > 1)
		return 505;
	/* RFC 9112 section 3.2: "A server MUST respond with a 400 (Bad Request) status code to any HTTP/1.1
	 * request message that lacks a Host header field and to any request message that contains more than one
	 * Host" */
	int hosts = count_fields(q, "Host");
	if (hosts > 1 || (hosts == 0 && !q->http10) || !authority_ok(http_header(q, "Host")) || !target_ok(q))
		return 400;
	return coding_status(q, ll);
}

static int read_body_next(struct http_parser *p, const llhttp_t *ll)
{
	struct http_request *q = p->open;
	p->body_most = p->body_limit ? p->body_limit(p->arg, q) : p->max_body;
	p->left = ll->flags & F_CONTENT_LENGTH ? ll->content_length : 0;
	p->at = ll->flags & F_CHUNKED ? HTTP_AT_CHUNKS : p->left ? HTTP_AT_LENGTH : HTTP_AT_END;
	if (p->left > p->body_most)
		return 413;
	struct str expect = http_header(q, "Expect");
	if (!expect.p || q->http10)
		return 0;
	if (expect.n != 12 || strncasecmp(expect.p, "100-continue", 12) != 0)
		return 417;
	if (p->at != HTTP_AT_END && p->on_continue)
		p->on_continue(p->arg);
	return 0;
}

/* RFC 9110 section 9.1: a method that is not known is 501. One is, when a token and a blank are. */
static int method_status(struct str head)
{
	const char *blank = memchr(head.p, ' ', head.n);
	return blank && http_is_token((struct str){head.p, (size_t)(blank - head.p)}) ? 501 : 400;
}

static int read_head(struct http_parser *p)
{
	struct http_request *q = p->open;
	llhttp_t ll;
	llhttp_init(&ll, HTTP_REQUEST, settings());
	ll.data = p;
	enum llhttp_errno e = llhttp_execute(&ll, q->head.p, q->head.n);
	q->method = ll.method;
	q->http10 = ll.http_major == 1 && ll.http_minor == 0;
	if (e != HPE_PAUSED)
		return p->status                  ? p->status
			   : e == HPE_INVALID_VERSION ? 505
			   : e == HPE_INVALID_METHOD  ? method_status((struct str){q->head.p, q->head.n})
										  : 400;
	q->keep_alive = llhttp_should_keep_alive(&ll) != 0;
	q->upgrade = !q->http10 && ll.flags & F_UPGRADE && ll.flags & F_CONNECTION_UPGRADE;
	int status = head_status(q, &ll);
	return status ? status : read_body_next(p, &ll);
}

/* Every line ends in CR LF, neither stands elsewhere, and no line goes on from the one before it: RFC 9112
 * sections 2.2 and 5.2 let a server refuse these, and two readers in a row take them differently. */
static bool lines_ok(struct str head)
{
	for (const char *at = head.p, *end = head.p + head.n; at < end;) {
		const char *lf = memchr(at, '\n', (size_t)(end - at));
		if (!lf || lf == at || memchr(at, '\r', (size_t)(lf - at)) != lf - 1)
			return false;
		if ((*at == ' ' || *at == '\t'))
			return false;
		at = lf + 1;
	}
	return true;
}

/* ── gathering ─────────────────────────────────────────────────────────────────────────────────────────── */

static void begin(struct http_parser *p)
{
	p->open = p->take ? p->take(p->arg) : mem_alloc(sizeof *p->open);
	p->at = HTTP_AT_HEAD;
	p->line_n = 0;
	p->lines = 0;
	p->chunks = (struct http_chunks){0};
	if (p->on_begin)
		p->on_begin(p->arg);
}

/* Before a request: RFC 9112 section 2.2, "ignore at least one empty line (CRLF) received prior to the
 * request-line". A method begins with a capital: TLS and rubbish are refused at their first byte. */
static size_t skip_empty(struct http_parser *p, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char c = bytes[i];
		if (p->cr ? c == '\n' : c == '\r') {
			p->cr = !p->cr;
			continue;
		}
		if (p->cr || c < 'A' || c > 'Z')
			p->status = 400;
		else
			begin(p);
		return i;
	}
	return n;
}

static bool is_first_line(const struct http_parser *p)
{
	return p->line_n == p->open->head.n;
}

/* Gathers up to the empty line, or a refusal. */
static size_t take_head(struct http_parser *p, const char *bytes, size_t n)
{
	struct buf *head = &p->open->head;
	for (size_t i = 0; i < n;) {
		const char *lf = memchr(bytes + i, '\n', n - i);
		size_t piece = lf ? (size_t)(lf - bytes) + 1 - i : n - i;
		if (is_first_line(p) && p->line_n + piece > p->max_line + 2)
			p->status = 414;
		else if (head->n + piece > p->max_head)
			p->status = 431;
		if (p->status)
			return i;
		buf_put(head, bytes + i, piece);
		p->line_n += piece;
		i += piece;
		/* A lone LF ends it too, to be refused now and not when more has come. */
		bool empty = lf && (p->line_n == 1 || (p->line_n == 2 && head->p[head->n - 2] == '\r'));
		if (empty) {
			p->status = lines_ok((struct str){head->p, head->n}) ? read_head(p) : 400;
			return i;
		}
		if (!lf)
			break;
		p->line_n = 0;
		if (++p->lines > p->max_fields + 1) {
			p->status = 431;
			return i;
		}
	}
	return n;
}

static size_t take_length(struct http_parser *p, const char *bytes, size_t n)
{
	size_t piece = n < p->left ? n : (size_t)p->left;
	buf_put(&p->open->body, bytes, piece);
	p->left -= piece;
	if (!p->left)
		p->at = HTTP_AT_END;
	return piece;
}

static size_t take_chunks(struct http_parser *p, const char *bytes, size_t n)
{
	size_t used;
	struct str data;
	struct buf *body = &p->open->body;
	enum http_chunk got = http_chunks_step(&p->chunks, bytes, n, &used, &data);
	size_t piece = got == HTTP_CHUNK_DATA ? data.n : 0;
	if (got == HTTP_CHUNK_BAD)
		p->status = 400;
	else if (body->n + piece + p->chunks.left > p->body_most) /* also of a chunk that is only announced */
		p->status = 413;
	else if (piece)
		buf_str(body, data);
	if (got == HTTP_CHUNK_END)
		p->at = HTTP_AT_END;
	return used;
}

void http_parser_init(struct http_parser *p, size_t max_body)
{
	*p = (struct http_parser){.max_body = max_body,
		.max_line = HTTP_LINE_MOST,
		.max_head = HTTP_HEAD_MOST,
		.max_fields = HTTP_FIELDS_MOST};
}

static size_t step(struct http_parser *p, const char *bytes, size_t n)
{
	if (!p->open)
		return skip_empty(p, bytes, n);
	switch (p->at) {
	case HTTP_AT_HEAD: return take_head(p, bytes, n);
	case HTTP_AT_LENGTH: return take_length(p, bytes, n);
	default: return take_chunks(p, bytes, n);
	}
}

int http_parse(struct http_parser *p, const char *bytes, size_t n, size_t *used)
{
	size_t i = 0;
	while (i < n && !p->status) {
		i += step(p, bytes + i, n - i);
		if (p->status || !p->open || p->at != HTTP_AT_END)
			continue;
		struct http_request *q = p->open;
		bool keep = q->keep_alive; /* q may be gone behind on_request */
		p->open = NULL;
		if (!p->on_request(p->arg, q) || !keep)
			break;
	}
	*used = i;
	return p->status;
}

void http_parser_fini(struct http_parser *p)
{
	if (p->open)
		http_request_free(p->open);
	p->open = NULL;
}

static void keep_small(struct buf *b)
{
	if (b->cap > KEEP_MOST)
		buf_fini(b);
	else
		b->n = 0;
}

void http_request_reset(struct http_request *q)
{
	keep_small(&q->head);
	keep_small(&q->body);
	keep_small(&q->extra);
	keep_small(&q->reply);
	http_due_drop(&q->late);
	if (q->arena.used > KEEP_MOST)
		arena_fini(&q->arena);
	else if (q->arena.used)
		arena_reset(&q->arena);
	q->conn = NULL;
	q->next = NULL;
	q->stream = NULL;
	q->data = NULL;
	q->target = q->target_n = 0;
	q->field_count = 0;
	q->method = HTTP_GET;
	q->keep_alive = q->http10 = q->answered = q->gzip = q->upgrade = q->alone = false;
}

void http_request_free(struct http_request *q)
{
	http_due_drop(&q->late);
	buf_fini(&q->head);
	buf_fini(&q->body);
	buf_fini(&q->extra);
	buf_fini(&q->reply);
	arena_fini(&q->arena);
	free(q);
}

/* ── what a request holds ──────────────────────────────────────────────────────────────────────────────── */

struct str http_method(const struct http_request *q)
{
	return str_of(llhttp_method_name((llhttp_method_t)q->method));
}

/* The target without scheme and authority of the absolute form (RFC 9112 section 3.2.2). */
static struct str target(const struct http_request *q)
{
	struct str t = raw_target(q);
	size_t scheme;
	if (!is_absolute(t, &scheme))
		return t;
	size_t i = scheme;
	while (i < t.n && t.p[i] != '/' && t.p[i] != '?')
		i++;
	return (struct str){t.p + i, t.n - i};
}

struct str http_path(const struct http_request *q)
{
	struct str t = target(q);
	const char *mark = t.n ? memchr(t.p, '?', t.n) : NULL;
	if (mark)
		t.n = (size_t)(mark - t.p);
	return t.n ? t : STR("/");
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
		if (field_is(q, f, name, len))
			return (struct str){q->head.p + f->value, f->value_n};
	}
	return (struct str){0};
}

bool http_header_at(const struct http_request *q, int i, struct str *name, struct str *value)
{
	if (i < 0 || i >= q->field_count)
		return false;
	const struct http_field *f = &q->fields[i];
	*name = (struct str){q->head.p + f->name, f->name_n};
	*value = (struct str){q->head.p + f->value, f->value_n};
	return true;
}

struct str http_host(const struct http_request *q)
{
	struct str t = raw_target(q);
	size_t scheme, n = 0;
	if (!is_absolute(t, &scheme))
		return http_header(q, "Host");
	while (scheme + n < t.n && t.p[scheme + n] != '/' && t.p[scheme + n] != '?')
		n++;
	return (struct str){t.p + scheme, n};
}

struct str http_body(const struct http_request *q)
{
	return (struct str){q->body.p, q->body.n};
}

bool http_is_http10(const struct http_request *q)
{
	return q->http10;
}

struct arena *http_arena(struct http_request *q)
{
	return &q->arena;
}

void http_set_data(struct http_request *q, void *data)
{
	q->data = data;
}

void *http_data(const struct http_request *q)
{
	return q->data;
}
