/* The bytes of an HTTP connection, in pieces and whole: both ways must read the same requests. */
#include "common/base/err.h"
#include "common/io/http_parse.h"
#include "common/io/wspeer.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

struct seen {
	struct buf text;
	int requests;
};

static bool on_request(void *arg, struct http_request *q)
{
	struct seen *s = arg;
	struct str parts[] = {http_method(q), http_path(q), http_query(q), http_body(q), http_header(q, "Host"),
		http_header(q, "x")};
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		buf_str(&s->text, parts[i]);
		buf_char(&s->text, '\n');
	}
	must(parts[1].n > 0 && q->head.n <= HTTP_HEAD_MOST && parts[3].n <= 1000);
	struct str name, value, host = http_host(q);
	for (int i = 0; http_header_at(q, i, &name, &value); i++) {
		must(http_is_token(name) && !memchr(value.p, '\n', value.n) && !memchr(value.p, '\r', value.n));
		buf_str(&s->text, name);
		buf_str(&s->text, value);
	}
	must(host.p || q->http10);
	buf_str(&s->text, host);
	buf_printf(&s->text, " %d %d\n", http_takes_gzip(q), wspeer_wanted(q));
	for (int i = 0; wspeer_offered(q, i, &value); i++)
		buf_str(&s->text, value);
	http_request_free(q);
	return ++s->requests % 3 != 0; /* a stop now and then */
}

static int parse(struct seen *s, const uint8_t *p, size_t n, size_t piece)
{
	struct http_parser parser;
	http_parser_init(&parser, 1000);
	parser.on_request = on_request;
	parser.arg = s;
	int status = 0, before = -1;
	for (size_t at = 0; at < n && !status;) {
		size_t used, len = n - at < piece ? n - at : piece;
		status = http_parse(&parser, (const char *)p + at, len, &used);
		must(used <= len);
		must(used > 0 || status || s->requests != before); /* it gets on */
		before = s->requests;
		at += used;
	}
	http_parser_fini(&parser);
	return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	if (n == 0)
		return 0;
	struct seen whole = {0}, pieces = {0};
	int a = parse(&whole, p, n, n), b = parse(&pieces, p, n, 1 + p[n - 1] % 16);
	/* Where two rules are broken at once, either may be told. */
	must((a != 0) == (b != 0) && whole.requests == pieces.requests);
	must(str_eq((struct str){whole.text.p, whole.text.n}, (struct str){pieces.text.p, pieces.text.n}));
	buf_fini(&whole.text);
	buf_fini(&pieces.text);
	return 0;
}
