#include "common/io/http_chunk.h"

enum {
	SIZE,         /* its digits */
	EXTENSION,    /* behind them, to the CR */
	SIZE_LF,      /* CR came */
	DATA,         /* left bytes are to come */
	DATA_CR,      /* the data is whole */
	DATA_LF,      /* CR came behind it */
	TRAILER,      /* a line of trailers begins, or the empty one */
	TRAILER_TEXT, /* within a trailer */
	TRAILER_LF,   /* CR came behind a trailer */
	END_LF,       /* CR came on the empty line */
};

static bool is_text(unsigned char c)
{
	return c == '\t' || (c >= ' ' && c != 0x7f);
}

static bool take_size(struct http_chunks *k, char c)
{
	int d = hex_digit(c);
	if (d >= 0 && k->digits < 8) {
		k->left = k->left << 4 | (uint32_t)d;
		k->digits++;
		return true;
	}
	if (k->digits == 0 || d >= 0)
		return false;
	k->at = c == '\r' ? SIZE_LF : EXTENSION;
	/* RFC 9112 section 7.1.1: an extension begins with a semicolon; space before it is bad whitespace */
	return c == '\r' || c == ';';
}

/* One byte that is no data; false: refused. */
static bool take(struct http_chunks *k, char c)
{
	switch (k->at) {
	case SIZE: return take_size(k, c);
	case EXTENSION:
		if (c == '\r')
			k->at = SIZE_LF;
		else
			return is_text((unsigned char)c) && ++k->extension <= HTTP_CHUNK_EXTRA_MOST;
		return true;
	case SIZE_LF: k->at = k->left ? DATA : TRAILER; return c == '\n';
	case DATA_CR: k->at = DATA_LF; return c == '\r';
	case DATA_LF:
		k->at = SIZE;
		k->digits = 0;
		return c == '\n';
	case TRAILER:
		k->at = c == '\r' ? END_LF : TRAILER_TEXT;
		return c == '\r' || (is_text((unsigned char)c) && c != ' ' && c != '\t');
	case TRAILER_TEXT:
		if (c == '\r')
			k->at = TRAILER_LF;
		else
			return is_text((unsigned char)c) && ++k->trailer <= HTTP_CHUNK_EXTRA_MOST;
		return true;
	case TRAILER_LF: k->at = TRAILER; return c == '\n' && ++k->trailer <= HTTP_CHUNK_EXTRA_MOST;
	default: return c == '\n';
	}
}

enum http_chunk http_chunks_step(
	struct http_chunks *k, const char *bytes, size_t n, size_t *used, struct str *data)
{
	for (size_t i = 0; i < n; i++) {
		if (k->at == DATA) {
			size_t piece = n - i < k->left ? n - i : k->left;
			*data = (struct str){bytes + i, piece};
			*used = i + piece;
			k->left -= (uint32_t)piece;
			if (!k->left)
				k->at = DATA_CR;
			return HTTP_CHUNK_DATA;
		}
		bool last = k->at == END_LF;
		if (!take(k, bytes[i])) {
			*used = i;
			return HTTP_CHUNK_BAD;
		}
		if (last) {
			*used = i + 1;
			return HTTP_CHUNK_END;
		}
	}
	*used = n;
	return HTTP_CHUNK_MORE;
}
