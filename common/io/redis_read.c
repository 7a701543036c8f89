#include "common/io/redis.h"

#include <hiredis.h>

struct str redis_text(const struct redisReply *r)
{
	bool is = r && (r->type == REDIS_REPLY_STRING || r->type == REDIS_REPLY_STATUS);
	return is ? (struct str){r->str, r->len} : (struct str){NULL, 0};
}

struct str redis_error(const struct redisReply *r)
{
	return r && r->type == REDIS_REPLY_ERROR ? (struct str){r->str, r->len} : (struct str){NULL, 0};
}

bool redis_number(const struct redisReply *r, int64_t *v)
{
	if (!r || r->type != REDIS_REPLY_INTEGER)
		return false;
	*v = r->integer;
	return true;
}

size_t redis_items(const struct redisReply *r)
{
	return r && r->type == REDIS_REPLY_ARRAY ? r->elements : 0;
}

const struct redisReply *redis_item(const struct redisReply *r, size_t i)
{
	return i < redis_items(r) ? r->element[i] : NULL;
}
