/* http_parse: turns the bytes of one connection into whole requests, strictly (RFC 9112). No sockets.
 * (llhttp)
 *
 * A header section is gathered whole, checked line by line, and then read by llhttp at once; bodies are
 * counted or dechunked here. Refused are: both lengths of a body, a folded header, a line that does not end
 * in CR LF, no Host or two, another version than 1.0 and 1.1, too much. */
#ifndef FAIRLEAD_IO_HTTP_PARSE_H
#define FAIRLEAD_IO_HTTP_PARSE_H

#include "common/io/http.h"
#include "common/io/http_chunk.h"
#include "common/io/http_due.h"

#include <llhttp.h>

enum { HTTP_LINE_MOST = 8192, HTTP_HEAD_MOST = 16384, HTTP_HEAD_LIMIT = 61440, HTTP_FIELDS_MOST = 100 };

struct http_conn;
struct http_field {
	uint16_t name, name_n, value, value_n; /* in head, which HTTP_HEAD_LIMIT keeps below 64 KiB */
};
struct http_request {
	struct http_conn *conn;    /* of http_conn; NULL in a bare parser */
	struct http_request *next; /* in the order of arrival, or of the spare ones */
	struct buf head;           /* the header section as it came */
	uint16_t target, target_n; /* in head */
	int field_count;
	struct buf body;
	uint8_t method; /* llhttp_method_t */
	bool keep_alive, http10, answered, gzip;
	bool upgrade; /* wishes another protocol */
	bool alone;   /* what follows waits for its answer: it may not be HTTP, or nothing may follow */
	struct buf extra, reply;    /* headers given by http_answer_header; the answer, or its head */
	struct http_stream *stream; /* answered by it */
	struct http_due late;       /* in the server's list of those that owe an answer */
	struct arena arena;
	void *data;
	struct http_field fields[HTTP_FIELDS_MOST];
};

enum http_at { HTTP_AT_HEAD, HTTP_AT_LENGTH, HTTP_AT_CHUNKS, HTTP_AT_END };
struct http_parser {
	size_t max_body, max_line, max_head;
	int max_fields;
	enum http_at at;           /* what of the open request is read */
	struct http_request *open; /* NULL: between two */
	size_t line_n;             /* bytes of the line that is being read */
	int lines;                 /* that were read of its head */
	size_t body_most;          /* of the open request */
	uint64_t left;             /* of a body with a length */
	struct http_chunks chunks;
	bool cr;                                 /* between two requests CR came */
	int status;                              /* what refuses the peer: 400 413 414 417 431 501 505 */
	struct http_request *(*take)(void *arg); /* a request that was reset; NULL: a new one */
	void (*on_begin)(void *arg);             /* the first byte of a request has come */
	size_t (*body_limit)(void *arg, const struct http_request *q); /* NULL: max_body */
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
bool http_is_token(struct str s);                  /* RFC 9110 section 5.6.2 */
bool http_word_is(struct str s, const char *word); /* letters of either case */
/* Takes the next element off a comma-separated list (section 5.6.1); false: no more. */
bool http_list_next(struct str *list, struct str *item);
bool http_list_has(struct str list, const char *word); /* as http_word_is */
void http_request_reset(struct http_request *q);       /* as new; keeps small buffers */

#endif
