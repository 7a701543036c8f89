/* sax_text: a text → the events of common/base/sax.h, in pieces of any size. */
#ifndef FAIRLEAD_TEST_SAX_TEXT_H
#define FAIRLEAD_TEST_SAX_TEXT_H

#include "common/base/err.h"
#include "common/base/sax.h"

#include <stdlib.h>
#include <yajl/yajl_parse.h>

struct sax_text {
	const struct sax *to;
	void *ctx;
};
static int sax_text_null(void *t)
{
	return ((struct sax_text *)t)->to->on_null(((struct sax_text *)t)->ctx);
}
static int sax_text_bool(void *t, int v)
{
	return ((struct sax_text *)t)->to->on_bool(((struct sax_text *)t)->ctx, v);
}
static int sax_text_number(void *t, const char *p, size_t n)
{
	return ((struct sax_text *)t)->to->on_number(((struct sax_text *)t)->ctx, (struct str){p, n});
}
static int sax_text_string(void *t, const unsigned char *p, size_t n)
{
	struct str s = {(const char *)p, n};
	return ((struct sax_text *)t)->to->on_string(((struct sax_text *)t)->ctx, s);
}
static int sax_text_open_map(void *t)
{
	return ((struct sax_text *)t)->to->on_open_map(((struct sax_text *)t)->ctx);
}
static int sax_text_key(void *t, const unsigned char *p, size_t n)
{
	struct str s = {(const char *)p, n};
	return ((struct sax_text *)t)->to->on_key(((struct sax_text *)t)->ctx, s);
}
static int sax_text_close_map(void *t)
{
	return ((struct sax_text *)t)->to->on_close_map(((struct sax_text *)t)->ctx);
}
static int sax_text_open_array(void *t)
{
	return ((struct sax_text *)t)->to->on_open_array(((struct sax_text *)t)->ctx);
}
static int sax_text_close_array(void *t)
{
	return ((struct sax_text *)t)->to->on_close_array(((struct sax_text *)t)->ctx);
}

/* Feeds json in pieces of `piece` bytes, each a copy of exactly its size. false: it is no JSON, or the
 * listener wanted no more. */
static inline bool sax_text_feed(const struct sax *to, void *ctx, struct str json, size_t piece)
{
	static const yajl_callbacks callbacks = {sax_text_null, sax_text_bool, NULL, NULL, sax_text_number,
		sax_text_string, sax_text_open_map, sax_text_key, sax_text_close_map, sax_text_open_array,
		sax_text_close_array};
	struct sax_text t = {to, ctx};
	yajl_handle h = yajl_alloc(&callbacks, NULL, &t);
	must(h != NULL);
	yajl_config(h, yajl_dont_validate_strings, 1);
	yajl_status s = yajl_status_ok;
	for (size_t at = 0; s == yajl_status_ok && at < json.n; at += piece) {
		size_t n = json.n - at < piece ? json.n - at : piece;
		unsigned char *copy = malloc(n);
		must(copy != NULL);
		memcpy(copy, json.p + at, n);
		s = yajl_parse(h, copy, n);
		free(copy);
	}
	if (s == yajl_status_ok)
		s = yajl_complete_parse(h);
	yajl_free(h);
	return s == yajl_status_ok;
}

#endif
