/* http_parse: turns the bytes of one connection into whole requests, strictly (RFC 9112). No sockets.
 * (llhttp)
 *
 * Refused are: both lengths of a body, a folded header, no Host or two, another version than 1.0 and 1.1, too
 * much. */
#ifndef FAIRLEAD_IO_HTTP_PARSE_H
#define FAIRLEAD_IO_HTTP_PARSE_H

#include "common/io/http.h"

#include <llhttp.h>

enum { HTTP_HEAD_MOST = 16384, HTTP_FIELDS_MOST = 100 };

struct http_conn;
struct http_field {
	uint16_t name, name_n, value, value_n; /* in head, which HTTP_HEAD_MOST keeps below 64 KiB */
};
struct http_request {
	struct http_conn *conn;    /* of http_conn; NULL in a bare parser */
	struct http_request *next; /* in the order of arrival */
	struct buf head;           /* the target, then names and values */
	size_t target_n;
	struct http_field fields[HTTP_FIELDS_MOST];
	int field_count;
	struct buf body;
	uint8_t method; /* llhttp_method_t */
	bool keep_alive, http10, answered;
	struct buf extra, reply; /* headers given by http_answer_header; the whole answer */
};

struct http_parser {
	llhttp_t ll;
	size_t max_body;
	struct http_request *open; /* the one being read */
	size_t head_bytes;
	bool in_value, in_body; /* in_body: the header section has ended, what follows as headers are trailers */
	int status;             /* what refuses the peer: 400 408 413 431 505 */
	void (*on_begin)(void *arg);                           /* the first byte of a request has come */
	bool (*on_request)(void *arg, struct http_request *q); /* q is the caller's now; false: stop behind it */
	void (*on_continue)(void *arg);                        /* the peer waits for "100 Continue" */
	void *arg;
};
void http_parser_init(struct http_parser *p, size_t max_body);
/* Parses until the end, a stop or a refusal; *used: bytes taken. 0: go on (used < n: on_request said stop),
 * else the status to refuse with; the parser is then dead. */
int http_parse(struct http_parser *p, const char *bytes, size_t n, size_t *used);
void http_parser_fini(struct http_parser *p);
void http_request_free(struct http_request *q);

#endif
