/* redis: one asynchronous connection to Redis with deadlines, that comes back by itself. (hiredis)
 *
 * Commands leave in order and are answered in order; pipelining is free. A blocking command (XREADGROUP …
 * BLOCK) needs a connection of its own. Not here: streams and their rules (common/bus). */
#ifndef FAIRLEAD_IO_REDIS_H
#define FAIRLEAD_IO_REDIS_H

#include "common/base/err.h"
#include "common/base/str.h"
#include "common/io/loop.h"

struct redis;
struct redisReply; /* hiredis' own reply tree: see <hiredis/hiredis.h> */

struct redis_events {
	void (*on_up)(void *arg);
	void (*on_down)(void *arg, const struct err *e);
	void *arg;
};
/* url: redis://[user:password@]host:port[/db], unix:/path[?db=n], or a bare path that begins with '/'. */
struct redis *redis_open(struct loop *l, const char *url, const struct redis_events *ev);
void redis_close(struct redis *c);
bool redis_is_up(const struct redis *c);

/* reply NULL: the connection ended or the deadline passed first (*e says which); a reply of type error is a
 * reply. fn runs exactly once, in a later turn. deadline_ms 0: 5 s. */
typedef void (*redis_done_fn)(void *arg, const struct redisReply *reply, const struct err *e);
void redis_command(
	struct redis *c, uint64_t deadline_ms, redis_done_fn fn, void *arg, int argc, const struct str *argv);

/* What a reply says; borrowed for the callback. Of a reply of another type, or none: p == NULL, false, 0. */
struct str redis_text(const struct redisReply *r);         /* a string */
struct str redis_error(const struct redisReply *r);        /* why it was refused */
bool redis_number(const struct redisReply *r, int64_t *v); /* an integer */
size_t redis_items(const struct redisReply *r);            /* of an array */
const struct redisReply *redis_item(const struct redisReply *r, size_t i);

char *redis_url_from_env(void); /* REDIS_URL, else redis://127.0.0.1:6379; heap memory, may hold a password */
/* Whether REDIS_URL can be read; false: *e names it, why and the form, never its value. */
bool redis_env_ok(struct err *e);

#endif
