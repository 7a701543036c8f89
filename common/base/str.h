/* str: borrowed slices (struct str, struct bytes) and one growing buffer (struct buf).
 *
 * A slice owns nothing; whoever made the memory says how long it lives. A buf owns its bytes until buf_fini;
 * a zeroed struct buf is empty and ready. buf keeps a NUL behind its n bytes, so b.p is a C string once
 * anything was put. */
#ifndef FAIRLEAD_BASE_STR_H
#define FAIRLEAD_BASE_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
	const char *p;
	size_t n;
};
struct bytes {
	const uint8_t *p;
	size_t n;
};

#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})
static inline struct str str_of(const char *s)
{
	return (struct str){s, s ? strlen(s) : 0};
}
static inline bool str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}
static inline bool str_is(struct str a, const char *s)
{
	return str_eq(a, str_of(s));
}
bool str_holds(struct str s, const char *words); /* anywhere in it, ASCII letters of either case */
bool text_is(const char *a, const char *b);      /* strcmp == 0; NULL equals only NULL */
bool text_starts(const char *s, const char *prefix);
bool str_to_u64(struct str s, uint64_t *v);     /* decimal digits only, whole slice, no overflow */
bool str_hex_to_u64(struct str s, uint64_t *v); /* 0x + 1..16 hex digits (JSON-RPC quantity) */
bool utf8_valid(struct str s);
size_t utf8_len(struct str s); /* of the valid sequence that s begins with; 0: none */

struct buf {
	char *p;
	size_t n, cap;
};
char *buf_grow(struct buf *b, size_t n); /* the slow path of: */
/* n writable bytes behind the end; then add to b->n. */
static inline char *buf_room(struct buf *b, size_t n)
{
	return b->p && n < b->cap - b->n ? b->p + b->n : buf_grow(b, n);
}
void buf_put(struct buf *b, const void *p, size_t n);
static inline void buf_text(struct buf *b, const char *s)
{
	buf_put(b, s, strlen(s));
}
static inline void buf_char(struct buf *b, char c)
{
	char *to = buf_room(b, 1);
	to[0] = c;
	to[1] = 0;
	b->n++;
}
void buf_str(struct buf *b, struct str s);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
void buf_int(struct buf *b, int64_t v); /* decimal */
void buf_uint(struct buf *b, uint64_t v);
void buf_hex(struct buf *b, const uint8_t *p, size_t n); /* lower case, no 0x */
void buf_json(struct buf *b, struct str s);              /* a quoted JSON string; bad UTF-8 becomes U+FFFD */
void buf_clear(struct buf *b);                           /* empty, memory kept */
void buf_fini(struct buf *b);

/* Hex. from: exactly 2n digits, either case, optional 0x; anything else is false. to: writes 2n+1 (or 2n+3)
 * chars. */
bool hex_from(uint8_t *out, size_t n, struct str s);
void hex_to(char *out, const uint8_t *p, size_t n);    /* "ab12…" NUL-terminated */
void hex_to_0x(char *out, const uint8_t *p, size_t n); /* "0xab12…" NUL-terminated */
int hex_digit(char c);                                 /* 0..15, or -1 */

#endif
