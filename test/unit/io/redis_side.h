/* redis_side: a second, plain connection to the test's Redis, and a name for its socket that can be taken
 * away and given back (a symbolic link). FAIRLEAD_TEST_REDIS is the socket of a private server; without it
 * tests are skipped. */
#ifndef FAIRLEAD_TEST_REDIS_SIDE_H
#define FAIRLEAD_TEST_REDIS_SIDE_H

#include "test/unit/io/spin.h"

#include <hiredis.h>
#include <stdio.h>

struct side {
	const char *socket; /* NULL: no server, skip */
	redisContext *c;
	char dir[64], link[96];
};
static struct side side;

static inline int side_open(void **state)
{
	(void)state;
	side.socket = getenv("FAIRLEAD_TEST_REDIS");
	if (!side.socket) {
		puts("FAIRLEAD_TEST_REDIS is not set: the tests against Redis are skipped");
		return 0;
	}
	side.c = redisConnectUnix(side.socket);
	snprintf(side.dir, sizeof side.dir, "/tmp/fairlead-unit-XXXXXX");
	if (side.c->err || !mkdtemp(side.dir))
		return -1;
	snprintf(side.link, sizeof side.link, "%s/redis.sock", side.dir);
	return symlink(side.socket, side.link);
}

static inline int side_close(void **state)
{
	(void)state;
	if (!side.socket)
		return 0;
	redisFree(side.c);
	unlink(side.link);
	return rmdir(side.dir);
}

/* Runs one command; its reply as a number: of an integer, the length of an array, 1 for other non-null
 * replies. */
__attribute__((format(printf, 1, 2))) static inline long long side_do(const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	redisReply *r = redisvCommand(side.c, format, ap);
	va_end(ap);
	assert_non_null(r);
	if (r->type == REDIS_REPLY_ERROR)
		fail_msg("%s: %s", format, r->str);
	long long v = r->type == REDIS_REPLY_INTEGER ? r->integer
				  : r->type == REDIS_REPLY_ARRAY ? (long long)r->elements
												 : r->type != REDIS_REPLY_NIL;
	freeReplyObject(r);
	return v;
}

static inline void side_away(void)
{
	unlink(side.link);
	side_do("CLIENT KILL TYPE normal SKIPME yes");
}

static inline void side_back(void)
{
	assert_int_equal(symlink(side.socket, side.link), 0);
}

#define need_redis()  \
	if (!side.socket) \
	skip()

#endif
