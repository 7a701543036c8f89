/* json_list: the inside of one JSON array as events, from pieces as they arrive, several times as fast as a
 * general parser: a string is looked through sixteen bytes at a time and given where it stands. (RFC 8259)
 *
 * Strict: what is no JSON is refused, but for bytes of strings that are no UTF-8, which are passed on. Not
 * here: the array's own brackets. The caller saw the one that opens, and gets the one that closes back. */
#ifndef FAIRLEAD_IO_JSON_LIST_H
#define FAIRLEAD_IO_JSON_LIST_H

#include "common/base/sax.h"

enum { JSON_LIST_DEPTH = 64 }; /* of what is nested inside: beyond, it is broken */
enum json_list_took {
	JSON_LIST_MORE,    /* all was taken, the list goes on */
	JSON_LIST_END,     /* the bracket that ends the list comes next */
	JSON_LIST_BROKEN,  /* no JSON */
	JSON_LIST_STOPPED, /* an event said false, or json_list_stop */
};
struct json_list;
struct json_list *json_list_new(const struct sax *sax, void *ctx); /* behind the bracket that opens it */
void json_list_free(struct json_list *l);                          /* NULL: nothing */
/* *used: bytes of the piece that are done with. Nothing may be fed behind anything but MORE. */
enum json_list_took json_list_feed(struct json_list *l, struct str piece, size_t *used);
/* Inside an event: it is the last one. */
void json_list_stop(struct json_list *l);

#endif
