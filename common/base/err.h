/* err: what went wrong, for a person and for the machine that decides what to do next.
 *
 * Three kinds of failure are never mixed:
 *   - our own bug            must() below: prints and aborts (exit 134), always compiled in
 *   - the world              bool f(…, struct err *e): false means *e is set; the CLASS decides what follows
 *   - the operator           struct problems in common/app: file:line:col, all at once, exit 78
 *
 * A struct err is a plain value of the caller's; nothing in it is owned or freed. */
#ifndef FAIRLEAD_BASE_ERR_H
#define FAIRLEAD_BASE_ERR_H

#include <stdbool.h>
#include <stddef.h>

enum err_class {
	ERR_NONE = 0,
	ERR_TRANSIENT, /* the same call may succeed later: wait with backoff and try again */
	ERR_REJECTED,  /* the peer understood and refused: trying the same again will not help */
	ERR_MALFORMED, /* bytes that are not what the protocol says: distrust the peer, keep our state */
};

struct err {
	enum err_class class;
	int code;       /* the peer's own number (JSON-RPC code, HTTP status, errno), else 0 */
	char text[512]; /* one sentence without a trailing stop; never holds a secret; always NUL-terminated */
};

/* Fills *e (which may be NULL). Use the macro, whose value is false: return err_set(e, ERR_REJECTED, "…"). */
void err_put(struct err *e, enum err_class class, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
#define err_set(e, class, ...) (err_put((e), (class), __VA_ARGS__), false)

/* Puts "<prefix>: " before the text that is there. Value: false. */
void err_prefix_put(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#define err_prefix(e, ...) (err_prefix_put((e), __VA_ARGS__), false)

const char *err_class_name(enum err_class class); /* "transient" … */

/* Our own bug: always on. Says where and what on stderr, then abort() (exit code 134 under a shell). */
extern void (*err_last_words)(void); /* runs before; NULL: nothing does */
_Noreturn void err_bug(const char *file, int line, const char *expr);
#define must(cond) ((cond) ? (void)0 : err_bug(__FILE__, __LINE__, #cond))

#endif
