/* limit: how often one may ask (serve.limit, a route's limit), counted in Redis for all replicas together.
 *
 * Each rate is a generic cell rate: count requests at once, then one each per/count. While Redis does not
 * answer within LIMIT_WAIT_MS this process counts alone. Headers: draft-ietf-httpapi-ratelimit-headers. */
#ifndef FAIRLEAD_SERVE_LIMIT_H
#define FAIRLEAD_SERVE_LIMIT_H

#include "common/io/redis.h"
#include "reconciler/serve/visit.h"

enum { LIMIT_WAIT_MS = 250 };

struct limits;
struct limits *limits_open(struct loop *l, struct redis *r, const struct config *c);
void limits_close(struct limits *s); /* behind the door and behind redis */
/* Whether anything limits this route. */
bool limits_hold(const struct limits *s, const struct route_decl *r);
/* go runs when v may go on, at once or later; else v is answered 429 with Retry-After. */
void limits_ask(struct limits *s, struct visit *v, void (*go)(void *arg, struct visit *v), void *arg);

/* One rate, for whoever counts alone. Pure. tat: when the bucket is full again, ms. */
struct rate_state {
	uint64_t tat_us;
};
struct rate_answer {
	bool ok;
	uint64_t left;     /* more requests at once */
	uint64_t retry_ms; /* not ok: wait so long */
	uint64_t reset_ms; /* until all is free again */
};
struct rate_answer rate_ask(struct rate_state *s, uint64_t count, uint64_t per_ms, uint64_t now_us);

#endif
