#include "reconciler/serve/etag.h"

#include <sodium.h>
#include <stdio.h>

void etag_of(char out[ETAG_TEXT], struct str body)
{
	uint8_t hash[crypto_generichash_BYTES_MIN];
	char hex[2 * sizeof hash + 1];
	crypto_generichash(hash, sizeof hash, (const uint8_t *)body.p, body.n, NULL, 0);
	hex_to(hex, hash, sizeof hash);
	snprintf(out, ETAG_TEXT, "W/\"%s\"", hex);
}

bool etag_matches(struct str list, const char *etag)
{
	struct str mine = str_of(etag + 2); /* weak comparison: without W/ (RFC 9110 section 8.8.3.2) */
	if (str_is(list, "*"))
		return true;
	for (size_t i = 0; i + mine.n <= list.n; i++)
		if (memcmp(list.p + i, mine.p, mine.n) == 0)
			return true;
	return false;
}

void etag_answer(struct visit *v, const char *type, struct str body)
{
	struct str none = http_header(v->q, "If-None-Match");
	char etag[ETAG_TEXT];
	etag_of(etag, body);
	visit_header(v, "Cache-Control", "no-cache");
	visit_header(v, "ETag", etag);
	if (none.p && etag_matches(none, etag))
		visit_answer(v, 304, NULL, STR(""));
	else
		visit_answer(v, 200, type, body);
}
