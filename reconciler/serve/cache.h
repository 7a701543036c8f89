/* cache: answers of routes with `cache:`, kept for that long, for all replicas: in this process, and in Redis
 * as <name>:cache:<hash>. Within it no SQL runs: who asks for what is being asked already waits for that
 * answer. Only good answers (200) are kept. Bounded: the oldest go. */
#ifndef FAIRLEAD_SERVE_CACHE_H
#define FAIRLEAD_SERVE_CACHE_H

#include "common/io/redis.h"
#include "reconciler/serve/visit.h"

enum { CACHE_BYTES = 8 << 20, CACHE_ONE = 1 << 20 /* larger answers are not kept */, CACHE_WAIT_MS = 100 };

struct cache;
struct cache *cache_open(struct redis *r, const char *app);
void cache_close(struct cache *c); /* behind the door and behind redis */
/* v is answered from what is kept, or by the answer to another of its kind, now or later; else run is called,
 * and its answer is given to cache_answer or cache_trouble. */
void cache_visit(struct cache *c, struct visit *v, void (*run)(void *arg, struct visit *v), void *arg);
/* In place of visit_answer and visit_trouble, for what cache_visit has run. */
void cache_answer(struct cache *c, struct visit *v, int status, const char *type, struct str body);
void cache_trouble(struct cache *c, struct visit *v, const struct trouble *t);

#endif
