/* words: how real providers refuse: JSON-RPC code, message and data, HTTP status, headers and body, as
 * templates.
 *
 * {from} {to} {range} {limit} {count} {head} {upto} {first} stand for decimal numbers, {from.hex} … for
 * quantities. upto: the last block that would have passed; first: the oldest block that is kept. */
#ifndef FAIRLEAD_TEST_NODE_WORDS_H
#define FAIRLEAD_TEST_NODE_WORDS_H

#include "common/base/str.h"

enum words_kind {
	WORDS_RANGE,   /* more blocks than allowed */
	WORDS_RESULTS, /* more logs, or more bytes */
	WORDS_TIMEOUT,
	WORDS_RATE,
	WORDS_BATCH,
	WORDS_HISTORY, /* pruned blocks, receipts, logs */
	WORDS_STATE,   /* pruned state */
	WORDS_FUTURE,  /* above the head */
	WORDS_UNKNOWN, /* block hash */
	WORDS_MANY,    /* addresses or topics */
	WORDS_KINDS
};
struct words {
	const char *who; /* NULL: nothing here */
	enum words_kind kind;
	int status; /* HTTP; 0 is 200 */
	int code;
	const char *message;
	const char *data;    /* JSON text, or NULL */
	const char *headers; /* "Retry-After: 1\r\n", or NULL */
	const char *body;    /* instead of JSON-RPC; NULL: none */
};
struct words_numbers {
	uint64_t from, to, range, limit, count, head, upto, first;
};
const char *words_kind_name(enum words_kind k);
/* The wording of that name, else geth's, else the plain one of the kind. */
const struct words *words_get(const char *who, enum words_kind k);
bool words_known(const char *who);
void words_list(struct buf *out); /* {"alchemy": ["range", …], …} */
void words_fill(struct buf *out, const char *template, const struct words_numbers *n);

#endif
