/* http_chunk: undoes the chunked transfer coding (RFC 9112 section 7.1), strictly. Pure.
 *
 * Refused is whatever two readers could take differently: a size that is not 1 to 8 hexadecimal digits, a
 * line that does not end in CR LF, control characters in an extension, a folded trailer. Extensions and
 * trailers are dropped; each may be HTTP_CHUNK_EXTRA_MOST bytes in all. */
#ifndef FAIRLEAD_IO_HTTP_CHUNK_H
#define FAIRLEAD_IO_HTTP_CHUNK_H

#include "common/base/str.h"

enum { HTTP_CHUNK_EXTRA_MOST = 4096 };
struct http_chunks { /* zeroed: before the first byte */
	uint32_t left;   /* of this chunk's data */
	uint16_t extension, trailer;
	uint8_t digits, at;
};
enum http_chunk {
	HTTP_CHUNK_MORE, /* all bytes are taken */
	HTTP_CHUNK_DATA, /* *data is a piece of the body, borrowed of bytes; go on behind *used */
	HTTP_CHUNK_END,  /* the body has ended at *used */
	HTTP_CHUNK_BAD,
};
enum http_chunk http_chunks_step(
	struct http_chunks *k, const char *bytes, size_t n, size_t *used, struct str *data);

#endif
